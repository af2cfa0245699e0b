"""`/search/`."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.utils import extend_schema

from documents.selectors import require_collections, require_documents
from retrieval.api.serializers import SearchInput, SearchResultsSerializer
from retrieval.search import search
from retrieval.types import Hit, Mode, Scope
from tenants.access import Access
from tenants.api.asynchronous import json_body, json_response
from tenants.api.views import TenantView
from tenants.db import run_unit, tenant_atomic
from tenants.permissions import Action


class SearchView(TenantView):
    actions_by_method = {"POST": Action.READ_DOCUMENTS}

    @extend_schema(operation_id="search", request=SearchInput, responses=SearchResultsSerializer)
    async def post(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """The passages that fit a question best, best first."""
        hits = await run_unit(partial(_search, access, json_body(request, SearchInput)))
        return json_response(SearchResultsSerializer({"results": hits}).data)


def _search(access: Access, wanted: dict[str, Any]) -> list[Hit]:
    """Find the scope in a unit of its own: none may be open while the question is embedded."""
    with tenant_atomic(access.tenant_id):
        scope = _scope(access, wanted)
    return search(access, wanted["query"], top_k=wanted["top_k"], scope=scope, mode=Mode(wanted["mode"]))


def _scope(access: Access, wanted: dict[str, Any]) -> Scope:
    collections = documents = None
    if "collections" in wanted:
        found = require_collections(access, wanted["collections"], pointer="/collections/{}")
        collections = tuple(one.id for one in found)
    if "documents" in wanted:
        chosen = require_documents(access, wanted["documents"], pointer="/documents/{}")
        documents = tuple(one.id for one in chosen)
    return Scope(collections=collections, documents=documents)
