"""One run of one version: what both jobs share."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now

from documents.events import announce
from documents.models import Document, DocumentVersion
from documents.services.processing import show_state
from tenants.db import tenant_atomic
from tenants.jobs import leases
from tenants.jobs.leases import Lease, LeaseLost

# Where reading ends on the way from 0 to 1; embedding takes nearly all the time.
READ_SHARE = 0.12


class Held(NamedTuple):
    """The rows that a unit holds; what is changed on them is saved at its end."""

    document: Document
    version: DocumentVersion


@dataclass(slots=True)
class Run:
    """Plain values, good outside any transaction, and the units of one job."""

    lease: Lease
    version_id: UUID
    document_id: UUID
    timings: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def unit(self) -> Iterator[Held]:
        """A transaction that holds document and version; ends the run if job, document or version are gone.

        Or if the version is over: the other job, which may still have been at it, was given up.
        """
        self.lease.check()
        with tenant_atomic(self.lease.tenant_id):
            # First the document, then its job: whoever deletes or cancels takes them in this order too.
            document = Document.objects.select_for_update().filter(id=self.document_id).first()
            version = DocumentVersion.objects.filter(id=self.version_id).first()
            if document is None or version is None or version.is_terminal:
                raise LeaseLost
            if not leases.renew(self.lease, seconds=settings.DOCENT_JOB_LEASE_SECONDS):
                raise LeaseLost
            yield Held(document, version)
            version.timings |= {stage: round(seconds, 3) for stage, seconds in self.timings.items()}
            version.save()
            show_state(document, version)
            document.save()
            announce(document)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the block's seconds to a stage of the version."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.timings[stage] = self.timings.get(stage, 0.0) + time.monotonic() - started


def begin(version_id: UUID, lease: Lease) -> Run | None:
    """Take a version up; None if it is gone or over. `timings` go on from what earlier turns needed."""
    with tenant_atomic(lease.tenant_id):
        version = DocumentVersion.objects.filter(id=version_id).first()
        if version is None or version.is_terminal:
            return None
        run = Run(lease, version.id, version.document_id, timings=dict(version.timings))
    with run.unit() as (_document, version):
        version.attempts = max(version.attempts, lease.attempts)
        version.started_at = version.started_at or Now()
    return run
