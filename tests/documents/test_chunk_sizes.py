"""How long passages are: by upload, collection and default; previews, and cutting a document anew."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from documents.models import Collection, Document
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tests.documents.pdfs import styled_pdf
from tests.factories import processed, ready, uploaded
from tests.people import Person
from tests.processes import Running
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
# Two pages: a text file without form feeds is cut by its length.
TEXT = "\n\n".join(
    "\n".join(f"Clause {number} of part {part} binds both parties to the end." for number in range(20))
    for part in range(4)
)


def collection(person: Person, **sizes: Any) -> dict[str, Any]:
    response = person.api.post(f"{API}/collections/", {"name": "Contracts", **sizes})
    assert response.status_code == 201, response.content
    return dict(response.json())


def sizes_of(person: Person, document: str) -> tuple[int, int]:
    with tenant_atomic(person.access.tenant_id):
        found = Document.objects.get(id=document)
    return found.chunk_size, found.chunk_overlap


def chunks_of(person: Person, document: str, query: str = "") -> list[dict[str, Any]]:
    response = person.api.get(f"{API}/documents/{document}/chunks/?limit=200{query}")
    assert response.status_code == 200, response.content
    return list(response.json()["results"])


@pytest.mark.parametrize(
    ("of_collection", "of_upload", "expected"),
    [
        ({}, {}, (1000, 200)),
        ({"chunk_size": 600, "chunk_overlap": 60}, {}, (600, 60)),
        ({"chunk_size": 300}, {}, (300, 150)),
        ({"chunk_overlap": 0}, {}, (1000, 0)),
        ({"chunk_size": 600, "chunk_overlap": 300}, {"chunk_size": 400}, (400, 200)),
        ({"chunk_size": 600, "chunk_overlap": 60}, {"chunk_overlap": 300}, (600, 300)),
        ({"chunk_size": 600, "chunk_overlap": 60}, {"chunk_size": 250, "chunk_overlap": 10}, (250, 10)),
    ],
)
def test_an_upload_counts_before_its_collection_and_that_before_the_default(
    bob: Person, of_collection: dict[str, int], of_upload: dict[str, int], expected: tuple[int, int]
) -> None:
    made = collection(bob, **of_collection)
    assert (made["chunk_size"], made["chunk_overlap"]) == (
        of_collection.get("chunk_size"),
        of_collection.get("chunk_overlap"),
    )
    document = uploaded(bob, "lease.txt", b"The lease ends in May.", collection=made["id"], **of_upload)
    assert sizes_of(bob, document["id"]) == expected


def test_an_overlap_too_long_for_the_collections_size_is_refused(bob: Person) -> None:
    made = collection(bob, chunk_size=400)
    file = ("lease.txt", b"The lease ends in May.")
    assert pointers(bob.api.upload(file, collection=made["id"], chunk_overlap=201)) == [
        ("/chunk_overlap", "out_of_range")
    ]


def test_a_collections_sizes_may_be_changed_and_taken_back(bob: Person, dana: Person, charlie: Person) -> None:
    made = collection(bob, chunk_size=400)
    url = f"{API}/collections/{made['id']}/"
    changed = bob.api.patch(url, {"chunk_overlap": 50}).json()
    assert (changed["chunk_size"], changed["chunk_overlap"]) == (400, 50)
    assert bob.api.patch(url, {"chunk_size": None, "chunk_overlap": None}).json() | {
        "updated_at": made["updated_at"]
    } == made | {"chunk_size": None}
    with tenant_atomic(bob.access.tenant_id):
        events = AuditEvent.objects.filter(action="collection.sizes_changed").order_by("at")
        assert [event.data for event in events] == [
            {"size": 400, "overlap": None},
            {"size": 400, "overlap": 50},
            {"size": None, "overlap": None},
        ]
    assert refusal(dana.api.patch(url, {"chunk_size": 500}))[0] == 403
    missing = charlie.api.patch(f"{API}/collections/{uuid4()}/", {"chunk_size": 500})
    assert refusal(charlie.api.patch(url, {"chunk_size": 500})) == refusal(missing)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"chunk_size": 199}, ("/chunk_size", "out_of_range")),
        ({"chunk_size": 1001}, ("/chunk_size", "out_of_range")),
        ({"chunk_size": "long"}, ("/chunk_size", "invalid")),
        ({"chunk_overlap": 501}, ("/chunk_overlap", "out_of_range")),
        ({"chunk_overlap": -1}, ("/chunk_overlap", "out_of_range")),
        ({"chunk_size": 300, "chunk_overlap": 151}, ("/chunk_overlap", "out_of_range")),
    ],
)
def test_sizes_that_cannot_be_are_refused_everywhere(
    bob: Person, body: dict[str, Any], expected: tuple[str, str]
) -> None:
    made = collection(bob)
    assert pointers(bob.api.patch(f"{API}/collections/{made['id']}/", body)) == [expected]
    assert pointers(bob.api.post(f"{API}/collections/", {"name": "Others", **body})) == [expected]
    document = uploaded(bob, "lease.txt", b"The lease ends in May.")["id"]
    query = "&".join(f"{name}={value}" for name, value in body.items())
    assert pointers(bob.api.get(f"{API}/documents/{document}/chunks/?{query}")) == [expected]
    assert [one["name"] for one in bob.api.get(f"{API}/collections/").json()["results"]] == [
        "Documents",
        "Contracts",
    ]


def test_the_admin_sets_a_collections_sizes(adam: Person, bob: Person) -> None:
    made = collection(bob)
    page = f"/o/acme/admin/documents/collection/{made['id']}/change/"
    grants = {"grants-TOTAL_FORMS": "0", "grants-INITIAL_FORMS": "0"}
    form = {"name": "Contracts", "chunk_size": "500", "chunk_overlap": "20", **grants}
    assert adam.client.post(page, form).status_code == 302
    changed = bob.api.get(f"{API}/collections/{made['id']}/").json()
    assert (changed["chunk_size"], changed["chunk_overlap"]) == (500, 20)
    refused = adam.client.post(page, form | {"chunk_size": "50"})
    assert refused.status_code == 200
    assert "A chunk has 200 to 1000 characters." in refused.content.decode()


def test_a_preview_shows_what_cutting_anew_makes(
    bob: Person, alice: Person, dana: Person, charlie: Person, worker: Running
) -> None:
    document = ready(bob, "lease.txt", TEXT.encode())["id"]
    present = chunks_of(bob, document)
    preview = chunks_of(bob, document, "&chunk_size=300&chunk_overlap=0")

    assert {one["id"] for one in preview} == {None}
    assert [one["number"] for one in preview] == list(range(len(preview)))
    assert {one["page"] for one in preview} == {1, 2}
    assert max(len(one["text"]) for one in preview) <= 300
    assert all(one["end"] <= after["start"] for one, after in pairwise(preview))
    assert chunks_of(dana, document, "&chunk_size=300&chunk_overlap=0") == preview
    assert chunks_of(bob, document) == present
    missing = charlie.api.get(f"{API}/documents/{uuid4()}/chunks/?chunk_size=300")
    assert refusal(charlie.api.get(f"{API}/documents/{document}/chunks/?chunk_size=300")) == refusal(missing)

    page = f"/o/acme/documents/{document}/chunks/"
    form = {"chunk_size": "300", "chunk_overlap": "0"}
    assert dana.client.post(f"{page}apply/", form, headers=BROWSER).status_code == 403
    assert charlie.client.post(f"{page}apply/", form, headers=BROWSER).status_code == 404
    applied = alice.client.post(f"{page}apply/", form, headers=BROWSER)
    assert (applied.status_code, applied.headers["Location"]) == (302, f"/o/acme/documents/{document}/")
    assert processed(bob, document)["status"] == "ready"
    assert [one | {"id": None} for one in chunks_of(bob, document)] == preview
    assert sizes_of(bob, document) == (300, 0)


def test_headings_of_a_pdf_are_kept_for_cutting_anew(bob: Person, worker: Running) -> None:
    prose = [("Helvetica", 10.0, line) for line in TEXT.splitlines()[:9]]
    page = [("Helvetica", 16.0, "how the parties are bound"), *prose]
    document = ready(bob, "lease.pdf", styled_pdf([page]))["id"]

    present = chunks_of(bob, document)
    assert {one["heading"] for one in present} == {"how the parties are bound"}
    again = chunks_of(bob, document, "&chunk_size=1000&chunk_overlap=200")
    assert [one | {"id": None} for one in present] == again


def test_a_preview_comes_in_pages(bob: Person, worker: Running) -> None:
    document = ready(bob, "lease.txt", TEXT.encode())["id"]
    url = f"{API}/documents/{document}/chunks/?chunk_size=300"
    everything = bob.api.get(f"{url}&limit=200").json()
    assert (everything["next"], everything["previous"]) == (None, None)

    first = bob.api.get(f"{url}&limit=5").json()
    second = bob.api.get(first["next"]).json()

    assert first["results"] + second["results"] == everything["results"][:10]
    assert bob.api.get(second["previous"]).json()["results"] == first["results"]
    for cursor in ("x", "-1", "9" * 10, "²"):
        assert refusal(bob.api.get(f"{url}&cursor={cursor}"))[1]["detail"] == "Invalid cursor"


def passages_on(person: Person, document: str, query: str = "") -> tuple[list[str], str]:
    answer = person.client.get(f"/o/{person.slug}/documents/{document}/chunks/{query}")
    assert answer.status_code == 200
    page = unescape(answer.content.decode())
    return re.findall(r'<div class="chunk-text" dir="auto">(.*?)</div>', page, re.DOTALL), page


def test_the_portal_shows_passages_page_by_page(
    bob: Person, dana: Person, charlie: Person, worker: Running
) -> None:
    document = ready(bob, "lease.txt", TEXT.encode())["id"]
    query = "?chunk_size=300&chunk_overlap=0"

    shown, page = passages_on(dana, document)
    assert shown == [one["text"] for one in chunks_of(bob, document)]
    assert "Page 2" in page
    assert "Cut it like this" not in page
    shown, page = passages_on(bob, document, query)
    assert shown == [one["text"] for one in chunks_of(bob, document, query.replace("?", "&"))]
    assert "Cut it like this" in page
    assert "Cut it like this" not in passages_on(dana, document, query)[1]

    _, page = passages_on(bob, document, "?chunk_size=10")
    assert "A chunk has 200 to 1000 characters." in page
    assert passages_on(bob, document, "?page=3")[0] == []
    for other in (document, uuid4()):
        assert charlie.client.get(f"/o/globex/documents/{other}/chunks/").status_code == 404


def test_while_it_is_processed_a_document_is_not_cut_anew(bob: Person) -> None:
    with tenant_atomic(bob.access.tenant_id):  # no worker hears of it
        document = Document.objects.create(
            collection=Collection.objects.get(), name="a.txt", title="a.txt", sha256="0" * 64, size=1,
            media_type="text/plain", uploaded_by_id=bob.user.pk,
        )  # fmt: skip
    page = f"/o/acme/documents/{document.id}/chunks/apply/"
    answer = bob.client.post(page, {"chunk_size": "300"}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (409, "in_progress")
    assert sizes_of(bob, str(document.id)) == (1000, 200)
