"""Writes: how sure an answer from an index must be."""

from documents.models import EmbeddingIndex
from retrieval.evaluation.calibration import Calibration
from retrieval.models import Sufficiency
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.permissions import Action


def set_threshold(*, access: Access, index: EmbeddingIndex, found: Calibration, questions: int) -> Sufficiency:
    """Answer or refuse by what was found on questions, from now on; another index has its own."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        stored: Sufficiency
        stored, _made = Sufficiency.objects.update_or_create(
            index=index,
            defaults={"threshold": found.threshold, "questions": questions, "matrix": found.after},
        )
        record(
            access,
            "sufficiency.calibrated",
            target_kind="index",
            target_id=index.id,
            threshold=found.threshold,
            questions=questions,
        )
    return stored


def reset_threshold(*, access: Access, index: EmbeddingIndex) -> bool:
    """Back to the built-in value; False where it holds already."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        removed, _by_model = Sufficiency.objects.filter(index=index).delete()
        if removed:
            record(access, "sufficiency.calibrated", target_kind="index", target_id=index.id, threshold=None)
    return bool(removed)
