"""Asking by a form, where scripts do not run: the conversation's page shows the answer as far as it is."""

import hashlib
import json
import time
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from conversations.chat_models import chooser
from conversations.replies import runner
from conversations.selectors.conversations import access_conversation
from conversations.services.conversations import create_conversation
from conversations.services.messages import Asked, ask, find_attempted
from conversations.views.bodies import id_of
from conversations.views.chat import chat_page
from tenants.access import Access
from tenants.api.problems import as_docent_error
from tenants.db import run_in_tenant, run_unit, tenant_atomic
from tenants.limits.bucket import require_call
from tenants.permissions import Action
from tenants.services.idempotency import Attempt
from tenants.web.portal_views import portal_view

# These are pages of their own; anything else is said beside the question, which is kept.
_NO_NOTICES = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}


@require_POST
@portal_view(Action.CHAT)
async def ask_anew(request: HttpRequest, access: Access) -> HttpResponse:
    """A question that begins a conversation; where it is refused none has begun."""
    return await _ask(request, access, None)


@require_POST
@portal_view(Action.CHAT)
async def ask_further(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    return await _ask(request, access, conversation)


async def _ask(request: HttpRequest, access: Access, conversation_id: UUID | None) -> HttpResponse:
    arrived_at = time.monotonic()
    draft = _draft(request)

    def store() -> Asked:
        require_call(access, arrived_at=arrived_at)
        return _store(access, conversation_id, draft, _attempt(access, conversation_id, request, draft))

    try:
        await chooser().require(access, "")
        asked = await run_unit(store)
    except Exception as raised:
        error = as_docent_error(raised)
        if error is None or error.status in _NO_NOTICES:
            raise
        refused = {"draft": draft, "refusal": error.detail, "status": error.status}
        return await run_in_tenant(access.tenant_id, _refused, request, access, conversation_id, refused)
    runner.start(asked)
    return HttpResponseRedirect(f"{reverse('portal:conversation', args=[asked.conversation_id])}#latest")


def _draft(request: HttpRequest) -> dict[str, Any]:
    """What the form holds; a suggested question goes before the field, whose text may be older."""
    return {
        # Browsers send a line's end as two characters, sockets as one.
        "content": (request.POST.get("sample") or request.POST.get("content", "")).replace("\r\n", "\n"),
        "persona": request.POST.get("persona", ""),
        "collections": [id_of(one) for one in request.POST.getlist("collections")],
        "documents": [id_of(one) for one in request.POST.getlist("documents")],
    }


def _attempt(
    access: Access, conversation_id: UUID | None, request: HttpRequest, draft: dict[str, Any]
) -> Attempt | None:
    """Each form bears an id of its own: sent twice, by two clicks or by going back, it asks once."""
    sent = request.POST.get("attempt", "")
    if id_of(sent).int == 0:
        return None
    whole = json.dumps([conversation_id, draft], default=str)
    return Attempt(access, f"form {id_of(sent)}", hashlib.sha256(whole.encode()).hexdigest())


def _store(access: Access, conversation_id: UUID | None, draft: dict[str, Any], attempt: Attempt | None) -> Asked:
    with tenant_atomic(access.tenant_id):
        if (asked := find_attempted(access, attempt)) is not None:
            return asked
        if conversation_id is None:
            begun = create_conversation(
                access=access, persona=draft["persona"] or None, documents=draft["documents"]
            )
            conversation_id = begun.id
        return ask(
            access=access,
            conversation_id=conversation_id,
            content=draft["content"],
            process_id=runner.writing_process(),
            collections=draft["collections"],
            attempt=attempt,
        )


def _refused(
    request: HttpRequest, access: Access, conversation_id: UUID | None, refused: dict[str, Any]
) -> HttpResponse:
    """The page again, with what was written and why it was not taken."""
    found = access_conversation(access, conversation_id) if conversation_id else None
    return chat_page(request, access, found, **refused)
