"""Documents for the tests: small files in our own words, uploaded through the API and processed for real."""

from __future__ import annotations

from typing import Any

from documents.models import TERMINAL, Document
from tenants.db import tenant_atomic
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job
from tests.config.polling import wait_for
from tests.documents.pdfs import text_pdf
from tests.people import Person

HANDBOOK_PAGES = (
    ("Staff handbook", "Every full-time employee has twenty-eight days of paid holiday a year."),
    ("Parental leave", "Parents may take fourteen months of leave, shared between them as they wish."),
    ("Travel", "Night trains are refunded like any other connection when the receipt is kept."),
)
"""What stands on the pages of `handbook()`."""

LONG_TEXT = " ".join(f"Clause {number} binds both parties to the end." for number in range(8000)).encode()
"""Takes seconds to embed: enough to be seen, and stopped, in the middle."""


def handbook() -> bytes:
    """A PDF of three pages, one subject each."""
    return text_pdf(HANDBOOK_PAGES, title="Staff handbook")


def uploaded(person: Person, *file: Any, **fields: Any) -> dict[str, Any]:
    """Upload one file, a name and its bytes; its result."""
    response = person.api.upload(file, **fields)
    assert response.status_code == 202, response.content
    [result] = response.json()["results"]
    return dict(result)


def document_of(person: Person, document: str) -> dict[str, Any]:
    """The document as the API shows it."""
    response = person.api.get(f"/api/v1/documents/{document}/")
    assert response.status_code == 200, response.content
    return dict(response.json())


def processed(person: Person, document: str, *, within: float = 60) -> dict[str, Any]:
    """The document once processing is over, well or not. Needs the `worker`."""
    tenant_id = person.access.tenant_id

    def is_over() -> bool:
        # One short query: a request every few milliseconds would take the processor from the work itself.
        with tenant_atomic(tenant_id):
            return bool(Document.objects.values_list("status", flat=True).get(id=document) in TERMINAL)

    wait_for(f"document {document} is done", is_over, within=within)
    return document_of(person, document)


def work_off(person: Person) -> None:
    """Run the organisation's jobs in this process until none is left, without the waiting after failures."""
    jobs = Job.objects.filter(tenant_id=person.access.tenant_id, dead_at=None).order_by("created_at")
    while (job := jobs.first()) is not None:
        Job.objects.filter(id=job.id).update(run_at=job.created_at)
        run_job(job.id)


def ready(person: Person, name: str = "handbook.pdf", content: bytes | None = None) -> dict[str, Any]:
    """A document that was uploaded and is searchable. Needs the `worker`."""
    result = uploaded(person, name, handbook() if content is None else content)
    document = processed(person, result["id"])
    assert document["status"] == "ready", document
    return document
