"""Visitors of web sites that show the widget: what they are told, what they reach, and how much they may ask."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.core.management import call_command
from django.utils import timezone

from conversations.models import Conversation
from tenants.db import tenant_atomic
from tests.config.polling import wait_for
from tests.conversations.visits import ORIGIN, Visitor, collection_of, site_of, word
from tests.factories import processed, uploaded
from tests.people import Person
from tests.processes import LiveServer

QUESTION = "How many days of paid holiday are there?"
JSON = "application/json"
QUOTE = "Every full-time employee has twenty-eight days of paid holiday a year."


@pytest.fixture
def site(alice: Person, handbook_of_alice: dict[str, Any]) -> dict[str, Any]:
    """A site of acme that asks the handbook's collection."""
    return site_of(alice, handbook_of_alice["collection"])


@pytest.fixture
def signed(alice: Person) -> dict[str, Any]:
    """A site of acme whose visitors somebody vouches for."""
    return site_of(alice, collection_of(alice, "Rules"), visitors="signed")


def _refusals(visitor: Visitor, *, conversation: object, answer: object) -> dict[str, int]:
    """What one is answered who names these."""
    sent = {
        "messages": visitor.send("GET", f"conversations/{conversation}/"),
        "events": visitor.send("GET", f"answers/{answer}/events/"),
        "stop": visitor.send("POST", f"answers/{answer}/stop/"),
        "ask": visitor.send("POST", "ask/", json={"question": QUESTION, "conversation": str(conversation)}),
    }
    bodies = {re.sub(r'"request_id": "[0-9a-f]+"', "", one.text) for name, one in sent.items() if name != "stop"}
    assert len(bodies) <= 3
    return {name: one.status_code for name, one in sent.items()}


def test_visitors_are_answered_and_see_exactly_their_own(
    site: dict[str, Any], signed: dict[str, Any], alice: Person, live_server: LiveServer
) -> None:
    visitor, other = (Visitor(live_server, site["key"]).begin() for _ in range(2))
    accepted, *events = visitor.ask(QUESTION)
    conversation, answer = accepted["conversation"], accepted["message"]
    finished = events[-1]
    assert {event["type"] for event in events} == {"status", "sources", "delta", "block", "finished"}
    assert finished["citations"] == [{"marker": 1, "title": "handbook.pdf", "page": 1, "quote": QUOTE}]
    for event in events:
        if event["type"] == "sources":
            assert all(set(item) == {"marker", "title", "page"} for item in event["items"])
    told = json.dumps(events)
    assert alice.slug not in told
    assert "/o/" not in told
    [question, shown] = visitor.messages(conversation)
    assert question["content"] == QUESTION
    assert shown["citations"] == finished["citations"]
    assert (
        shown["blocks"] == [event["html"] for event in events if event["type"] == "block"][-len(shown["blocks"]) :]
    )
    again = visitor.send("GET", f"answers/{answer}/events/")
    assert '"type": "finished"' in again.text
    assert visitor.send("POST", f"answers/{answer}/stop/").json() == {"id": answer, "status": "finished"}
    assert visitor.conversations() == [conversation]

    assert other.conversations() == []
    ann = Visitor(live_server, signed["key"]).begin(word(signed))
    own = alice.api.post("/api/v1/conversations/", {}).json()["id"]
    not_found = dict.fromkeys(("messages", "events", "stop", "ask"), 404)
    for who in (other, ann):
        assert _refusals(who, conversation=conversation, answer=answer) == not_found
        assert _refusals(who, conversation=uuid4(), answer=uuid4()) == not_found
        assert _refusals(who, conversation=own, answer=uuid4()) == not_found
    assert alice.api.get(f"/api/v1/conversations/{conversation}/").status_code == 404
    listed = alice.api.get("/api/v1/conversations/").json()["results"]
    assert [one["id"] for one in listed] == [own]


def test_a_site_sees_exactly_its_collections(site: dict[str, Any], alice: Person, live_server: LiveServer) -> None:
    secrets = collection_of(alice, "Secrets", access={"everyone": False})
    note = uploaded(alice, "boats.txt", b"The ferry to Saltholm leaves at noon on Sundays.\n", collection=secrets)
    assert processed(alice, note["id"])["status"] == "ready"
    visitor = Visitor(live_server, site["key"]).begin()
    asked = "When does the ferry to Saltholm leave?"

    def ending() -> dict[str, Any]:
        """As it is stored: a change of the site cuts streams off, and no answer."""
        visitor.ask(asked)
        conversation = visitor.conversations()[0]
        wait_for("it is over", lambda: visitor.messages(conversation)[-1]["status"] in {"finished", "refused"})
        return visitor.messages(conversation)[-1]

    assert ending()["finish_reason"] == "refused"
    path = f"/api/v1/sites/{site['id']}/"
    both = [*site["collections"], secrets]
    assert alice.full_api.patch(path, {"collections": both}).status_code == 200
    [citation, *_] = ending()["citations"]
    assert citation["title"] == "boats.txt"
    assert alice.full_api.delete(f"/api/v1/collections/{secrets}/").status_code == 204
    left = alice.full_api.get(path).json()["collections"]
    assert left == site["collections"]
    assert ending()["finish_reason"] == "refused"


def _statuses(visitor: Visitor) -> tuple[int, int]:
    return (
        visitor.send("GET", "conversations/").status_code,
        visitor.send("POST", "ask/", json={"question": QUESTION}).status_code,
    )


def test_tokens_that_are_forged_expired_void_or_of_another_site(
    signed: dict[str, Any], alice: Person, live_server: LiveServer
) -> None:
    other = site_of(alice, *signed["collections"])
    visitor = Visitor(live_server, other["key"]).begin()
    assert visitor.send("GET", "conversations/").status_code == 200
    token = visitor.token or ""
    payload, _, seal = token.partition(":")
    for wrong in (None, "", "x", alice.token, f"{payload}x:{seal}", token[:-1]):
        assert _statuses(Visitor(live_server, other["key"], wrong)) == (401, 401), wrong
    assert _statuses(Visitor(live_server, signed["key"], token)) == (401, 401)
    ends = int(time.time()) + 2
    ann = Visitor(live_server, signed["key"]).begin(word(signed, exp=ends))
    assert ann.send("GET", "conversations/").status_code == 200
    # Whom somebody has to vouch for is not renewed by us.
    assert ann.send("POST", "session/").status_code == 401
    wait_for("the token is over", lambda: time.time() > ends)
    assert _statuses(ann) == (401, 401)

    old = Visitor(live_server, signed["key"]).begin(word(signed))
    path = f"/api/v1/sites/{signed['id']}"
    rotated = alice.full_api.post(f"{path}/rotate-secret/").json()
    assert rotated["secret"] not in (None, signed["secret"])
    assert _statuses(old) == (401, 401)
    assert old.send("POST", "session/", json={"visitor": word(signed)}).status_code == 401
    ann.begin(word({**signed, "secret": rotated["secret"]}))
    moved = alice.full_api.post(f"{path}/rotate-key/").json()
    assert moved["key"] != signed["key"]
    assert ann.send("GET", "conversations/").status_code == 404
    assert alice.full_api.post(f"/api/v1/sites/{other['id']}/rotate-secret/").status_code == 409


def test_the_word_of_a_server_is_looked_at_closely(
    signed: dict[str, Any], alice: Person, live_server: LiveServer
) -> None:
    other = site_of(alice, *signed["collections"], visitors="signed")
    visitor = Visitor(live_server, signed["key"])
    now = int(time.time())
    claims = {"sub": "ann", "aud": signed["key"], "exp": now + 600}
    wrong = {
        "no word": None,
        "no token": "ann",
        "expired": word(signed, exp=now - 1),
        "too long": word(signed, exp=now + 7200),
        "endless": word(signed, exp=None),
        "nobody": word(signed, ""),
        "no subject": word(signed, exp=now + 60, sub=None),
        "not yet": word(signed, nbf=now + 300),
        "for another site": word({**signed, "key": other["key"]}),
        "for several": word(signed, aud=[signed["key"], other["key"]]),
        "by another site": word({**signed, "secret": other["secret"]}),
        "another algorithm": jwt.encode(claims, signed["secret"], algorithm="HS512"),
        "no algorithm": jwt.encode(claims, "", algorithm="none"),
        "a long name": word(signed, "a" * 300),
    }
    answers = {}
    for name, said in wrong.items():
        body = {} if said is None else {"visitor": said}
        answers[name] = visitor.send("POST", "session/", json=body).status_code
    assert answers == dict.fromkeys(wrong, 401)
    first, second = (Visitor(live_server, signed["key"]).begin(word(signed, name="Ann")) for _ in range(2))
    asked = first.ask("What are the rules?")[0]["conversation"]
    assert second.conversations() == [asked]


def _without_chance(response: Any) -> str:
    text = re.sub(r'nonce(=")?[-"]?[\w-]+', "", response.text)
    return re.sub(r'"request_id": "[0-9a-f]+"', "", text)


def test_cookies_are_neither_read_nor_set(
    site: dict[str, Any], signed: dict[str, Any], alice: Person, live_server: LiveServer
) -> None:
    cookies = "; ".join(f"{one.key}={one.value}" for one in alice.client.cookies.values())
    cookies += "; csrftoken=x; django_language=de; theme=dark"
    visitor = Visitor(live_server, site["key"]).begin()
    calls: list[tuple[str, str, Mapping[str, Any]]] = [
        ("GET", "../../v1.js", {}),
        ("GET", f"../../{site['key']}/", {}),
        ("GET", f"../../{'x' * 55}/", {}),
        ("GET", "conversations/", {}),
        ("GET", f"conversations/{uuid4()}/", {}),
        ("POST", "ask/", {"json": {}}),
        ("DELETE", "ask/", {}),
    ]
    for method, path, options in calls:
        plain = visitor.send(method, path, **options)
        known = visitor.send(method, path, **options, headers={"Cookie": cookies})
        assert (known.status_code, _without_chance(known)) == (plain.status_code, _without_chance(plain)), path
        for response in (plain, known):
            assert "set-cookie" not in response.headers
            assert "cookie" not in response.headers.get("vary", "").lower()
    begun = Visitor(live_server, signed["key"]).send("POST", "session/", headers={"Cookie": cookies})
    assert (begun.status_code, "set-cookie" in begun.headers) == (401, False)


def test_O4_who_may_show_and_who_may_call(site: dict[str, Any], alice: Person, live_server: LiveServer) -> None:
    visitor = Visitor(live_server, site["key"]).begin()
    page = visitor.send("GET", f"../../{site['key']}/", headers={"Origin": ORIGIN})
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    nonce = policy["script-src"].removeprefix("'nonce-").removesuffix("'")
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'nonce-{nonce}'",
        "style-src": f"'nonce-{nonce}'",
        "connect-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": ORIGIN,
        "require-trusted-types-for": "'script'",
        "trusted-types": "docent",
    }
    assert "x-frame-options" not in page.headers
    assert "access-control-allow-origin" not in page.headers
    for path in (f"../../{'x' * 55}/", "../../../accounts/login/"):
        elsewhere = visitor.send("GET", path)
        assert elsewhere.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in elsewhere.headers["content-security-policy"]
    for headers in ({"Origin": ORIGIN}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = visitor.send("POST", "session/", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "foreign_origin")
    own = {"Origin": live_server.url, "Sec-Fetch-Site": "same-origin"}
    assert visitor.send("POST", "session/", headers=own).status_code == 200
    script = visitor.send("GET", "../../v1.js")
    assert len(script.content) < 5_000
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    same = visitor.send("GET", "../../v1.js", headers={"If-None-Match": script.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    alice.full_api.patch(f"/api/v1/sites/{site['id']}/", {"is_active": False})
    assert [visitor.send("GET", path).status_code for path in (f"../../{site['key']}/", "conversations/")] == [
        404,
        404,
    ]


def _asks(visitor: Visitor, **headers: str) -> tuple[int, str | None]:
    response = visitor.send("POST", "ask/", json={"question": QUESTION}, headers=headers)
    if response.status_code == 429:
        assert response.json()["code"] == "rate_limited"
        assert "Try again in" in response.json()["detail"]
        assert 0 < int(response.headers["retry-after"]) <= 86_400
        return 429, response.json()["detail"].partition(".")[0]
    return response.status_code, None


def test_limits_of_a_visitor_an_address_and_a_site(
    alice: Person, handbook_of_alice: dict[str, Any], live_server: LiveServer
) -> None:
    limits = {"visitor_hour": 2, "site_day": 3}
    site = site_of(alice, handbook_of_alice["collection"], **limits)
    first, second = (Visitor(live_server, site["key"]).begin() for _ in range(2))
    key = {"Idempotency-Key": "once"}
    assert [_asks(first, **key), _asks(first)] == [(200, None)] * 2
    assert _asks(first) == (429, "You have asked enough for this hour")
    # The same once more is no other question.
    assert _asks(first, **key) == (200, None)
    assert len(first.conversations()) == 2
    assert _asks(second) == (200, None)
    assert _asks(second) == (429, "Enough was asked here for today")
    assert len(second.conversations()) == 1
    answer = alice.api.post("/api/v1/query/", {"query": QUESTION})
    assert answer.status_code == 200
    small = site_of(alice, handbook_of_alice["collection"], address_hour=1)
    assert _asks(Visitor(live_server, small["key"]).begin()) == (200, None)
    said = _asks(Visitor(live_server, small["key"]).begin())
    assert said == (429, "From where you are enough was asked for this hour")


def test_use_counts_as_the_sites(site: dict[str, Any], alice: Person, live_server: LiveServer) -> None:
    limits = {"limits": [{"kind": "questions_day", "applies_to": "each", "amount": 1}]}
    assert alice.full_api.put("/api/v1/usage/limits/", limits, content_type=JSON).status_code == 200
    visitor = Visitor(live_server, site["key"]).begin()
    assert [_asks(visitor), _asks(visitor)] == [(200, None)] * 2
    rows = alice.full_api.get("/api/v1/usage/?of=tenant&group=person").json()["results"]
    assert {row["label"]: row["questions"] for row in rows} == {site["name"]: 2}
    limits = {"limits": [{"kind": "questions_day", "applies_to": "tenant", "amount": 2}]}
    assert alice.full_api.put("/api/v1/usage/limits/", limits, content_type=JSON).status_code == 200
    response = visitor.send("POST", "ask/", json={"question": QUESTION})
    told = response.json()
    assert (response.status_code, told["code"], "quota" in told) == (429, "rate_limited", False)
    assert told["detail"] == "Nothing more can be asked here for now. Try again later."


def test_conversations_are_kept_as_long_as_the_site_says(
    site: dict[str, Any], alice: Person, live_server: LiveServer
) -> None:
    visitor = Visitor(live_server, site["key"]).begin()
    old, new = (visitor.ask(QUESTION)[0]["conversation"] for _ in range(2))
    own = alice.api.post("/api/v1/conversations/", {}).json()["id"]
    longer = site_of(alice, *site["collections"], retention_days=90)
    kept = Visitor(live_server, longer["key"]).begin().ask(QUESTION)[0]["conversation"]
    with tenant_atomic(alice.access.tenant_id):
        Conversation.objects.filter(id__in=[old, kept]).update(updated_at=timezone.now() - timedelta(days=31))
    alice.full_api.patch("/api/v1/retention/", {"delete_idle_days": 20})
    call_command("purge_expired")
    assert visitor.conversations() == [new]
    with tenant_atomic(alice.access.tenant_id):
        assert {str(one) for one in Conversation.objects.values_list("id", flat=True)} == {new, own, kept}
    assert alice.full_api.delete(f"/api/v1/sites/{site['id']}/").status_code == 204
    with tenant_atomic(alice.access.tenant_id):
        assert {str(one) for one in Conversation.objects.values_list("id", flat=True)} == {own, kept}
