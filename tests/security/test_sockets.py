"""W1, W2, W3: a socket is refused before it is accepted, and in it each id is looked at again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.sessions.models import Session
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tenants.db import tenant_atomic
from tenants.models import Membership
from tests.config.polling import wait_for
from tests.isolation.estates import Estate, estate_of
from tests.people import Person
from tests.processes import LiveServer, Running

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def _open(url: str, *headers: tuple[str, str]) -> Iterator[ClientConnection]:
    with connect(url, additional_headers=list(headers), proxy=None) as socket:
        yield socket


def _enters(url: str, *headers: tuple[str, str]) -> bool:
    """Whether the handshake is accepted; refused is HTTP 403 before any socket was open."""
    try:
        with _open(url, *headers):
            return True
    except InvalidStatus as refusal:
        if refusal.response.status_code != 403:
            raise
        return False


def _cookie(person: Person) -> tuple[str, str]:
    return "Cookie", f"sessionid={person.client.cookies['sessionid'].value}"


def _bearer(person: Person) -> tuple[str, str]:
    return "Authorization", f"Bearer {person.token}"


def _next(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(socket.recv(timeout=20))
    return frame


@pytest.fixture
def url(alice: Person, extractive_server: LiveServer) -> str:
    return f"{extractive_server.ws_url}/o/acme/ws/"


def test_W1_a_cookie_counts_from_this_very_site_alone(
    alice: Person, extractive_server: LiveServer, url: str
) -> None:
    origin = extractive_server.url
    host = origin.removeprefix("http://")
    assert _enters(url, _cookie(alice), ("Origin", origin))
    for foreign in (
        "https://evil.example",
        "null",
        "",
        "file://",
        f"http://{host}.evil.example",
        f"http://evil.example#{host}",
        f"http://{host}@evil.example",
        f"http://evil.{host}",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost:1",
    ):
        assert not _enters(url, _cookie(alice), ("Origin", foreign)), foreign
    assert not _enters(url, _cookie(alice)), "a missing Origin"
    with (
        pytest.raises(InvalidStatus),  # two are malformed: the server itself says 400
        _open(url, _cookie(alice), ("Origin", origin), ("Origin", "https://evil.example")),
    ):
        raise AssertionError


def test_W1_a_bearer_token_needs_no_origin(alice: Person, url: str) -> None:
    assert _enters(url, _bearer(alice))
    assert _enters(url, _bearer(alice), ("Origin", "https://app.example"))


def test_W1_a_wrong_bearer_token_is_not_made_good_by_a_cookie(
    alice: Person, extractive_server: LiveServer, url: str
) -> None:
    wrong = ("Authorization", f"Bearer {alice.token[:-1]}")
    assert not _enters(url, wrong, _cookie(alice), ("Origin", extractive_server.url))


def test_W2_nobody_enters(alice: Person, extractive_server: LiveServer, url: str) -> None:
    origin = ("Origin", extractive_server.url)
    assert not _enters(url, origin)
    assert not _enters(url, origin, ("Cookie", "sessionid=0123456789abcdef0123456789abcdef"))
    assert not _enters(url, origin, ("Cookie", f"session={_cookie(alice)[1]}"))
    assert not _enters(f"{url}?token={alice.token}", origin)
    assert not _enters(url.replace("/acme/", "/no-such-organisation/"), _bearer(alice))
    assert _enters(url, origin, _cookie(alice))


@pytest.mark.parametrize("ended", ["logged out", "inactive", "no member any more", "password changed"])
def test_W2_a_session_that_ended_does_not_enter(
    alice: Person, bob: Person, extractive_server: LiveServer, url: str, ended: str
) -> None:
    headers = _cookie(bob), ("Origin", extractive_server.url)
    assert _enters(url, *headers)
    match ended:
        case "logged out":
            Session.objects.filter(session_key=bob.client.cookies["sessionid"].value).delete()
        case "inactive":
            bob.user.is_active = False
            bob.user.save()
        case "password changed":
            bob.user.set_password("another-long-password")
            bob.user.save()
        case _:
            with tenant_atomic(alice.access.tenant_id):
                Membership.objects.filter(user=bob.user).delete()
    assert not _enters(url, *headers)


@pytest.fixture
def acme_estate(alice: Person, worker: Running) -> Estate:
    return estate_of(alice)


@pytest.fixture
def globex_estate(charlie: Person, worker: Running) -> Estate:
    return estate_of(charlie)


def _conversation(server: LiveServer, estate: Estate) -> str:
    return f"{server.ws_url}/o/{estate.person.slug}/ws/conversations/{estate.conversation}/"


def test_W3_ids_in_frames_are_the_conversations_own_or_nobodys(
    acme_estate: Estate, globex_estate: Estate, extractive_server: LiveServer
) -> None:
    charlie = globex_estate.person
    frames: dict[str, tuple[str, dict[str, Any]]] = {
        "resume": ("reply", {"type": "resume", "message": "ID", "offset": 0}),
        "a parent": ("reply", {"type": "ask", "content": "And holidays?", "parent": "ID"}),
        "collections": ("collection", {"type": "ask", "content": "Paid holiday?", "collections": ["ID"]}),
        "documents": ("document", {"type": "ask", "content": "Paid holiday?", "documents": ["ID"]}),
    }
    with _open(_conversation(extractive_server, globex_estate), _bearer(charlie)) as socket:

        def told(frame: dict[str, Any], one: UUID) -> dict[str, Any]:
            socket.send(json.dumps(frame).replace('"ID"', f'"{one}"'))
            return _next(socket)

        for name, (kind, frame) in frames.items():
            foreign, missing = told(frame, getattr(acme_estate, kind)), told(frame, uuid4())
            assert foreign == missing, name
            assert (foreign["type"], foreign["message"]) == ("failed", None), name
        stop = {"type": "stop", "message": "ID"}
        assert told(stop, acme_estate.reply) == told(stop, uuid4())
        assert told(stop, globex_estate.reply)["code"] == "already_over", "one's own is known"
        # The positive twins, on the same socket: it stayed open all the while.
        for kind, frame in frames.values():
            first = told(frame, getattr(globex_estate, kind))
            assert first["type"] in {"accepted", "status"}, first
            while first["type"] not in {"finished", "failed"}:
                first = _next(socket)
            assert first["type"] == "finished"


def test_W3_a_reply_of_another_conversation_is_not_followed(
    acme_estate: Estate, extractive_server: LiveServer
) -> None:
    alice = acme_estate.person
    other = alice.api.post("/api/v1/conversations/", {}).json()["id"]
    own = f"{extractive_server.ws_url}/o/acme/ws/conversations/"
    for message_type in ("resume", "stop"):
        frame = json.dumps({"type": message_type, "message": str(acme_estate.reply)})
        with _open(f"{own}{other}/", _bearer(alice)) as socket:
            socket.send(frame)
            assert _next(socket)["code"] == "not_found"
        with _open(f"{own}{acme_estate.conversation}/", _bearer(alice)) as socket:
            socket.send(frame)
            assert _next(socket).get("code") != "not_found"


def test_W3_events_of_documents_stay_in_their_organisation(
    alice: Person, charlie: Person, extractive_server: LiveServer, worker: Running
) -> None:
    def upload(person: Person, text: str) -> str:
        [result] = person.api.upload(("note.txt", text.encode())).json()["results"]
        return str(result["id"])

    acme_url = f"{extractive_server.ws_url}/o/acme/ws/"
    with (
        _open(acme_url, _bearer(alice)) as at_acme,
        _open(acme_url.replace("acme", "globex"), _bearer(charlie)) as at_globex,
    ):
        foreign = upload(charlie, "The well is deep.")
        seen = _documents_until_ready(at_globex, foreign)
        assert seen == {foreign}
        own = upload(alice, "The well is deep.")
        assert _documents_until_ready(at_acme, own) == {own}, "the other's events would have come before"


def _documents_until_ready(socket: ClientConnection, document: str) -> set[str]:
    seen: set[str] = set()

    def is_ready() -> bool:
        event = _next(socket)
        if event["type"] == "document":
            seen.add(event["document"])
        return bool(event.get("document") == document and event["status"] == "ready")

    wait_for(f"{document} is ready", is_ready, within=60)
    return seen


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("not json", "malformed"),
        ("[]", "malformed"),
        ("[" * 20_000, "malformed"),
        (b"\x00\x01", "malformed"),
        ("{}", "unknown_type"),
        ('{"type": "__init__"}', "unknown_type"),
        ('{"type": ["ask"]}', "unknown_type"),
        ('{"type": "ask", "content": "Leave?", "tenant": "globex"}', "unknown_field"),
        ('{"type": "ask", "content": {"$ne": 1}}', "required"),
        ('{"type": "ask", "content": "  "}', "required"),
        (json.dumps({"type": "ask", "content": "a" * 70_000}), "frame_too_large"),
        ('{"type": "ask", "content": "Leave\\ud800?"}', "malformed"),
        ('{"type": "ask", "content": "", "request_id": "\\ud800"}', "malformed"),
        ('{"type": "ask", "content": "Leave\\u0000?"}', "null_characters_not_allowed"),
        ('{"type": "ask", "content": "Leave?", "request_id": "\\u0000"}', "null_characters_not_allowed"),
    ],
)
def test_W6_a_frame_that_makes_no_sense_is_refused_and_the_socket_stays(
    acme_estate: Estate, extractive_server: LiveServer, sent: str | bytes, code: str
) -> None:
    with _open(_conversation(extractive_server, acme_estate), _bearer(acme_estate.person)) as socket:
        socket.send(sent)
        refused = _next(socket)
        assert (refused["type"], refused["message"], refused["code"]) == ("failed", None, code)
        socket.send(json.dumps({"type": "resume", "message": str(acme_estate.reply)}))
        assert _next(socket)["type"] == "status"
