"""`/search/`."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema

from documents.models import EmbeddingIndex
from documents.selectors import find_active_index, require_collections, require_documents
from providers.errors import ProviderError
from retrieval.api.serializers import SearchInput, SearchResultsSerializer
from retrieval.ranking.reranking import reranked_aside
from retrieval.search import do_without, embed_question_aside, find_passages
from retrieval.types import Mode, Scope
from tenants.access import Access
from tenants.api.asynchronous import json_body, json_response
from tenants.api.idempotency import answer_once
from tenants.api.views import TenantView
from tenants.db import run_in_tenant
from tenants.permissions import Action


class SearchView(TenantView):
    actions_by_method = {"POST": Action.READ_DOCUMENTS}

    @extend_schema(operation_id="search", request=SearchInput, responses=SearchResultsSerializer)
    async def post(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """The passages that fit a question best, best first.

        While the embedding model cannot be used, `hybrid` goes by words alone and `vector` is 503.
        """
        wanted = json_body(request, SearchInput)
        return await answer_once(request, access, wanted, partial(_search, access, wanted))


async def _search(access: Access, wanted: dict[str, Any]) -> HttpResponse:
    query, mode = wanted["query"], Mode(wanted["mode"])
    scope, index = await run_in_tenant(access.tenant_id, _prepare, access, wanted)
    vector = None
    if index is not None and mode is not Mode.LEXICAL:
        try:
            vector = await embed_question_aside(index, query)
        except ProviderError as error:
            do_without(error, mode)
    found = await run_in_tenant(
        access.tenant_id, find_passages, access, query, vector, top_k=wanted["top_k"], scope=scope, mode=mode
    )
    found = await reranked_aside(query, found)
    return json_response(SearchResultsSerializer({"results": found.hits}).data)


def _prepare(access: Access, wanted: dict[str, Any]) -> tuple[Scope, EmbeddingIndex | None]:
    return _scope(access, wanted), find_active_index()


def _scope(access: Access, wanted: dict[str, Any]) -> Scope:
    collections = documents = None
    if "collections" in wanted:
        found = require_collections(access, wanted["collections"], pointer="/collections/{}")
        collections = tuple(one.id for one in found)
    if "documents" in wanted:
        chosen = require_documents(access, wanted["documents"], pointer="/documents/{}")
        documents = tuple(one.id for one in chosen)
    return Scope(
        collections=collections,
        documents=documents,
        tags=_listed(wanted, "tags"),
        languages=_listed(wanted, "languages"),
        after=wanted.get("after"),
        before=wanted.get("before"),
    )


def _listed(wanted: dict[str, Any], name: str) -> tuple[str, ...] | None:
    return tuple(wanted[name]) if name in wanted else None
