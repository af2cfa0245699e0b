"""Web sites as admins manage them, by REST and in the administration."""

from __future__ import annotations

import re
from typing import Any

from tests.conversations.visits import ORIGIN, collection_of, site_of
from tests.people import Browser, Person

QUESTION = "How many days of paid holiday are there?"


def test_what_a_site_may_not_be(alice: Person, bob: Person, charlie: Person) -> None:
    rules, foreign = collection_of(alice, "Rules"), collection_of(charlie, "Theirs")
    good = {"name": "Help", "origins": [ORIGIN], "collections": [rules]}
    made = site_of(alice, rules, origins=[f"{ORIGIN}:443/", "http://localhost:8080", ORIGIN.upper()])
    assert made["origins"] == [ORIGIN, "http://localhost:8080"]
    assert "secret" not in made
    wrong: dict[str, dict[str, Any]] = {
        "/name": {"name": " "},
        "/origins": {"origins": []},
        "/origins/0": {"origins": ["https://*.example.org"]},
        "/collections": {"collections": []},
        "/collections/0": {"collections": [foreign]},
        "/persona": {"persona": "nobody"},
        "/accent": {"accent": "#ffee00"},
        "/visitors": {"visitors": "all"},
        "/site_day": {"site_day": 0},
        "/key": {"key": "mine"},
    }
    found = {}
    for pointer, fields in wrong.items():
        response = alice.full_api.post("/api/v1/sites/", good | fields)
        assert response.status_code == 400, response.content
        found[pointer] = [one["pointer"] for one in response.json()["errors"]]
    assert found == {pointer: [pointer] for pointer in wrong}
    for origin in (
        "http://acme.example",
        "ftp://acme.example",
        f"{ORIGIN}/shop",
        "https://a b",
        "null",
        "https://u@a",
    ):
        response = alice.full_api.post("/api/v1/sites/", good | {"origins": [origin]})
        assert response.status_code == 400, origin
    path = f"/api/v1/sites/{made['id']}/"
    assert [who.full_api.get(path).status_code for who in (alice, bob, charlie)] == [200, 403, 404]
    listed = [who.full_api.get("/api/v1/sites/") for who in (alice, bob, charlie)]
    assert [one.status_code for one in listed] == [200, 403, 200]
    assert [len(one.json()["results"]) for one in (listed[0], listed[2])] == [1, 0]
    members = alice.full_api.get("/api/v1/members/").json()["results"]
    assert len(members) == 2


def test_a_site_is_made_in_the_administration(alice: Person, bob: Person, charlie: Person) -> None:
    rules = collection_of(alice, "Rules")
    form = {
        "name": "Help",
        "origins": f"{ORIGIN}\nhttps://shop.example",
        "collections": [rules],
        "persona": "",
        "greeting": "Good day.",
        "sample_questions": QUESTION,
        "accent": "#0b5c5f",
        "visitors": "signed",
        "visitor_hour": 5,
        "address_hour": 50,
        "site_day": 100,
        "retention_days": 7,
        "is_active": "on",
    }
    add = "/o/acme/admin/conversations/site/add/"
    assert [who.client.get(add).status_code for who in (bob, charlie)] == [403, 404]
    shown = alice.client.post(add, form | {"collections": []})
    assert "This field is required" in shown.content.decode()
    client: Browser = alice.client
    done = client.post(add, form | {"_continue": "on"}, follow=True).content.decode()
    [site] = alice.full_api.get("/api/v1/sites/").json()["results"]
    assert (site["name"], site["collections"], site["visitors"]) == ("Help", [rules], "signed")
    [secret] = re.findall(r"shown this once: ([\w-]{43})", done)
    assert "&lt;script src=" in done
    assert f"/widget/{site['key']}/" in done
    page = f"/o/acme/admin/conversations/site/{site['id']}/change/"
    assert secret not in client.get(page).content.decode()
    client.post(page, form | {"name": "Help desk", "is_active": ""})
    changed = alice.full_api.get(f"/api/v1/sites/{site['id']}/").json()
    assert (changed["name"], changed["is_active"], changed["collections"]) == ("Help desk", False, [rules])
    chosen = {"action": "another_key", "_selected_action": [site["id"]]}
    client.post("/o/acme/admin/conversations/site/", chosen)
    assert alice.full_api.get(f"/api/v1/sites/{site['id']}/").json()["key"] != site["key"]
    client.post(f"/o/acme/admin/conversations/site/{site['id']}/delete/", {"post": "yes"})
    assert alice.full_api.get("/api/v1/sites/").json()["results"] == []
