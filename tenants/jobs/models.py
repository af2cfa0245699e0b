"""Dispatch tables: what must be found before or across tenants. Ids, kinds and times; no content."""

from enum import StrEnum
from uuid import uuid4

from django.db import models


class JobStatus(StrEnum):
    """A job that is done has no row any more."""

    WAITING = "waiting"
    RUNNING = "running"
    DEAD = "dead"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in cls]


class Job(models.Model):
    """Work to be done, written in the transaction of the thing it works on (an outbox).

    The row decides: it is claimed by a lease in database time, counted in `attempts`, deleted when
    done and kept with `dead_at` when it failed for good.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    tenant_id = models.UUIDField()
    kind = models.CharField(max_length=60)
    target_id = models.UUIDField()
    # Which workers do it: see `tenants.jobs.outbox`.
    queue = models.CharField(max_length=10, default="work")
    attempts = models.PositiveSmallIntegerField(default=0)
    run_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    # When it was first taken up.
    started_at = models.DateTimeField(null=True)
    lease_id = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "target_id"], name="job_once")]
        indexes = [
            models.Index(fields=["run_at"], condition=models.Q(dead_at=None), name="job_due"),
            models.Index(fields=["tenant_id"], name="job_by_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target_id}"


class ReplyLease(models.Model):
    """A reply that some process is writing right now. Expired means that the process died."""

    message_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField()
    process_id = models.UUIDField()
    expires_at = models.DateTimeField()
    is_stop_requested = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["expires_at"], name="reply_lease_expiry"),
            models.Index(fields=["process_id"], name="reply_lease_process"),
        ]

    def __str__(self) -> str:
        return str(self.message_id)
