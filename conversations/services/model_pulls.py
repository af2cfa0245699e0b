"""Writes: models that are fetched and deleted. What they change is the machine's, so the operator has a say."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext

from conversations.chat_models import ModelName
from conversations.models import ModelPull, PullStatus
from providers.chat.base import PullProgress
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, NotFound, PermissionRefused
from tenants.permissions import Action

# A process says every second that it is still fetching.
_SILENCE = timedelta(seconds=30)
STOPPED = "The server that was fetching it was stopped. Fetch it again: what has come is kept."


@dataclass(frozen=True, slots=True)
class Begun:
    """A fetching, and whether this request began it."""

    pull: ModelPull
    is_new: bool


def may_manage_models(access: Access) -> bool:
    """Whether this person may fetch and delete models here."""
    return bool(settings.DOCENT_TENANTS_MANAGE_MODELS) and access.allows(Action.MANAGE_TENANT)


def require_manages_models(access: Access) -> None:
    access.require(Action.MANAGE_TENANT)
    if not settings.DOCENT_TENANTS_MANAGE_MODELS:
        raise PermissionRefused(
            "All organisations here share the models: only the operator fetches and deletes them."
        )


def begin_pull(*, access: Access, name: ModelName) -> Begun:
    """Note that a model is being fetched; one that is being fetched already is not begun again."""
    require_manages_models(access)
    try:
        with tenant_atomic(access.tenant_id):
            _end_silent()
            pull = ModelPull.objects.filter(
                server=name.server, model=name.model, status=PullStatus.PULLING
            ).first()
            if pull is not None:
                return Begun(pull, is_new=False)
            pull = ModelPull.objects.create(server=name.server, model=name.model, updated_at=Now())
            record(access, "model.pulled", target_kind="model_pull", target_id=pull.id, model=name.id)
            return Begun(pull, is_new=True)
    except IntegrityError:
        # Somebody else began at the same moment.
        with tenant_atomic(access.tenant_id):
            found = ModelPull.objects.get(server=name.server, model=name.model, status=PullStatus.PULLING)
            return Begun(found, is_new=False)


def note_progress(pull_id: UUID, progress: PullProgress | None) -> bool:
    """Say in the tenant's unit how far it is, and that it goes on; False once nobody wants it any more."""
    running = ModelPull.objects.filter(id=pull_id, status=PullStatus.PULLING)
    if progress is not None:
        state = {"stage": progress.status, "completed": progress.completed, "total": progress.total}
        same = Q(**{name: value for name, value in state.items() if value is not None})
        for name, value in state.items():
            if value is None:
                same &= Q(**{f"{name}__isnull": True})
        running.exclude(same).update(number=F("number") + 1, **state)
    running.update(updated_at=Now())
    is_wanted: bool = running.filter(is_cancel_requested=False).exists()
    return is_wanted


def end_pull(pull_id: UUID, status: PullStatus, *, code: str = "", detail: str = "") -> None:
    """It is over, in the tenant's unit. One that was over already stays as it was."""
    changed: dict[str, Any] = {"status": status, "error_code": code, "error_detail": detail, "updated_at": Now()}
    if status is PullStatus.DONE:
        changed["stage"] = "done"
    ModelPull.objects.filter(id=pull_id, status=PullStatus.PULLING).update(number=F("number") + 1, **changed)


def cancel_pull(*, access: Access, pull_id: UUID) -> ModelPull:
    """Ask whichever process fetches it to stop; it looks every second. Over already: `Conflict`."""
    require_manages_models(access)
    with tenant_atomic(access.tenant_id):
        pull = access_pull(access, pull_id)
        if pull.is_over:
            raise Conflict(gettext("This is {status} already.").format(status=pull.status), code="already_over")
        ModelPull.objects.filter(id=pull_id).update(is_cancel_requested=True)
        record(access, "model.pull_cancelled", target_kind="model_pull", target_id=pull_id)
        pull.refresh_from_db()
    return pull


def note_deleted(*, access: Access, name: ModelName) -> None:
    """In the record: the server has deleted a model."""
    with tenant_atomic(access.tenant_id):
        record(access, "model.deleted", target_kind="model", target_id=None, model=name.id)


def access_pull(access: Access, pull_id: UUID) -> ModelPull:
    """In the caller's unit, as it is now."""
    access.require(Action.MANAGE_TENANT)
    _end_silent()
    pull: ModelPull | None = ModelPull.objects.filter(id=pull_id).first()
    if pull is None:
        raise NotFound("No such model is being fetched.")
    return pull


def list_pulls(access: Access) -> list[ModelPull]:
    """The latest ones, in the caller's unit."""
    access.require(Action.MANAGE_TENANT)
    _end_silent()
    return list(ModelPull.objects.order_by("-created_at", "-id")[:50])


def pull_view(pull: ModelPull) -> dict[str, Any]:
    """As programs and pages read it: the event `pull`."""
    error = {"code": pull.error_code, "detail": pull.error_detail} if pull.error_code else None
    return {
        "type": "pull",
        "pull": str(pull.id),
        "model": ModelName(pull.server, pull.model).id,
        "status": pull.status,
        "stage": pull.stage,
        "completed": pull.completed,
        "total": pull.total,
        "error": error,
    }


def _end_silent() -> None:
    """Those whose process died."""
    silent = ModelPull.objects.filter(status=PullStatus.PULLING, updated_at__lt=Now() - _SILENCE)
    silent.update(status=PullStatus.FAILED, error_code="interrupted", error_detail=STOPPED, number=F("number") + 1)
