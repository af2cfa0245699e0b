"""The portal's document pages: the same services as the API, behind a session."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from documents.links import passage_path
from tests.documents.conftest import Remains
from tests.factories import HANDBOOK_PAGES, document_of, handbook, processed, ready, uploaded
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer, Running
from tests.refusals import pointers, refusal
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

PORTAL = "/o/acme/"
SCRIPT = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def sent(person: Person, *files: tuple[str, bytes], headers: dict[str, str] = SCRIPT, **fields: Any) -> Any:
    form = {"files": [SimpleUploadedFile(name, content) for name, content in files], **fields}
    return person.client.post(f"{PORTAL}documents/upload/", form, headers=headers)


def notices(person: Person) -> list[str]:
    """What the list tells the person now."""
    shown = person.client.get(f"{PORTAL}documents/")
    return [str(one) for one in shown.context["messages"]]


def page_path(document: dict[str, Any], page: int, ending: str = "") -> str:
    return f"{PORTAL}d/{document['id']}/v/1/p/{page}{ending}"


def test_the_list_shows_every_document_of_the_organisation(
    alice: Person, dana: Person, charlie: Person, worker: Running
) -> None:
    shown = shelved(alice)
    failed = uploaded(alice, "report.pdf", b"%PDF-1.7\nnothing of a PDF follows")
    failed = processed(alice, failed["id"])
    for person in (alice, dana):
        response = person.client.get(f"{PORTAL}documents/")
        assert response.status_code == 200
        upper, lower = response.context["documents"]
        assert (str(upper["id"]), upper["status"], upper["error"]) == (failed["id"], "failed", failed["error"])
        assert (str(lower["id"]), lower["pages"], lower["chunks"], lower["error"]) == (shown["id"], 3, 3, None)
        assert (lower["url"], upper["url"]) == (page_path(shown, 1), None)
        assert lower["collection"]["name"] == "Documents"
        [collection] = response.context["collections"]
        assert (collection["name"], collection["documents"]) == ("Documents", 2)
        assert failed["error"]["detail"] in response.content.decode()
    assert response.context["person_socket_url"] == "/o/acme/ws/"
    assert response.context["limits"]["max_file_bytes"] == 50 * 1024 * 1024
    own = charlie.client.get("/o/globex/documents/")
    assert own.context["documents"] == []


def test_only_members_come_in(alice: Person, charlie: Person, worker: Running) -> None:
    document = shelved(alice)
    paths = [
        f"{PORTAL}documents/", page_path(document, 1), page_path(document, 1, ".json"),
        page_path(document, 1, ".png"), f"{PORTAL}d/{document['id']}/v/1/original",
    ]  # fmt: skip
    for path in paths:
        assert alice.client.get(path).status_code == 200, path
        assert charlie.client.get(path).status_code == 404, path
        # In one's own organisation a foreign document is a missing one.
        own = charlie.client.get(path.replace("/o/acme/", "/o/globex/"))
        assert own.status_code == (200 if path.endswith("documents/") else 404), path
    for path in paths:
        alice.client.logout()
        response = alice.client.get(path)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/accounts/login/?next=/o/acme/")


def test_a_foreign_document_answers_as_a_missing_one(alice: Person, charlie: Person, worker: Running) -> None:
    document = shelved(alice)["id"]
    for method, path in [
        ("get", "d/{}/v/1/p/1.json"),
        ("get", "d/{}/v/1/p/1.png"),
        ("get", "d/{}/v/1/original"),
        ("post", "documents/{}/delete/"),
        ("post", "documents/{}/retry/"),
    ]:
        send = getattr(charlie.client, method)
        foreign = refusal(send(f"/o/globex/{path.format(document)}", headers=SCRIPT))
        missing = refusal(send(f"/o/globex/{path.format(uuid4())}", headers=SCRIPT))
        assert foreign == missing
        assert foreign[0] == 404
    assert document_of(alice, document)["status"] == "ready"


def test_a_script_uploads_as_a_program_does(bob: Person) -> None:
    [collection] = bob.api.get("/api/v1/collections/").json()["results"]
    response = sent(bob, ("lease.txt", b"The lease ends in May."), collection=collection["id"])
    assert response.status_code == 202
    [result] = response.json()["results"]
    assert result == {"id": result["id"], "name": "lease.txt", "status": "queued"}
    assert document_of(bob, result["id"])["collection"] == collection["id"]
    refused = refusal(sent(bob, ("empty.txt", b"")))
    assert (refused[0], refused[1]["code"]) == (400, "empty_file")
    assert pointers(sent(bob, ("lease.txt", b"Another."), colour="red")) == [("/colour", "unknown_field")]


def test_a_form_without_scripts_leads_back_to_the_list(bob: Person) -> None:
    response = sent(bob, ("lease.txt", b"The lease ends in May."), headers=BROWSER)
    assert (response.status_code, response.headers["Location"]) == (302, f"{PORTAL}documents/")
    refused = sent(bob, ("empty.txt", b""), headers=BROWSER)
    assert (refused.status_code, refused.headers["Location"]) == (302, f"{PORTAL}documents/")
    assert notices(bob) == ["“empty.txt” is empty."]
    again = ("again.txt", b"The lease ends in May.")
    sent(bob, again, ("empty.txt", b""), ("plan.txt", b"The plan begins in June."), headers=BROWSER)
    assert notices(bob) == ["“again.txt” is here already: nothing was added.", "“empty.txt” is empty."]


def test_viewers_read_only(alice: Person, dana: Person, remains: Remains) -> None:
    document = uploaded(alice, "lease.txt", b"The lease ends in May.")["id"]
    assert refusal(sent(dana, ("plan.txt", b"The plan begins in June.")))[0] == 403
    for path in [f"documents/{document}/delete/", f"documents/{document}/retry/", "collections/"]:
        response = dana.client.post(f"{PORTAL}{path}", {"name": "Mine"}, headers=SCRIPT)
        assert refusal(response)[0] == 403
    assert remains(alice)["documents_document"] == 1


def test_deleting_from_the_list(bob: Person, remains: Remains) -> None:
    first = uploaded(bob, "lease.txt", b"The lease ends in May.")["id"]
    second = uploaded(bob, "plan.txt", b"The plan begins in June.")["id"]
    assert bob.client.get(f"{PORTAL}documents/{first}/delete/").status_code == 405
    assert bob.client.post(f"{PORTAL}documents/{first}/delete/").status_code == 204
    asked = bob.client.post(f"{PORTAL}documents/{second}/delete/", headers=BROWSER)
    assert (asked.status_code, "Delete 1 document?" in asked.content.decode()) == (200, True)
    assert remains(bob)["documents_document"] == 1
    yes = {"confirmed": "true"}
    by_browser = bob.client.post(f"{PORTAL}documents/{second}/delete/", yes, headers=BROWSER)
    assert (by_browser.status_code, by_browser.headers["Location"]) == (302, f"{PORTAL}documents/")
    assert remains(bob) == {}


def test_trying_again_after_a_failure(bob: Person, worker: Running) -> None:
    broken = uploaded(bob, "report.pdf", b"%PDF-1.7\nnothing of a PDF follows")["id"]
    assert processed(bob, broken)["status"] == "failed"
    assert bob.client.post(f"{PORTAL}documents/{broken}/retry/").status_code == 204
    again = processed(bob, broken)
    assert (again["status"], again["attempts"], again["error"]["code"]) == ("failed", 1, "corrupt_pdf")


def test_a_new_collection_by_script_and_by_form(bob: Person) -> None:
    made = bob.client.post(f"{PORTAL}collections/", {"name": "Contracts"}, "application/json", headers=SCRIPT)
    assert (made.status_code, made.json()["slug"]) == (201, "contracts")
    by_form = bob.client.post(f"{PORTAL}collections/", {"name": "Plans"}, headers=BROWSER)
    assert (by_form.status_code, by_form.headers["Location"]) == (302, f"{PORTAL}documents/")
    names = [one["name"] for one in bob.api.get("/api/v1/collections/").json()["results"]]
    assert names == ["Documents", "Contracts", "Plans"]
    unnamed = bob.client.post(f"{PORTAL}collections/", {"name": ""}, "application/json", headers=SCRIPT)
    assert pointers(unnamed) == [("/name", "blank")]
    malformed = bob.client.post(f"{PORTAL}collections/", "{", "application/json", headers=SCRIPT)
    assert refusal(malformed)[1]["code"] == "parse_error"


def test_a_passage_opens_with_its_marks(alice: Person, worker: Running) -> None:
    document = shelved(alice)
    page = alice.api.get(f"/api/v1/documents/{document['id']}/pages/3/").json()
    quote = "Night trains are refunded"
    start = page["start"] + page["text"].index(quote)
    path = passage_path("acme", UUID(document["id"]), 1, 3, start, start + len(quote))
    assert path == f"{page_path(document, 3)}?start={start}&end={start + len(quote)}"

    data = alice.client.get(path.replace("?", ".json?"), headers=SCRIPT)
    assert data.headers["Cache-Control"] == "no-store"
    [rect] = data.json().pop("rects")
    assert set(rect) == {"x0", "y0", "x1", "y1"}
    assert data.json() | {"rects": []} == {
        "title": "handbook.pdf",
        "name": "handbook.pdf",
        "version": 1,
        "page": 3,
        "pages": 3,
        "label": "",
        "is_recognised": False,
        "text": "\n".join(HANDBOOK_PAGES[2]),
        "html": None,
        "current": None,
        "start": len("Travel\n"),
        "end": len("Travel\n") + len(quote),
        "rects": [],
        "image": page_path(document, 3, ".png"),
        "url": path,
        "original_url": f"{PORTAL}d/{document['id']}/v/1/original",
        "before": {"page": 2, "start": 86, "end": page["start"] - 1},
        "after": None,
    }

    shown = alice.client.get(path)
    assert shown.status_code == 200
    assert shown.context["passage"]["previous_url"] == page_path(document, 2)
    assert shown.context["passage"]["next_url"] is None
    content = shown.content.decode()
    assert f">{quote}</mark>" in content
    assert f"M{rect['x0']} {rect['y0']}H{rect['x1']}V{rect['y1']}" in content


def test_a_page_without_a_passage_has_no_marks(alice: Person, worker: Running) -> None:
    document = ready(alice, "notes.txt", b"Night trains are refunded.")
    data = alice.client.get(page_path(document, 1, ".json"), headers=SCRIPT).json()
    assert (data["start"], data["end"], data["rects"], data["image"]) == (0, 0, [], None)
    assert data["url"] == page_path(document, 1)
    assert "<mark" not in alice.client.get(page_path(document, 1)).content.decode()
    no_image = refusal(alice.client.get(page_path(document, 1, ".png"), headers=SCRIPT))
    assert (no_image[0], no_image[1]["code"]) == (404, "no_page_image")


def test_a_passage_that_is_not_there_is_refused(alice: Person, worker: Running) -> None:
    document = shelved(alice)
    beyond = alice.client.get(f"{page_path(document, 1, '.json')}?start=0&end=99999", headers=SCRIPT)
    assert pointers(beyond) == [("/end", "out_of_range")]
    as_page = alice.client.get(f"{page_path(document, 1)}?start=0&end=99999", headers=BROWSER)
    assert as_page.status_code == 400
    assert alice.client.get(page_path(document, 4), headers=BROWSER).status_code == 404
    assert alice.client.get(page_path(document, 1).replace("/v/1/", "/v/2/")).status_code == 404


def test_the_page_image_and_the_original_are_private(
    alice: Person, worker: Running, live_server: LiveServer
) -> None:
    document = shelved(alice)
    cookies = {"sessionid": alice.client.cookies["sessionid"].value}
    with httpx.Client(base_url=live_server.url, cookies=cookies, verify=NO_TLS) as browser:
        image = browser.get(page_path(document, 1, ".png"))
        original = browser.get(f"{PORTAL}d/{document['id']}/v/1/original")
    assert (image.headers["Content-Type"], image.headers["Cache-Control"]) == ("image/png", "private, no-cache")
    assert original.content == handbook()
    assert original.headers["Content-Disposition"] == 'attachment; filename="handbook.pdf"'
    assert original.headers["Content-Security-Policy"] == "sandbox"


def test_forms_need_the_csrf_token(bob: Person) -> None:
    bob.client.handler.enforce_csrf_checks = True
    document = uploaded(bob, "lease.txt", b"The lease ends in May.")["id"]
    assert bob.client.post(f"{PORTAL}documents/{document}/delete/").status_code == 403
    assert sent(bob, ("plan.txt", b"The plan begins in June.")).status_code == 403
    bob.client.handler.enforce_csrf_checks = False
    assert bob.client.post(f"{PORTAL}documents/{document}/delete/").status_code == 204
