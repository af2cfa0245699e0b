"""`/collections/`."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from documents.api.serializers.collections import (
    CollectionChange,
    CollectionInput,
    CollectionSerializer,
    CollectionStatsSerializer,
)
from documents.models import Collection
from documents.selectors import access_collection, count_by_status, list_collections, with_totals
from documents.services.collections import (
    create_collection,
    delete_collection,
    rename_collection,
    set_chunk_sizes,
    set_collection_access,
)
from tenants.access import Access
from tenants.api.pages import PageQuery
from tenants.api.views import TenantView
from tenants.db import tenant_atomic
from tenants.permissions import Action


class CollectionsView(TenantView):
    actions_by_method = {"GET": Action.READ_DOCUMENTS, "POST": Action.WRITE_DOCUMENTS}

    @extend_schema(
        operation_id="collections_list",
        parameters=[PageQuery],
        responses=CollectionSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The collections that you can see, oldest first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(with_totals(list_collections(self.access)), CollectionSerializer)

    @extend_schema(
        operation_id="collections_create", request=CollectionInput, responses={201: CollectionSerializer}
    )
    def post(self, request: Request) -> Response:
        """Make a collection; its slug comes from the name."""
        body = CollectionInput(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        with tenant_atomic(self.access.tenant_id):
            collection = create_collection(access=self.access, name=wanted["name"])
            _change(self.access, collection, wanted)
        return Response(shown_collection(self.access, collection.id), status=status.HTTP_201_CREATED)


class CollectionView(TenantView):
    actions_by_method = {
        "GET": Action.READ_DOCUMENTS,
        "PATCH": Action.WRITE_DOCUMENTS,
        "DELETE": Action.WRITE_DOCUMENTS,
    }

    @extend_schema(operation_id="collections_read", responses=CollectionSerializer)
    def get(self, request: Request, collection_id: UUID) -> Response:
        """One collection."""
        access_collection(self.access, collection_id)
        return Response(shown_collection(self.access, collection_id))

    @extend_schema(operation_id="collections_change", request=CollectionChange, responses=CollectionSerializer)
    def patch(self, request: Request, collection_id: UUID) -> Response:
        """Rename a collection, or say who sees it or how its documents are cut; the slug stays."""
        collection = access_collection(self.access, collection_id)
        body = CollectionChange(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        with tenant_atomic(self.access.tenant_id):
            if "name" in wanted:
                rename_collection(access=self.access, collection=collection, name=wanted["name"])
            _change(self.access, collection, wanted)
        return Response(shown_collection(self.access, collection_id))

    @extend_schema(operation_id="collections_delete", responses={204: None})
    def delete(self, request: Request, collection_id: UUID) -> Response:
        """Delete a collection with its documents, their vectors and files."""
        delete_collection(access=self.access, collection=access_collection(self.access, collection_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class CollectionStatsView(TenantView):
    actions_by_method = {"GET": Action.READ_DOCUMENTS}

    @extend_schema(operation_id="collections_stats", responses=CollectionStatsSerializer)
    def get(self, request: Request, collection_id: UUID) -> Response:
        """How much is in a collection, and when it last changed."""
        access_collection(self.access, collection_id)
        found: Any = _totals_of(self.access, collection_id)
        found.by_status = count_by_status(found)
        return Response(CollectionStatsSerializer(found).data)


def _change(access: Access, collection: Collection, wanted: dict[str, Any]) -> None:
    """What is said of a collection beside its name."""
    if "access" in wanted:
        set_collection_access(access=access, collection=collection, **wanted["access"])
    if "chunk_size" in wanted or "chunk_overlap" in wanted:
        set_chunk_sizes(
            access=access,
            collection=collection,
            size=wanted.get("chunk_size", collection.chunk_size),
            overlap=wanted.get("chunk_overlap", collection.chunk_overlap),
        )


def shown_collection(access: Access, collection_id: UUID) -> dict[str, Any]:
    """A collection that is there, as programs see it."""
    found = _totals_of(access, collection_id)
    shown: dict[str, Any] = CollectionSerializer(found, context={"access": access}).data
    return shown


def _totals_of(access: Access, collection_id: UUID) -> Collection:
    return with_totals(list_collections(access)).get(id=collection_id)
