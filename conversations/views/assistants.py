"""Settings: the assistants that an organisation offers."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from conversations.default_personas import (
    MAX_DESCRIPTION,
    MAX_INSTRUCTIONS,
    MAX_MODEL,
    MAX_NAME,
    MAX_QUESTIONS,
    MAX_TEMPERATURE,
    MAX_TOKENS,
)
from conversations.models import Persona
from conversations.selectors.personas import (
    access_persona,
    collections_of,
    differs_from_default,
    list_personas,
    may_change,
)
from conversations.services.personas import (
    PersonaFields,
    archive_persona,
    change_persona,
    create_persona,
    require_change,
    reset_persona,
    restore_persona,
)
from documents.selectors import visible_collections
from tenants.access import Access
from tenants.errors import Conflict, InvalidInput
from tenants.permissions import Action
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

PAGE = "settings-assistants"
_LIMITS = {
    "name": MAX_NAME,
    "description": MAX_DESCRIPTION,
    "instructions": MAX_INSTRUCTIONS,
    "model": MAX_MODEL,
    "temperature": MAX_TEMPERATURE,
    "tokens": MAX_TOKENS,
    "questions": MAX_QUESTIONS,
}


@require_safe
@portal_view(Action.CHAT)
def assistants(request: HttpRequest, access: Access) -> HttpResponse:
    """Those that may be chosen, and those that were archived."""
    context = {
        "personas": [_row(access, one) for one in list_personas(access).order_by("name", "id")],
        "archived": [_row(access, one) for one in list_personas(access, is_archived=True).order_by("name", "id")],
        "can_make": access.allows(Action.WRITE_PERSONAS),
    }
    return render_settings(request, access, PAGE, "settings/assistants.html", context)


@require_safe
@portal_view(Action.WRITE_PERSONAS)
def new(request: HttpRequest, access: Access) -> HttpResponse:
    """An empty form."""
    return _form(request, access, None, {"mode": "grounded"})


@require_safe
@portal_view(Action.WRITE_PERSONAS)
def edit(request: HttpRequest, access: Access, persona: UUID) -> HttpResponse:
    """The form of one's own, and for admins of all."""
    found = access_persona(access, persona)
    require_change(access, found)
    values = {name: getattr(found, name) for name in PersonaFields.__annotations__ if name != "collections"}
    values["sample_questions"] = "\n".join(found.sample_questions)
    values["collections"] = collections_of(access, found)
    return _form(request, access, found, values)


@require_POST
@portal_view(Action.WRITE_PERSONAS)
def create(request: HttpRequest, access: Access) -> HttpResponse:
    """Make one; what was typed stays there when it cannot be used."""
    return _saved(request, access, None)


@require_POST
@portal_view(Action.WRITE_PERSONAS)
def change(request: HttpRequest, access: Access, persona: UUID) -> HttpResponse:
    found = access_persona(access, persona)
    require_change(access, found)
    return _saved(request, access, found)


@settings_form(Action.WRITE_PERSONAS, page=PAGE)
def archive(request: HttpRequest, access: Access, persona: UUID) -> None:
    found = archive_persona(access=access, persona=access_persona(access, persona))
    messages.success(request, _("{name} is archived. It can be restored below.").format(name=found.name))


@settings_form(Action.WRITE_PERSONAS, page=PAGE)
def restore(request: HttpRequest, access: Access, persona: UUID) -> None:
    found = restore_persona(access=access, persona=access_persona(access, persona))
    messages.success(request, _("{name} can be chosen again.").format(name=found.name))


@settings_form(Action.WRITE_PERSONAS, page=PAGE)
def reset(request: HttpRequest, access: Access, persona: UUID) -> None:
    found = reset_persona(access=access, persona=access_persona(access, persona))
    messages.success(request, _("{name} is as it was at first.").format(name=found.name))


def _row(access: Access, persona: Persona) -> dict[str, Any]:
    can_change = may_change(access, persona)
    return {
        "persona": persona,
        "can_change": can_change,
        "can_reset": can_change and differs_from_default(persona),
        "is_own": persona.created_by_id == access.user_id,
    }


def _saved(request: HttpRequest, access: Access, persona: Persona | None) -> HttpResponse:
    try:
        with transaction.atomic():
            fields = _sent(request, access, persona)
            if persona is None:
                saved = create_persona(access=access, fields=fields)
            else:
                saved = change_persona(access=access, persona=persona, fields=fields)
    except (InvalidInput, Conflict) as error:
        messages.error(request, _worded(error))
        values = {**request.POST.dict(), "collections": request.POST.getlist("collections")}
        return _form(request, access, persona, values, status=HTTPStatus.BAD_REQUEST)
    messages.success(request, _("{name} is saved.").format(name=saved.name))
    return redirect(reverse(f"portal:{PAGE}"))


def _sent(request: HttpRequest, access: Access, persona: Persona | None) -> PersonaFields:
    """What the form says. A box for the default stands there for admins alone."""
    sent = request.POST
    fields = PersonaFields(
        name=sent.get("name", ""),
        description=sent.get("description", ""),
        instructions=sent.get("instructions", ""),
        mode=sent.get("mode", "grounded"),
        temperature=_number(sent.get("temperature", ""), "temperature", float),
        max_tokens=_number(sent.get("max_tokens", ""), "max_tokens", int),
        model=sent.get("model", ""),
        sample_questions=sent.get("sample_questions", "").splitlines(),
        collections=_ids(sent.getlist("collections")),
    )
    if access.allows(Action.MANAGE_PERSONAS):
        fields["is_default"] = "is_default" in sent
    return fields


def _number(text: str, field: str, kind: type[float | int]) -> Any:
    try:
        return kind(text.strip().replace(",", ".")) if text.strip() else None
    except ValueError as error:
        raise InvalidInput.at(f"/{field}", _("This is a number."), "invalid") from error


def _ids(values: list[str]) -> list[UUID]:
    try:
        return [UUID(value) for value in values]
    except ValueError as error:
        raise InvalidInput.at("/collections", _("This is a list of collections."), "invalid") from error


def _worded(error: InvalidInput | Conflict) -> str:
    labels = {
        "description": _("Description"),
        "instructions": _("Instructions"),
        "temperature": _("Temperature"),
        "max_tokens": _("Longest answer"),
        "model": _("Model"),
        "sample_questions": _("Sample questions"),
        "collections": _("Collections"),
    }
    field = error.errors[0].pointer.strip("/").partition("/")[0] if error.errors else ""
    return f"{labels[field]}: {error.detail}" if field in labels else error.detail


def _form(
    request: HttpRequest,
    access: Access,
    persona: Persona | None,
    values: dict[str, Any],
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "persona": persona,
        "values": values,
        "limits": _LIMITS,
        "collections": [
            {"id": str(one.id), "name": one.name} for one in visible_collections(access).order_by("name", "id")
        ],
        "can_set_default": access.allows(Action.MANAGE_PERSONAS),
    }
    return render_settings(request, access, PAGE, "settings/assistant.html", context, status=status)
