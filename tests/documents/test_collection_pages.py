"""A collection's own page: what is in it, its name, its end; moving documents as an admin."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from documents.models import Collection, Document
from documents.services.sources import add_web_page
from tenants.db import tenant_atomic
from tests.documents.conftest import Remains
from tests.factories import uploaded
from tests.people import Person
from tests.processes import Running
from tests.refusals import pointers, refusal
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

PORTAL = "/o/acme/"
SCRIPT = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def made(person: Person, name: str = "Contracts") -> str:
    return str(person.api.post("/api/v1/collections/", {"name": name}).json()["id"])


def path(collection: str, rest: str = "", slug: str = "acme") -> str:
    return f"/o/{slug}/collections/{collection}/{rest}"


def test_the_page_says_what_is_in_it(bob: Person, dana: Person, charlie: Person, worker: Running) -> None:
    document = shelved(bob)
    collection = document["collection"]
    page = dana.client.get(path(collection))
    assert page.status_code == 200
    shown = page.context["collection"]
    assert (shown.document_total, shown.page_total, shown.chunk_total) == (1, 3, document["chunks"])
    assert page.context["states"] == [("ready", 1)]
    assert (page.context["may_change"], page.context["sources"]) == (False, [])
    content = page.content.decode()
    assert "/rename/" not in content
    assert "/delete/" not in content
    assert 'action="/o/acme/sources/"' not in content
    assert 'action="/o/acme/sources/"' in bob.client.get(path(collection)).content.decode()
    foreign = charlie.client.get(path(collection, slug="globex"))
    missing = charlie.client.get(path(str(uuid4()), slug="globex"))
    assert foreign.status_code == missing.status_code == 404
    assert charlie.client.get(path(collection)).status_code == 404


def test_renaming(alice: Person, bob: Person, dana: Person, charlie: Person) -> None:
    collection = made(bob)
    back = {**BROWSER, "Referer": f"http://testserver{path(collection)}"}
    renamed = bob.client.post(path(collection, "rename/"), {"name": "Agreements"}, headers=back)
    assert (renamed.status_code, renamed.headers["Location"]) == (302, path(collection))
    assert "Agreements" in bob.client.get(path(collection)).content.decode()
    assert pointers(bob.client.post(path(collection, "rename/"), {"name": ""}, headers=SCRIPT)) == [
        ("/name", "blank")
    ]
    of_alice = made(alice, "Hers")
    for person in (bob, dana):
        answer = person.client.post(path(of_alice, "rename/"), {"name": "Mine"}, headers=SCRIPT)
        assert refusal(answer)[0] == 403
    foreign = charlie.client.post(path(collection, "rename/", "globex"), {"name": "x"}, headers=SCRIPT)
    missing = charlie.client.post(path(str(uuid4()), "rename/", "globex"), {"name": "x"}, headers=SCRIPT)
    assert refusal(foreign) == refusal(missing)
    assert alice.api.get(f"/api/v1/collections/{of_alice}/").json()["name"] == "Hers"


def test_deleting_says_first_what_goes(alice: Person, bob: Person, charlie: Person, remains: Remains) -> None:
    collection = made(bob)
    uploaded(bob, "lease.txt", b"The lease ends in May.", collection=collection)
    with tenant_atomic(bob.access.tenant_id):
        shelf = Collection.objects.get(id=collection)
    add_web_page(access=bob.access, url="https://localhost/", collection=shelf)
    asked = bob.client.get(path(collection, "delete/"))
    assert asked.status_code == 200
    content = asked.content.decode()
    assert "1 document (22" in content
    assert "1 source that fills it" in content
    of_alice = made(alice, "Hers")
    for method in ("get", "post"):
        assert getattr(bob.client, method)(path(of_alice, "delete/"), headers=SCRIPT).status_code == 403
        foreign = getattr(charlie.client, method)(path(collection, "delete/", "globex"), headers=SCRIPT)
        missing = getattr(charlie.client, method)(path(str(uuid4()), "delete/", "globex"), headers=SCRIPT)
        assert refusal(foreign) == refusal(missing)
    gone = bob.client.post(path(collection, "delete/"), headers=BROWSER)
    assert (gone.status_code, gone.headers["Location"]) == (302, f"{PORTAL}documents/")
    assert bob.client.get(path(collection)).status_code == 404
    assert remains(bob) == {}


def test_the_default_collection_stays(alice: Person) -> None:
    [default] = alice.api.get("/api/v1/collections/").json()["results"]
    content = alice.client.get(path(default["id"])).content.decode()
    assert ("/rename/" in content, "/delete/" in content) == (True, False)
    refused = refusal(alice.client.post(path(default["id"], "delete/"), headers=SCRIPT))
    assert (refused[0], refused[1]["code"]) == (400, "default_collection")


def _moved(person: Person, documents: list[str], collection: str) -> Any:
    sent = {"action": "move", ACTION_CHECKBOX_NAME: documents, "index": "0", "collection": collection}
    return person.client.post("/o/acme/admin/documents/document/", sent, follow=True)


def test_an_admin_moves_several_at_once(adam: Person, bob: Person, charlie: Person) -> None:
    contracts, theirs = made(bob), made(charlie)
    first = uploaded(bob, "lease.txt", b"The lease ends in May.")["id"]
    second = uploaded(bob, "plan.txt", b"The plan begins in June.")["id"]
    uploaded(bob, "same.txt", b"The plan begins in June.", collection=contracts)
    for wrong in ("", theirs, str(uuid4()), "x"):
        assert _moved(adam, [first], wrong).status_code in {200, 400}
    answer = _moved(adam, [first, second], contracts)
    said = [str(one) for one in answer.context["messages"]]
    assert said == ["plan.txt: The same file is in that collection already.", "1 moved."]
    with tenant_atomic(adam.access.tenant_id):
        places = dict(Document.objects.filter(id__in=[first, second]).values_list("name", "collection__name"))
    assert places == {"lease.txt": "Contracts", "plan.txt": "Documents"}
