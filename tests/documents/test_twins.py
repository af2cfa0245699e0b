"""The same bytes are one document of a collection, whichever way and at whatever moment they come into it."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from threading import Thread

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test.client import MULTIPART_CONTENT

from documents.models import Collection, Document
from documents.services.documents import cancel_document, reprocess_document, update_document
from documents.services.files import IncomingFile
from documents.services.processing import READ
from documents.services.uploads import UploadOptions, receive_files
from tenants.db import tenant_atomic
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job
from tests.factories import document_of, uploaded, work_off
from tests.moments import at_once
from tests.people import Person
from tests.refusals import refusal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unsent")]

OLD, NEW = b"The lease ends in May.", b"The lease ends in October."
_ROUNDS = 4


def collection(person: Person, name: str) -> str:
    return str(person.api.post("/api/v1/collections/", {"name": name}).json()["id"])


def document(person: Person, id_: str) -> Document:
    with tenant_atomic(person.access.tenant_id):
        found: Document = Document.objects.select_related("collection").get(id=id_)
        return found


def replace(person: Person, document: str, content: bytes) -> int:
    """The status of the answer."""
    sent = {"file": SimpleUploadedFile("lease.txt", content)}
    path = f"/api/v1/documents/{document}/versions/"
    return int(person.api.post(path, sent, content_type=MULTIPART_CONTENT).status_code)


def test_twins_that_move_to_one_place_at_once(bob: Person) -> None:
    for number in range(_ROUNDS):
        left, right, to = (collection(bob, f"{side} {number}") for side in ("left", "right", "to"))
        ids = [str(uploaded(bob, "lease.txt", OLD, collection=one)["id"]) for one in (left, right)]
        with tenant_atomic(bob.access.tenant_id):
            target = Collection.objects.get(id=to)
        moves = [
            partial(update_document, access=bob.access, document=document(bob, one), collection=target)
            for one in ids
        ]
        assert at_once(*moves) == ["done", "duplicate"]


def test_a_failed_one_that_is_tried_again_while_its_bytes_come_anew(bob: Person) -> None:
    access = bob.access
    for number in range(_ROUNDS):
        content = OLD + str(number).encode()
        made = document(bob, uploaded(bob, "lease.txt", content)["id"])
        cancel_document(access=access, document=made)
        files = [IncomingFile("lease.txt", len(content), BytesIO(content))]
        outcomes = at_once(
            partial(reprocess_document, access=access, document=made),
            partial(
                receive_files, access=access, files=files, collection=made.collection, options=UploadOptions()
            ),
        )
        assert outcomes in (["done", "done"], ["done", "duplicate"])
        with tenant_atomic(access.tenant_id):
            alive = Document.objects.filter(sha256=made.sha256).exclude(status="cancelled")
            assert alive.count() == 1


def test_a_document_does_not_move_onto_the_bytes_that_it_is_about_to_have(bob: Person) -> None:
    made = uploaded(bob, "lease.txt", OLD)["id"]
    work_off(bob)
    other = collection(bob, "Other")
    uploaded(bob, "new.txt", NEW, collection=other)
    assert replace(bob, made, NEW) == 202
    status, body = refusal(bob.api.patch(f"/api/v1/documents/{made}/", {"collection": other}))
    assert (status, body["code"]) == (409, "duplicate")
    work_off(bob)
    assert (document_of(bob, made)["status"], document_of(bob, made)["version"]) == ("ready", 2)


def test_a_replacement_that_failed_is_not_tried_again_once_others_have_its_bytes(
    alice: Person, bob: Person, charlie: Person
) -> None:
    made = uploaded(bob, "lease.txt", OLD)["id"]
    work_off(bob)
    assert replace(bob, made, NEW) == 202
    job = Job.objects.get(kind=READ)
    Job.objects.update(attempts=3)
    assert run_job(job.id), "it was given up, as one is that kills its worker"
    uploaded(bob, "new.txt", NEW)
    status, body = refusal(alice.full_api.post(f"/api/v1/jobs/{job.id}/retry/"))
    assert (status, body["code"]) == (409, "duplicate")
    assert charlie.full_api.post(f"/api/v1/jobs/{job.id}/retry/").status_code == 404
    work_off(bob)
    assert document_of(bob, made)["version"] == 1


def test_a_replacement_whose_bytes_come_unseen_says_so(bob: Person) -> None:
    made = uploaded(bob, "lease.txt", OLD)["id"]
    work_off(bob)
    answers: list[int] = []

    def replacing() -> None:
        try:
            answers.append(replace(bob, made, NEW))
        finally:
            connections.close_all()

    with tenant_atomic(bob.access.tenant_id):
        files = [IncomingFile("new.txt", len(NEW), BytesIO(NEW))]
        home = Collection.objects.get(is_default=True)
        receive_files(access=bob.access, files=files, collection=home, options=UploadOptions())
        thread = Thread(target=replacing)
        thread.start()
        thread.join(30)
    assert answers == [202]
    work_off(bob)
    shown = document_of(bob, made)
    assert (shown["status"], shown["version"], shown["error"]["code"]) == ("ready", 1, "duplicate")
