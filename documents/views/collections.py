"""Collections in the portal: making one, what is in it, who sees it, and its end."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from documents.api.serializers.collections import CollectionInput, SightInput
from documents.api.views.collections import shown_collection
from documents.models import Collection
from documents.selectors import (
    access_collection,
    count_by_status,
    list_collections,
    list_sources,
    may_change,
    sight_of,
    with_totals,
)
from documents.services.collections import (
    create_collection,
    delete_collection,
    rename_collection,
    require_change,
    set_collection_access,
)
from documents.views.forms import back, fields_of, form_view, tell, to_list
from documents.views.sources import refresh_choices, source_rows
from tenants.access import Access
from tenants.permissions import Action, Role
from tenants.selectors import list_groups, list_members
from tenants.web.portal_views import is_navigation, portal_view

# Admins and owners see every collection, so the form does not offer them.
_ROLES_TO_NAME = ((Role.VIEWER, _("Viewers and above")), (Role.MEMBER, _("Members and above")))


@form_view(Action.WRITE_DOCUMENTS)
def create(request: HttpRequest, access: Access) -> HttpResponse:
    """A new collection, named by a form or by a script's JSON."""
    body = CollectionInput(data=fields_of(request))
    body.is_valid(raise_exception=True)
    collection = create_collection(access=access, name=body.validated_data["name"])
    if is_navigation(request):
        return to_list()
    return JsonResponse(shown_collection(access, collection.id), status=201)


@require_safe
@portal_view(Action.READ_DOCUMENTS)
def collection(request: HttpRequest, access: Access, collection: UUID) -> HttpResponse:
    """What is in a collection, and where it comes from."""
    access_collection(access, collection)
    found = with_totals(list_collections(access)).get(id=collection)
    counts = count_by_status(found)
    context = {
        "section": "documents",
        "collection": found,
        "states": [(status, number) for status, number in counts.items() if number],
        "sources": source_rows(access, list_sources(access).filter(collection=found)),
        "refresh_choices": refresh_choices(),
        "may_change": may_change(access, found),
    }
    return render(request, "collection.html", context)


@form_view(Action.WRITE_DOCUMENTS)
def rename(request: HttpRequest, access: Access, collection: UUID) -> HttpResponse:
    found = access_collection(access, collection)
    body = CollectionInput(data=fields_of(request))
    body.is_valid(raise_exception=True)
    rename_collection(access=access, collection=found, name=body.validated_data["name"])
    tell(request, gettext("The collection has a new name."))
    return back(request)


@require_http_methods(["GET", "HEAD", "POST"])
@portal_view(Action.WRITE_DOCUMENTS)
def delete(request: HttpRequest, access: Access, collection: UUID) -> HttpResponse:
    """Says what goes with it, and takes it away."""
    found = access_collection(access, collection)
    require_change(access, found)
    if request.method != "POST":
        rows = with_totals(list_collections(access))
        context = {"section": "documents", "collection": rows.get(id=collection), "sources": found.sources.count()}
        return render(request, "collection_delete.html", context)
    delete_collection(access=access, collection=found)
    tell(request, gettext("“{name}” is deleted.").format(name=found.name))
    return to_list() if is_navigation(request) else HttpResponse(status=204)


@require_http_methods(["GET", "HEAD", "POST"])
@portal_view(Action.WRITE_DOCUMENTS)
def collection_access(request: HttpRequest, access: Access, collection: UUID) -> HttpResponse:
    """Who can see a collection, and changing that."""
    found = access_collection(access, collection)
    require_change(access, found)
    if request.method != "POST":
        return render(request, "collection_access.html", _sight_context(access, found))
    body = SightInput(data=_sent_sight(request))
    body.is_valid(raise_exception=True)
    set_collection_access(access=access, collection=found, **body.validated_data)
    return to_list() if is_navigation(request) else HttpResponse(status=204)


def _sight_context(access: Access, collection: Collection) -> dict[str, Any]:
    sight = sight_of(collection)
    return {
        "section": "documents",
        "collection": collection,
        "roles": [
            {"value": role, "label": label, "is_named": role in sight.roles} for role, label in _ROLES_TO_NAME
        ],
        "groups": [
            {"value": one.id, "label": one.name, "is_named": one.id in sight.groups}
            for one in list_groups(access).order_by("name")
        ],
        "people": [
            {
                "value": one.user_id,
                "label": one.user.name or one.user.email,
                "email": one.user.email if one.user.name else "",
                "role": Role(one.role),
                "is_named": one.user_id in sight.people,
            }
            for one in list_members(access).order_by("user__email")
        ],
    }


def _sent_sight(request: HttpRequest) -> Any:
    """The form's choice: where everyone sees it, the boxes that were ticked before no longer count."""
    if request.content_type == "application/json":
        return fields_of(request)
    everyone = request.POST.get("everyone", "")
    named = (
        {} if everyone == "true" else {name: request.POST.getlist(name) for name in ("people", "groups", "roles")}
    )
    return {"everyone": everyone, **named}
