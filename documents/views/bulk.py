"""Changing several documents of the list at once."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework import serializers

from documents.models import Document
from documents.selectors import require_collections, require_documents
from documents.services.documents import delete_document, reprocess_document, update_document
from documents.views.forms import back, form_view, tell
from tenants.access import Access
from tenants.api.serializers import StrictSerializer
from tenants.db import tenant_atomic
from tenants.errors import DocentError, InvalidInput
from tenants.permissions import Action

ROWS = 100
"""Documents of a page of the list: so many may be changed at once."""

UNDO = "documents_undo"
"""What the session keeps until the list is shown: `{"words", "places": [{"document", "collection"}]}`."""

# So many refusals are told one by one.
_TOLD = 5


class ChosenInput(StrictSerializer):
    documents = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=ROWS)
    action = serializers.ChoiceField(choices=["move", "reprocess", "delete"])
    collection = serializers.UUIDField(required=False, help_text="Where to, of `move`.")
    confirmed = serializers.BooleanField(default=False, help_text="Of `delete`, which asks first.")


class PlacesInput(StrictSerializer):
    """Documents, and in the same order the collections that they go back to."""

    documents = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=ROWS)
    collections = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=ROWS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs["documents"]) != len(attrs["collections"]):
            raise serializers.ValidationError({"collections": "One for each document."})
        return attrs


@form_view(Action.WRITE_DOCUMENTS)
def bulk(request: HttpRequest, access: Access) -> HttpResponse:
    """Move, process anew or delete the chosen documents; what is refused of them is said one by one."""
    body = ChosenInput(data=_sent(request, "documents"))
    body.is_valid(raise_exception=True)
    wanted = body.validated_data
    chosen = _named(access, wanted["documents"])
    match wanted["action"]:
        case "move":
            _move(request, access, chosen, wanted.get("collection"))
        case "reprocess":
            done = _each(request, access, chosen, lambda one: reprocess_document(access=access, document=one))
            _tell(request, ngettext("%(n)d document is queued.", "%(n)d documents are queued.", len(done)), done)
        case "delete" if wanted["confirmed"]:
            done = _each(request, access, chosen, lambda one: delete_document(access=access, document=one))
            _tell(request, ngettext("%(n)d document deleted.", "%(n)d documents deleted.", len(done)), done)
        case "delete":
            return render(request, "documents_delete.html", {"section": "documents", "documents": chosen})
    return back(request)


@form_view(Action.WRITE_DOCUMENTS)
def undo_move(request: HttpRequest, access: Access) -> HttpResponse:
    """Put documents back where they were."""
    body = PlacesInput(data=_sent(request, "documents", "collections"))
    body.is_valid(raise_exception=True)
    ids, places = body.validated_data["documents"], body.validated_data["collections"]
    homes = {one.id: one for one in require_collections(access, places, pointer="/collections/{}")}
    target = dict(zip(ids, places, strict=True))
    chosen = _named(access, ids)
    done = _each(
        request,
        access,
        chosen,
        lambda one: update_document(access=access, document=one, collection=homes[target[one.id]]),
    )
    _tell(request, ngettext("%(n)d document is back.", "%(n)d documents are back.", len(done)), done)
    return back(request)


def _named(access: Access, ids: Sequence[UUID]) -> list[Document]:
    """In the order in which everybody locks several, so that two people never wait for each other."""
    return sorted(require_documents(access, ids, pointer="/documents/{}"), key=lambda one: one.id)


def _move(request: HttpRequest, access: Access, chosen: Sequence[Document], collection: UUID | None) -> None:
    if collection is None:
        raise InvalidInput.at("/collection", _("Choose the collection to move to."), "required")
    [target] = require_collections(access, [collection], pointer="/collection")
    chosen = [one for one in chosen if one.collection_id != target.id]
    before = {one.id: one.collection_id for one in chosen}
    done = _each(
        request, access, chosen, lambda one: update_document(access=access, document=one, collection=target)
    )
    if not done:
        return
    words = ngettext("%(n)d document moved to “%(name)s”.", "%(n)d documents moved to “%(name)s”.", len(done))
    request.session[UNDO] = {
        "words": words % {"n": len(done), "name": target.name},
        "places": [{"document": str(one.id), "collection": str(before[one.id])} for one in done],
    }


def _each(
    request: HttpRequest, access: Access, chosen: Sequence[Document], change: Callable[[Document], object]
) -> list[Document]:
    """Those for which it went well."""
    done, refused = [], []
    for one in chosen:
        try:
            with tenant_atomic(access.tenant_id):
                change(one)
            done.append(one)
        except DocentError as error:
            refused.append(f"“{one.title}”: {error.detail}")
    for words in refused[:_TOLD]:
        tell(request, words, messages.ERROR)
    if (rest := len(refused) - _TOLD) > 0:
        words = ngettext("And %(n)d more.", "And %(n)d more.", rest)
        tell(request, words % {"n": rest}, messages.ERROR)
    return done


def _tell(request: HttpRequest, words: str, done: Sequence[Document]) -> None:
    if done:
        tell(request, words % {"n": len(done)})


def _sent(request: HttpRequest, *lists: str) -> dict[str, Any]:
    """A form's fields, those named as lists; a menu from which nothing was chosen says nothing."""
    sent = {name: value for name, value in request.POST.items() if value and name != "csrfmiddlewaretoken"}
    return {**sent, **{name: request.POST.getlist(name) for name in lists}}
