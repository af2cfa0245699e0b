"""Writes: starting, stopping and taking back. Models are asked before a unit is opened."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models.functions import Now
from django.utils.translation import gettext

from documents.embedders import get_or_create_index, measure
from documents.models import ChunkEmbedding, EmbeddingIndex
from documents.registry import on_building_ended
from documents.reindex.indexes import REINDEX, Status, lock_indexes, missing_in, switch
from providers.errors import ProviderError
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound, Unavailable
from tenants.jobs import outbox
from tenants.permissions import Action
from tenants.services.jobs import JobProgress, JobReason


def start_reindex(*, access: Access, model: str) -> EmbeddingIndex:
    """Begin a second index with the model `builtin`, `ollama/…` or `openai/…`; the present one answers meanwhile.

    The same model again is a new index too. A model that is missing is `InvalidInput`, a server that is away
    `Unavailable`, one under way `Conflict`: then nothing has changed.
    """
    access.require(Action.MANAGE_TENANT)
    dimensions = _measured(model)
    with tenant_atomic(access.tenant_id):
        active = get_or_create_index()
        _require_none_building(lock_indexes().building)
        index: EmbeddingIndex = EmbeddingIndex.objects.create(
            model=model,
            dimensions=dimensions,
            status=Status.BUILDING,
            total=ChunkEmbedding.objects.filter(index=active).count(),
        )
        outbox.enqueue(REINDEX, index.id)
        record(access, "index.started", target_kind="index", target_id=index.id, model=model)
    return index


def take_back(*, access: Access) -> EmbeddingIndex:
    """Let the index that was retired last answer again: at once, or as soon as it has what came since.

    Without one, or while one is built, `Conflict`; a model that does not answer as it did is refused as by
    `start_reindex`.
    """
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        retired = lock_indexes().retired
    if not retired:
        raise Conflict("There is no earlier index that could be taken back.", code="no_earlier_index")
    dimensions = _measured(retired[0].model)
    with tenant_atomic(access.tenant_id):
        indexes = lock_indexes()
        _require_none_building(indexes.building)
        index = next((one for one in indexes.retired if one == retired[0]), None)
        if index is None or indexes.active is None:
            raise Conflict("That index has just been changed by somebody else.", code="no_earlier_index")
        if dimensions != index.dimensions:
            raise InvalidInput(
                gettext("“{model}” gives {dimensions} dimensions now and gave {before}.").format(
                    model=index.model, dimensions=dimensions, before=index.dimensions
                ),
                code="model_error",
            )
        if missing_in(index, indexes.active).exists():
            index.status, index.retired_at = Status.BUILDING, None
            index.save()
            outbox.enqueue(REINDEX, index.id)
        else:
            switch(indexes.active, index)
        record(access, "index.taken_back", target_kind="index", target_id=index.id)
    return index


def stop_reindex(*, access: Access) -> EmbeddingIndex:
    """Give up the index that is being built. `Conflict` when there is none."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        index = lock_indexes().building
        if index is None:
            raise Conflict("No index is being built.", code="not_building")
        if index.activated_at is None:
            mark_failed(index, "cancelled", "Building was stopped.")
        else:
            # It has answered once and may again: what it has it keeps.
            index.status, index.retired_at = Status.RETIRED, Now()
            index.error_code = index.error_detail = ""
            index.save()
            on_building_ended.call(index.id)
        outbox.cancel(REINDEX, index.id)
        record(access, "index.stopped", target_kind="index", target_id=index.id)
    return index


def mark_failed(index: EmbeddingIndex, code: str, detail: str) -> None:
    """What it has so far stays until it is dropped; the active one is not touched. The caller holds the row."""
    index.status, index.retired_at = Status.FAILED, Now()
    index.error_code, index.error_detail = code, detail
    index.save()
    on_building_ended.call(index.id)


def reasons(index_ids: list[UUID]) -> Mapping[UUID, JobReason]:
    """Why building failed, as it stands on the indexes."""
    failed = EmbeddingIndex.objects.filter(id__in=index_ids).exclude(error_code="")
    return {index.id: JobReason(index.error_code, index.error_detail) for index in failed}


def progress(index_ids: list[UUID]) -> Mapping[UUID, JobProgress]:
    """How far they are, and whether they wait for their model's server."""
    indexes = EmbeddingIndex.objects.filter(id__in=index_ids)
    return {
        index.id: JobProgress(
            "waiting_for_model" if index.error_code else "embedding",
            round(index.embedded / max(1, index.total), 3),
        )
        for index in indexes
    }


def retry(access: Access, index_id: UUID) -> None:
    """Go on with an index that failed, where it stopped. Runs in the tenant's unit."""
    access.require(Action.MANAGE_TENANT)
    indexes = lock_indexes()
    index = EmbeddingIndex.objects.filter(id=index_id, status=Status.FAILED).first()
    if index is None:
        raise NotFound("The index is gone.")
    _require_none_building(indexes.building)
    index.status, index.retired_at = Status.BUILDING, None
    index.error_code = index.error_detail = ""
    index.save()
    outbox.enqueue(REINDEX, index.id)
    record(access, "index.started", target_kind="index", target_id=index.id, model=index.model)


def _measured(model: str) -> int:
    try:
        return measure(model)
    except ProviderError as error:
        if error.permanent:
            raise InvalidInput.at("/model", error.detail, error.code) from error
        raise Unavailable(error.detail, code=error.code) from error


def _require_none_building(building: EmbeddingIndex | None) -> None:
    if building is not None:
        raise Conflict(
            gettext("An index with “{model}” is being built already.").format(model=building.model),
            code="in_progress",
        )
