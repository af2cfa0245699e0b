"""Pages of the web that become documents, from the portal's form to the version that questions find."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from documents.models import Document, Source
from documents.selectors import default_collection
from documents.services.sources import FETCH, add_web_page, under_way
from documents.source_fetching import enqueue_due
from tenants.db import tenant_atomic
from tenants.jobs.runner import run_job
from tenants.models import AuditEvent, Job
from tenants.services.members import remove_member
from tests.config.polling import wait_for
from tests.documents.conftest import Remains
from tests.factories import processed
from tests.people import Person
from tests.processes import Running
from tests.refusals import pointers, refusal
from tests.standins.web import Page, WebStandIn

pytestmark = pytest.mark.django_db(transaction=True)

PORTAL = "/o/acme/"
SCRIPT = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
RULES = Page(
    "<html lang=en><title>House rules</title><h1>House rules</h1><p>Dogs are welcome in the yard.</html>",
    headers={"ETag": '"1"', "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"},
)


@pytest.fixture(autouse=True)
def _rules(web: WebStandIn) -> None:
    web.pages["/rules"] = RULES


def added(person: Person, url: str, **fields: Any) -> Source:
    """Sent by a script of the portal."""
    answer = person.client.post(f"/o/{person.slug}/sources/", {"url": url, **fields}, headers=SCRIPT)
    assert answer.status_code == 202, answer.content
    with tenant_atomic(person.access.tenant_id):
        source: Source = Source.objects.select_related("collection").latest("created_at")
        return source


def fetched(person: Person, source: Source) -> Source:
    """The source after its look is over, by whoever does it first: the worker, if one lives, or this process."""
    tenant = person.access.tenant_id

    def is_over() -> bool:
        with tenant_atomic(tenant):
            busy = source.id in under_way([source.id])
            job = Job.objects.filter(kind=FETCH, target_id=source.id).first()
        if busy and job is not None:
            run_job(job.id)
        return not busy

    wait_for("the page is fetched", is_over, within=20)
    with tenant_atomic(tenant):
        found: Source = Source.objects.get(id=source.id)
        return found


def wait_of(source: Source) -> timedelta | None:
    """How long after its last look the next one is due; None: when somebody asks."""
    assert source.last_run_at is not None
    return None if source.next_run_at is None else source.next_run_at - source.last_run_at


def document_of_source(person: Person, source: Source) -> Document:
    with tenant_atomic(person.access.tenant_id):
        found: Document = Document.objects.get(source=source)
        return found


def test_a_page_becomes_a_document_and_its_changes_versions(bob: Person, worker: Running, web: WebStandIn) -> None:
    source = added(bob, f"{web.url}/rules#top", refresh_hours=24)
    assert (source.location, source.refresh_hours, source.created_by_id) == (f"{web.url}/rules", 24, bob.user.pk)
    source = fetched(bob, source)
    assert (source.error_code, source.report["added"]) == ("", 1)
    assert wait_of(source) == timedelta(hours=24)
    document = document_of_source(bob, source)
    shown = processed(bob, str(document.id))
    assert (shown["name"], shown["title"], shown["status"]) == ("rules.html", "House rules", "ready")
    assert datetime.fromisoformat(shown["dated_at"]) == datetime(2015, 10, 21, 7, 28, tzinfo=UTC)
    hit = bob.api.post("/api/v1/search/", {"query": "Are dogs welcome?"}).json()["results"][0]
    assert (hit["title"], hit["version"]) == ("House rules", 1)
    assert shown["size"] == len(RULES.body)
    page = bob.api.get(f"/api/v1/documents/{document.id}/pages/1/").json()
    assert page["text"] == "# House rules\n\nDogs are welcome in the yard."

    # The same page is asked for by its tag, and not sent again.
    web.requests.clear()
    bob.client.post(f"{PORTAL}sources/{source.id}/look/", headers=SCRIPT)
    assert fetched(bob, source).report["unchanged"] == 1
    [(_, _, headers)] = web.requests
    assert headers["if-none-match"] == '"1"'
    assert headers["if-modified-since"] == "Wed, 21 Oct 2015 07:28:00 GMT"
    assert document_of_source(bob, source).current_version == 1

    web.pages["/rules"] = Page(
        "<title>House rules</title><p>Cats are welcome in the house.", headers={"ETag": '"2"'}
    )
    bob.client.post(f"{PORTAL}sources/{source.id}/look/", headers=SCRIPT)
    assert fetched(bob, source).report["replaced"] == 1
    assert processed(bob, str(document.id))["version"] == 2
    with tenant_atomic(bob.access.tenant_id):
        events = AuditEvent.objects.filter(target_id=document.id).order_by("at")
        actions = list(events.values_list("action", "carrier"))
    assert actions == [("document.uploaded", "worker"), ("document.replaced", "worker")]


def test_adding_the_same_page_again_looks_at_it_again(bob: Person, web: WebStandIn) -> None:
    first = fetched(bob, added(bob, f"{web.url}/rules"))
    again = added(bob, f"{web.url}/rules", refresh_hours=1)
    assert (again.id, again.refresh_hours) == (first.id, 1)
    assert fetched(bob, again).report["unchanged"] == 1


def test_what_is_wrong_is_said_on_the_source_and_tried_later_and_later(bob: Person, web: WebStandIn) -> None:
    web.pages["/busy"] = Page("Not now.", status="503 Busy", headers={"Retry-After": "7200"})
    web.pages["/broken"] = Page("Oh.", status="500 Oh")
    busy, broken, gone = (added(bob, f"{web.url}{path}") for path in ("/busy", "/broken", "/gone"))
    daily = added(bob, f"{web.url}/away", refresh_hours=24)
    busy, broken, gone, daily = (fetched(bob, one) for one in (busy, broken, gone, daily))
    waits = {one.location.rpartition("/")[2]: wait_of(one) for one in (busy, broken, gone, daily)}
    assert waits == {
        "busy": timedelta(hours=2),
        "broken": timedelta(minutes=15),
        "gone": None,
        "away": timedelta(hours=24),
    }
    assert [one.error_code for one in (busy, broken, gone, daily)] == [
        *("page_failed", "page_failed", "page_gone", "page_gone")
    ]
    assert "404" in gone.error_detail
    for tries, wait in ((2, timedelta(minutes=30)), (3, timedelta(hours=1)), (4, timedelta(hours=2)), (5, None)):
        bob.client.post(f"{PORTAL}sources/{broken.id}/look/", headers=SCRIPT)
        broken = fetched(bob, broken)
        assert broken.failures == tries
        assert wait_of(broken) == wait
    web.pages["/broken"] = RULES
    bob.client.post(f"{PORTAL}sources/{broken.id}/look/", headers=SCRIPT)
    broken = fetched(bob, broken)
    assert (broken.failures, broken.error_code, broken.error_detail) == (0, "", "")


def test_S1_to_S3_addresses_are_refused_at_the_form(bob: Person) -> None:
    path = f"{PORTAL}sources/"
    for url in (
        "http://a:b@example.org/",
        "http://example.org\\@127.0.0.1/",
        "http://example.org:22/",
        "ftp://a.b/",
    ):
        answer = bob.client.post(path, {"url": url}, headers=SCRIPT)
        assert pointers(answer) == [("/url", "address_refused")], url
    by_form = bob.client.post(path, {"url": "http://0x7f.1/"}, headers=BROWSER)
    assert (by_form.status_code, by_form.headers["Location"]) == (302, f"{PORTAL}documents/")
    assert "not written as usual" in bob.client.get(f"{PORTAL}documents/").content.decode()
    for fields, expected in (
        ({}, ("/url", "required")),
        ({"url": "https://a.example/", "refresh_hours": "0"}, ("/refresh_hours", "min_value")),
        ({"url": "https://a.example/", "collection": str(uuid4())}, ("/collection", "unknown_id")),
        ({"url": "https://a.example/", "colour": "red"}, ("/colour", "unknown_field")),
    ):
        assert pointers(bob.client.post(path, fields, headers=SCRIPT)) == [expected]
    with tenant_atomic(bob.access.tenant_id):
        assert Source.objects.count() == 0


def test_S1_what_is_not_the_internets_is_said_on_the_source(bob: Person) -> None:
    source = fetched(bob, added(bob, "http://localhost/"))
    assert source.error_code == "address_refused"
    assert source.next_run_at is None


def test_F37_due_pages_are_enqueued_once(bob: Person, charlie: Person, web: WebStandIn) -> None:
    source = fetched(bob, added(bob, f"{web.url}/rules", refresh_hours=1))
    theirs = fetched(charlie, added(charlie, f"{web.url}/rules", refresh_hours=1))
    assert enqueue_due() == 0
    with tenant_atomic(bob.access.tenant_id):
        Source.objects.filter(id=source.id).update(next_run_at=timezone.now() - timedelta(minutes=1))
    web.requests.clear()
    assert enqueue_due() == 1
    enqueue_due()
    assert wait_of(fetched(bob, source)) == timedelta(hours=1)
    assert len(web.requests) == 1
    assert fetched(charlie, theirs).report["added"] == 1


def test_a_page_outlives_the_membership_of_whoever_added_it(alice: Person, bob: Person, web: WebStandIn) -> None:
    source = fetched(bob, added(bob, f"{web.url}/rules", refresh_hours=1))
    remove_member(access=alice.access, user_id=bob.user.pk)
    web.pages["/more"] = Page("<p>More of it.")
    access = alice.access
    with tenant_atomic(access.tenant_id):
        more = add_web_page(access=access, url=f"{web.url}/more", collection=default_collection(access))
        Source.objects.filter(id=more.id).update(created_by_id=bob.user.pk)
    more = fetched(alice, more)
    assert (more.error_code, more.report["added"]) == ("", 1)
    assert document_of_source(alice, more).uploaded_by_id == alice.user.pk
    assert fetched(alice, source).error_code == ""


def test_removing_a_source_keeps_its_documents_or_takes_them(
    bob: Person, web: WebStandIn, remains: Remains
) -> None:
    web.pages["/more"] = Page("<p>More of it.")
    kept, taken = (fetched(bob, added(bob, f"{web.url}{path}")) for path in ("/rules", "/more"))
    documents = [document_of_source(bob, one).id for one in (kept, taken)]
    asked = bob.client.get(f"{PORTAL}sources/{kept.id}/remove/")
    assert asked.status_code == 200
    assert "What becomes of its 1 document?" in asked.content.decode()
    for source, choice in ((kept, "keep"), (taken, "delete")):
        path = f"{PORTAL}sources/{source.id}/remove/"
        assert pointers(bob.client.post(path, {}, headers=SCRIPT)) == [("/documents", "required")]
        assert bob.client.post(path, {"documents": choice}, headers=SCRIPT).status_code == 204
    with tenant_atomic(bob.access.tenant_id):
        assert Source.objects.count() == 0
        left = list(Document.objects.values_list("id", "source", "source_key"))
    assert left == [(documents[0], None, "")]
    assert remains(bob)["files"] == 1


def test_F35_a_page_whose_document_is_deleted_does_not_come_back(
    bob: Person, web: WebStandIn, remains: Remains
) -> None:
    source = fetched(bob, added(bob, f"{web.url}/rules", refresh_hours=1))
    document = document_of_source(bob, source).id
    assert bob.api.delete(f"/api/v1/documents/{document}/").status_code == 204
    with tenant_atomic(bob.access.tenant_id):
        assert Source.objects.count() == 0
    assert remains(bob) == {}


def test_a_collection_goes_with_its_sources(alice: Person, bob: Person, web: WebStandIn, remains: Remains) -> None:
    made = bob.api.post("/api/v1/collections/", {"name": "Rules"}).json()["id"]
    moved, stays = added(bob, f"{web.url}/rules", collection=made), added(bob, f"{web.url}/gone", collection=made)
    moved = fetched(bob, moved)
    document = document_of_source(bob, moved).id
    default = alice.api.get("/api/v1/collections/").json()["results"][0]["id"]
    assert bob.api.patch(f"/api/v1/documents/{document}/", {"collection": default}).status_code == 200
    assert bob.api.delete(f"/api/v1/collections/{made}/").status_code == 204
    with tenant_atomic(bob.access.tenant_id):
        assert Source.objects.count() == 0
        assert Document.objects.get().source is None
        assert not Job.objects.filter(kind=FETCH, target_id=stays.id).exists()
    assert remains(bob)["files"] == 1


def test_whoever_may_not_change_a_source_changes_nothing(
    alice: Person, bob: Person, dana: Person, charlie: Person, web: WebStandIn
) -> None:
    source = fetched(alice, added(alice, f"{web.url}/rules"))
    assert refusal(dana.client.post(f"{PORTAL}sources/", {"url": "https://a.example/"}, headers=SCRIPT))[0] == 403
    for rest, body in (("look/", {}), ("change/", {"refresh_hours": "1"}), ("remove/", {"documents": "delete"})):
        for person in (bob, dana):
            answer = person.client.post(f"{PORTAL}sources/{source.id}/{rest}", body, headers=SCRIPT)
            assert refusal(answer)[0] == 403, (rest, person.user.email)
        foreign = charlie.client.post(f"/o/globex/sources/{source.id}/{rest}", body, headers=SCRIPT)
        missing = charlie.client.post(f"/o/globex/sources/{uuid4()}/{rest}", body, headers=SCRIPT)
        assert refusal(foreign) == refusal(missing)
        assert foreign.status_code == 404
    with tenant_atomic(alice.access.tenant_id):
        assert Source.objects.get().refresh_hours is None
    changed = alice.client.post(f"{PORTAL}sources/{source.id}/change/", {"refresh_hours": "6"}, headers=SCRIPT)
    assert changed.status_code == 204
    with tenant_atomic(alice.access.tenant_id):
        assert Source.objects.get().refresh_hours == 6


def test_a_collection_that_is_hidden_hides_its_sources(bob: Person, alice: Person, web: WebStandIn) -> None:
    made = alice.api.post("/api/v1/collections/", {"name": "Secret", "access": {"everyone": False}}).json()["id"]
    source = fetched(alice, added(alice, f"{web.url}/rules", collection=made))
    missing = bob.client.post(f"{PORTAL}sources/{uuid4()}/look/", headers=SCRIPT)
    assert refusal(bob.client.post(f"{PORTAL}sources/{source.id}/look/", headers=SCRIPT)) == refusal(missing)
    assert bob.client.get(f"{PORTAL}collections/{made}/").status_code == 404
    assert source.location.partition("://")[2] in alice.client.get(f"{PORTAL}collections/{made}/").content.decode()


def test_ingest_takes_addresses(alice: Person, worker: Running, web: WebStandIn) -> None:
    into = ["--tenant", "acme", "--collection", "documents"]
    call_command("ingest", f"{web.url}/rules", *into, "--refresh-hours", "2")
    with tenant_atomic(alice.access.tenant_id):
        assert Document.objects.get().status == "ready"
        assert Source.objects.get().refresh_hours == 2
    with pytest.raises(CommandError):
        call_command("ingest", f"{web.url}/gone", *into)


def test_what_the_page_is_not_is_refused(bob: Person, web: WebStandIn) -> None:
    web.pages["/fake.pdf"] = Page("MZ this is no PDF", type="application/pdf")
    source = fetched(bob, added(bob, f"{web.url}/fake.pdf"))
    assert source.error_code == "type_mismatch"
    with tenant_atomic(bob.access.tenant_id):
        assert Document.objects.count() == 0


def test_people_see_that_a_folder_is_followed_and_not_where(bob: Person, alice: Person, tmp_path: Path) -> None:
    call_command("ingest", str(tmp_path), "--tenant", "acme", "--collection", "documents", "--sync")
    with tenant_atomic(alice.access.tenant_id):
        source = Source.objects.get()
    content = bob.client.get(f"{PORTAL}collections/{source.collection_id}/").content.decode()
    assert tmp_path.name in content
    assert str(tmp_path) not in content
    for rest, body in (("look/", {}), ("change/", {"refresh_hours": "1"})):
        answer = alice.client.post(f"{PORTAL}sources/{source.id}/{rest}", body, headers=SCRIPT)
        assert refusal(answer)[1]["code"] == "not_a_page"
