"""Pages, passages, images, files and events of documents that a real worker processed."""

from __future__ import annotations

import hashlib
import io
import json
from itertools import pairwise
from typing import Any

import httpx
import pytest
from pypdfium2 import PdfDocument

from tests.config.polling import wait_for
from tests.factories import HANDBOOK_PAGES, LONG_TEXT, document_of, handbook, processed, ready, uploaded
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer, Running
from tests.refusals import pointers, refusal
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/documents/"


def pages_of(person: Person, document: dict[str, Any]) -> list[dict[str, Any]]:
    numbers = range(1, document["pages"] + 1)
    return [dict(person.api.get(f"{PATH}{document['id']}/pages/{number}/").json()) for number in numbers]


def require_exact_places(person: Person, document: dict[str, Any]) -> str:
    """Pages, joined by form feeds, are the version's text, and each passage stands where it says."""
    pages = pages_of(person, document)
    text = "\f".join(page["text"] for page in pages)
    assert [page["number"] for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert text[page["start"] : page["end"]] == page["text"]
    chunks = person.api.get(f"{PATH}{document['id']}/chunks/?limit=200").json()["results"]
    assert [chunk["number"] for chunk in chunks] == list(range(document["chunks"]))
    for chunk in chunks:
        page = pages[chunk["page"] - 1]
        assert text[chunk["start"] : chunk["end"]] == chunk["text"]
        assert page["start"] <= chunk["start"] < chunk["end"] <= page["end"]
    return text


def test_a_pdf_of_several_pages_becomes_ready_with_exact_places(alice: Person, worker: Running) -> None:
    document = shelved(alice)
    assert (document["progress"], document["error"], document["attempts"]) == (1.0, None, 1)
    assert (document["pages"], document["chunks"], document["size"]) == (3, 3, len(handbook()))
    assert set(document["timings"]) == {"extracting", "chunking", "embedding"}
    text = require_exact_places(alice, document)
    assert text == "\f".join("\n".join(lines) for lines in HANDBOOK_PAGES)
    sizes = {(round(page["width"]), round(page["height"])) for page in pages_of(alice, document)}
    assert sizes == {(595, 842)}  # A4 in points


def test_places_count_code_points_of_normalised_text(alice: Person, worker: Running) -> None:
    paragraph = "Zoe\u0308 wrote \U0001f4dc about cafe\u0301s and the \U0001f7e9 rule. "
    content = "\n\n".join(f"{number}. {paragraph * 6}" for number in range(12))
    result = uploaded(alice, "notes.txt", content.encode())
    document = processed(alice, result["id"])
    text = require_exact_places(alice, document)
    assert document["pages"] > 1
    assert text.count("Zo\u00eb wrote \U0001f4dc about caf\u00e9s") == 72


def test_a_passage_has_one_rectangle_a_line_on_its_page(alice: Person, worker: Running) -> None:
    document = shelved(alice)
    page = pages_of(alice, document)[1]
    path = f"{PATH}{document['id']}/pages/2/"
    whole = alice.api.get(f"{path}?version=1&start={page['start']}&end={page['end']}").json()
    assert set(whole) == {
        *("number", "label", "is_recognised", "text", "start", "end", "width", "height", "rects")
    }
    assert (whole["text"], whole["start"], whole["end"]) == (page["text"], page["start"], page["end"])
    upper, lower = whole["rects"]
    assert set(upper) == {"x0", "y0", "x1", "y1"}
    assert 0 < upper["y0"] < upper["y1"] <= lower["y0"] < lower["y1"] < 1
    second_line = page["start"] + page["text"].index("\n") + 1
    [only] = alice.api.get(f"{path}?start={second_line}&end={page['end']}").json()["rects"]
    assert only == lower
    assert page["rects"] == []


def test_a_passage_that_is_not_on_the_page_is_refused(alice: Person, worker: Running) -> None:
    document = shelved(alice)
    page = pages_of(alice, document)[1]
    start, end = page["start"], page["end"]
    for query, pointer in [
        (f"start={start - 1}&end={end}", "/start"),
        (f"start={end}&end={end + 1}", "/start"),
        (f"start={start}&end={end + 1}", "/end"),
        (f"start={start}&end={start}", "/end"),
        (f"start={start}", "/end"),
        (f"end={end}", "/start"),
        ("start=-1&end=3", "/start"),
        ("version=0", "/version"),
        ("colour=red", "/colour"),
    ]:
        response = alice.api.get(f"{PATH}{document['id']}/pages/2/?{query}")
        assert [found for found, _code in pointers(response)] == [pointer], query
    assert alice.api.get(f"{PATH}{document['id']}/pages/2/?start={start}&end={end}").status_code == 200


def test_there_are_no_pages_beyond_the_last(alice: Person, worker: Running) -> None:
    document = shelved(alice)["id"]
    for rest in ["pages/0/", "pages/4/", "pages/4/image/", "pages/99999999999/", "pages/1/?version=2"]:
        assert refusal(alice.api.get(f"{PATH}{document}/{rest}"))[0] == 404, rest


def test_a_page_is_shown_as_an_image_that_a_browser_may_keep(alice: Person, worker: Running) -> None:
    document = shelved(alice)["id"]
    path = f"{PATH}{document}/pages/1/image/"
    response = alice.api.get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/png")
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(response.content[16:20]) == 1400
    again = alice.api.get(path, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert alice.api.get(f"{PATH}{document}/pages/2/image/").headers["ETag"] != response.headers["ETag"]
    assert pointers(alice.api.get(f"{path}?width=9")) == [("/width", "unknown_field")]


def test_pages_of_a_text_have_no_image(alice: Person, worker: Running) -> None:
    document = ready(alice, "notes.txt", b"Night trains are refunded.")["id"]
    status, body = refusal(alice.api.get(f"{PATH}{document}/pages/1/image/"))
    assert (status, body["code"]) == (404, "no_page_image")
    page = alice.api.get(f"{PATH}{document}/pages/1/?start=0&end=5").json()
    assert (page["width"], page["height"], page["rects"]) == (0.0, 0.0, [])


def test_the_file_comes_back_as_it_was_sent_and_is_never_shown(
    alice: Person, charlie: Person, live_server: LiveServer
) -> None:
    name = "Überblick “2026”.pdf"
    document = uploaded(alice, name, handbook())["id"]
    with _browser(live_server, alice) as browser:
        response = browser.get(f"{PATH}{document}/file/")
        assert response.status_code == 200
        assert response.content == handbook()
        assert PdfDocument(io.BytesIO(response.content)).get_metadata_dict()["Title"] == "Staff handbook"
        headers = response.headers
        assert headers["Content-Type"] == "application/pdf"
        assert headers["Content-Disposition"] == (
            "attachment; filename*=utf-8''%C3%9Cberblick%20%E2%80%9C2026%E2%80%9D.pdf"
        )
        assert headers["Content-Security-Policy"] == "sandbox"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "private, no-cache"
        assert headers["ETag"] == f'"{hashlib.sha256(handbook()).hexdigest()}"'
        again = browser.get(f"{PATH}{document}/file/", headers={"If-None-Match": headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert browser.head(f"{PATH}{document}/file/").status_code == 200
    with _browser(live_server, charlie) as browser:
        stolen = browser.get(f"{PATH}{document}/file/", headers={"If-None-Match": headers["ETag"]})
        assert (stolen.status_code, stolen.json()["code"]) == (404, "not_found")


def test_slow_downloads_hold_no_database_connection(alice: Person, live_server: LiveServer) -> None:
    content = b"A line of some length that is repeated.\n" * 250_000
    document = uploaded(alice, "long.txt", content)["id"]
    with _browser(live_server, alice) as browser:
        # More than the pool has connections, each stopped in the middle of its file.
        streams = [browser.build_request("GET", f"{PATH}{document}/file/") for _ in range(14)]
        responses = [browser.send(request, stream=True) for request in streams]
        assert {response.status_code for response in responses} == {200}
        assert browser.get("/api/v1/me/").status_code == 200
        for response in responses:
            response.close()


def test_events_tell_each_state_until_the_end(alice: Person, live_server: LiveServer, worker: Running) -> None:
    document = uploaded(alice, "handbook.pdf", handbook())["id"]
    events = _events(live_server, alice, document)
    assert [number for number, _ in events] == list(range(1, len(events) + 1))
    for _, event in events:
        assert set(event) == {"type", "document", "status", "progress", "pages", "chunks", "error"}
        assert (event["type"], event["document"]) == ("document", document)
    assert all(one["progress"] <= after["progress"] for (_, one), (_, after) in pairwise(events))
    last = events[-1][1]
    assert (last["status"], last["progress"], last["pages"], last["chunks"]) == ("ready", 1.0, 3, 3)
    [after_the_end] = _events(live_server, alice, document, {"Last-Event-ID": "7"})
    assert after_the_end == (8, last)


def test_events_say_why_processing_failed(alice: Person, live_server: LiveServer, worker: Running) -> None:
    document = uploaded(alice, "report.pdf", b"%PDF-1.7\nnothing of a PDF follows")["id"]
    _, last = _events(live_server, alice, document)[-1]
    assert (last["status"], last["error"]["code"]) == ("failed", "corrupt_pdf")
    assert last["error"] == alice.api.get(f"{PATH}{document}/").json()["error"]


def test_events_end_when_the_document_goes(alice: Person, live_server: LiveServer, worker: Running) -> None:
    document = uploaded(alice, "contract.txt", LONG_TEXT)["id"]
    wait_for("embedding", lambda: document_of(alice, document)["status"] == "embedding")
    path = f"{PATH}{document}/"
    with _browser(live_server, alice) as browser, browser.stream("GET", f"{path}events/") as response:
        lines = response.iter_lines()
        assert next(lines) == "id: 1"
        assert browser.delete(path).status_code == 204
        data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert {event["status"] for event in data} == {"embedding"}


@pytest.mark.parametrize("header", ["-1", "x", "1.5"])
def test_a_wrong_last_event_id_is_refused(alice: Person, header: str) -> None:
    document = uploaded(alice, "lease.txt", b"The lease ends in May.")["id"]
    response = alice.api.get(f"{PATH}{document}/events/", headers={"Last-Event-ID": header})
    assert refusal(response)[0] == 400


def _browser(server: LiveServer, person: Person) -> httpx.Client:
    headers = {"Authorization": f"Bearer {person.token}"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=30, verify=NO_TLS)


def _events(
    server: LiveServer, person: Person, document: str, headers: dict[str, str] | None = None
) -> list[tuple[int, dict[str, Any]]]:
    """Number and data of every event of the stream, which must end by itself."""
    with _browser(server, person) as browser:
        response = browser.get(f"{PATH}{document}/events/", headers=headers)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    found = []
    for frame in response.text.split("\n\n"):
        if frame and not frame.startswith(":"):
            fields = dict(line.split(": ", 1) for line in frame.split("\n"))
            assert fields["event"] == "document"
            found.append((int(fields["id"]), json.loads(fields["data"])))
    return found
