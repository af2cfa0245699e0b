"""The doors through which a question is asked, as clients outside see them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.faults.times import scaled
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer

Event = dict[str, Any]

_TERMINAL = {"finished", "failed"}
_PATIENCE = max(30.0, scaled(100.0))  # seconds until a read gives up: longer than any answer of the tests


@dataclass(frozen=True, slots=True)
class Told:
    """What a door said: the message as it is stored in the end, and the events on the way there, if any."""

    message: dict[str, Any]
    events: list[Event]
    is_page: bool = False

    @property
    def text(self) -> str:
        """The deltas, one after the other."""
        return "".join(event["text"] for event in self.events if event["type"] == "delta")

    @property
    def blocks(self) -> list[str]:
        """The HTML that a page shows in the end."""
        shown: dict[int, str] = {}
        for event in self.events:
            if event["type"] == "block":
                shown[event["index"]] = event["html"]
        return [shown[index] for index in sorted(shown)]


@dataclass(frozen=True, slots=True)
class Api:
    """A program with a person's token, talking to a live server."""

    server: LiveServer
    person: Person

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.person.token}"}

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self._send("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self._send("POST", path, **options)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        url = f"{self.server.url}/api/v1{path}"
        options.setdefault("timeout", _PATIENCE)
        return httpx.request(method, url, headers=headers, trust_env=False, verify=NO_TLS, **options)

    def conversation(self, **fields: Any) -> str:
        """The id of a new conversation."""
        response = self.post("/conversations/", json=fields)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def message(self, message: str) -> dict[str, Any]:
        response = self.get(f"/messages/{message}/")
        assert response.status_code == 200, response.text
        return dict(response.json())

    def begin(self, question: str, conversation: str | None = None) -> str:
        """Ask without waiting; the id of the reply."""
        conversation = conversation or self.conversation()
        response = self.post(
            f"/conversations/{conversation}/messages/",
            json={"content": question},
            headers={"Prefer": "respond-async"},
        )
        assert response.status_code == 202, response.text
        body = response.json()
        assert body == {
            "message": body["message"],
            "events_url": f"{self.server.url}/api/v1/messages/{body['message']}/events/",
        }
        return str(body["message"])

    @contextmanager
    def stream(self, method: str, path: str, **options: Any) -> Iterator[Iterator[Event]]:
        """The events of an answer while they arrive; leaving the block leaves the answer."""
        headers = {**self.headers, "Accept": "text/event-stream", **options.pop("headers", {})}
        url = f"{self.server.url}/api/v1{path}"
        with (
            httpx.Client(timeout=_PATIENCE, trust_env=False, verify=NO_TLS) as client,
            client.stream(method, url, headers=headers, **options) as response,
        ):
            assert response.status_code == 200, response.read()
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            yield read_events(response.iter_lines())

    def follow(self, message: str, *, offset: int | None = None, last_event_id: int | None = None) -> list[Event]:
        """All events of a reply from an offset on."""
        query = {} if offset is None else {"params": {"offset": offset}}
        headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
        with self.stream("GET", f"/messages/{message}/events/", headers=headers, **query) as events:
            return list(events)

    @contextmanager
    def socket(self, conversation: str, *, cookie: bool = False) -> Iterator[ClientConnection]:
        """A conversation's socket: with the token as programs have it, or with the cookie as pages do."""
        url = f"{self.server.ws_url}/o/{self.person.slug}/ws/conversations/{conversation}/"
        headers, origin = self.headers, None
        if cookie:
            headers = {"Cookie": f"sessionid={self.person.client.cookies['sessionid'].value}"}
            origin = Origin(self.server.url)
        with connect(url, additional_headers=headers, origin=origin, proxy=None) as socket:
            yield socket


def read_events(lines: Iterator[str]) -> Iterator[Event]:
    """Server-sent events as JSON, each with its `id` as `_id`; the name of each is its type."""
    fields: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            event: Event = json.loads(fields["data"])
            assert event["type"] == fields["event"]
            yield {**event, "_id": int(fields["id"])}
            fields = {}


def send(socket: ClientConnection, **frame: Any) -> None:
    socket.send(json.dumps(frame))


def receive(socket: ClientConnection) -> Event:
    """The next frame."""
    event: Event = json.loads(socket.recv(timeout=_PATIENCE))
    return event


def receive_until(socket: ClientConnection, *types: str) -> list[Event]:
    """Frames up to and with the first of one of these types."""
    events = [receive(socket)]
    while events[-1]["type"] not in types:
        events.append(receive(socket))
    return events


def by_rest(api: Api, question: str) -> Told:
    """POST and wait: 201."""
    conversation = api.conversation()
    response = api.post(f"/conversations/{conversation}/messages/", json={"content": question})
    assert response.status_code == 201, response.text
    message = dict(response.json())
    assert message == api.message(message["id"])
    return Told(message, [])


def by_sse(api: Api, question: str) -> Told:
    """POST and read server-sent events."""
    conversation = api.conversation()
    with api.stream("POST", f"/conversations/{conversation}/messages/", json={"content": question}) as stream:
        events = list(stream)
    return Told(api.message(events[-1]["message"]), events)


def by_resuming(api: Api, question: str) -> Told:
    """POST, 202, and the events from another request."""
    message = api.begin(question)
    events = api.follow(message)
    return Told(api.message(message), events)


def by_socket(api: Api, question: str) -> Told:
    """A program's WebSocket: deltas."""
    return _by_socket(api, question, cookie=False)


def by_page(api: Api, question: str) -> Told:
    """A page's WebSocket: blocks of HTML."""
    return _by_socket(api, question, cookie=True)


def _by_socket(api: Api, question: str, *, cookie: bool) -> Told:
    with api.socket(api.conversation(), cookie=cookie) as socket:
        request_id = str(uuid4())
        send(socket, type="ask", request_id=request_id, content=question)
        accepted = receive(socket)
        assert (accepted["type"], accepted["request_id"]) == ("accepted", request_id), accepted
        events = [accepted, *receive_until(socket, *_TERMINAL)]
    return Told(api.message(accepted["message"]), events, is_page=cookie)


DOORS: dict[str, Callable[[Api, str], Told]] = {
    "rest": by_rest,
    "sse": by_sse,
    "resumed": by_resuming,
    "socket": by_socket,
    "page": by_page,
}


def at_every_door(api: Api, question: str) -> dict[str, Told]:
    """Ask the same at all doors at once, each in a conversation of its own."""
    with ThreadPoolExecutor(len(DOORS)) as pool:
        asked = {name: pool.submit(door, api, question) for name, door in DOORS.items()}
        return {name: future.result() for name, future in asked.items()}


def check_consistent(told: Told) -> None:
    """What holds at every door whatever happened: what was shown is what is stored, and only the end is an end."""
    message, events = told.message, told.events
    assert message["status"] in {"finished", "stopped", "refused", "failed", "interrupted"}
    if not events:
        return
    assert [event["type"] for event in events if event["type"] in _TERMINAL] == [events[-1]["type"]]
    is_whole = message["status"] in {"finished", "stopped", "refused"}
    assert events[-1]["type"] == ("finished" if is_whole else "failed")
    if is_whole:
        assert events[-1]["citations"] == message["citations"]
        assert events[-1]["finish_reason"] == message["finish_reason"]
    else:
        assert {
            "code": events[-1]["code"],
            "detail": events[-1]["detail"],
            "retryable": events[-1]["retryable"],
        } == (message["error"])
    deltas = [event for event in events if event["type"] == "delta"]
    if not told.is_page:
        assert told.text == message["content"]
    for before, after in zip([{"offset": 0, "text": ""}, *deltas], deltas, strict=False):
        assert after["offset"] == before["offset"] + len(before["text"])
