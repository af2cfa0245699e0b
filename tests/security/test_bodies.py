"""U1: a body is counted while it comes in, however it is sent, and cut before anything is kept of it."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.people import Person
from tests.processes import LiveServer
from tests.security.conftest import IDLE_SECONDS, MAX_UPLOAD

pytestmark = pytest.mark.django_db(transaction=True)

MAX_JSON, MAX_RECORD = 1024 * 1024, 10 * 1024 * 1024
_CONVERSATION = "6f8a4ad8-5f6c-4b8f-9a35-0c7d0f4b6f57"
UPLOADS = (
    "/api/v1/documents/",
    "/o/acme/documents/upload/",
    f"/api/v1/conversations/{_CONVERSATION}/attachments/",
    f"/o/acme/c/{_CONVERSATION}/attachments/",
)
RECORDS = "/api/v1/conversations/archives/"
OTHERS = ("/api/v1/search/", "/api/v1/conversations/", "/o/acme/c/", "/accounts/login/")
_BOUNDARY = "frontier"
_PIECE = 64 * 1024


class Wire:
    """One connection on which a request is written piece by piece."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def head(self, path: str, *fields: str) -> None:
        lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *fields, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def chunk(self, data: bytes) -> None:
        self._socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))

    def has_answer(self, *, within: float) -> bool:
        """Whether the server begins to answer within so many seconds."""
        return bool(select.select([self._socket], [], [], within)[0])

    def answer(self) -> tuple[int, dict[str, object]]:
        """Status and body of what the server answers, whether or not the request was whole."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._received()
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        while len(body) < int(headers["content-length"]):
            body += self._received()
        is_json = "json" in headers.get("content-type", "")
        return int(lines[0].split()[1]), json.loads(body) if is_json else {}

    def _received(self) -> bytes:
        data = self._socket.recv(65536)
        assert data, "the server hung up without an answer"
        return data


@contextmanager
def _wire(server: LiveServer) -> Iterator[Wire]:
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=20) as connection:
        yield Wire(connection)


def _limit(path: str) -> int:
    if path == RECORDS:
        return MAX_RECORD
    return MAX_UPLOAD if path in UPLOADS else MAX_JSON


@pytest.mark.parametrize("path", [*UPLOADS, RECORDS, *OTHERS])
def test_U1_a_declared_length_over_the_limit_is_refused_unread(strict_server: LiveServer, path: str) -> None:
    with _wire(strict_server) as wire:
        wire.head(path, f"Content-Length: {_limit(path) + 1}", "Content-Type: application/json")
        status, problem = wire.answer()  # not a byte of the body was sent
    assert (status, problem["code"]) == (413, "too_large")


def test_U1_OpenAIs_clients_are_told_so_in_its_envelope(strict_server: LiveServer) -> None:
    with _wire(strict_server) as wire:
        wire.head(
            "/openai/v1/chat/completions", f"Content-Length: {20 * MAX_JSON}", "Content-Type: application/json"
        )
        status, told = wire.answer()
    message = "The request is larger than 1 MB."
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "too_large"}
    assert (status, told) == (413, {"error": error})


def test_U1_a_length_beyond_every_number_is_refused(strict_server: LiveServer) -> None:
    with _wire(strict_server) as wire:
        wire.head(UPLOADS[0], "Content-Length: 99999999999999999999", "Content-Type: application/json")
        status, _ = wire.answer()
    assert status in {400, 413}


@pytest.mark.parametrize("path", [UPLOADS[0], OTHERS[0]])
def test_U1_a_body_without_length_is_counted_as_it_comes(
    strict_server: LiveServer, alice: Person, path: str
) -> None:
    sent = 0
    with _wire(strict_server) as wire:
        wire.head(
            path,
            "Transfer-Encoding: chunked",
            f"Authorization: Bearer {alice.token}",
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}",
        )
        wire.chunk(_form_head("endless.txt"))
        while sent <= _limit(path):
            wire.chunk(b"a" * _PIECE)
            sent += _PIECE
        status, problem = wire.answer()  # the last chunk never comes
    assert (status, problem["code"]) == (413, "too_large")
    assert sent < _limit(path) + 2 * _PIECE


@pytest.mark.parametrize("path", [UPLOADS[0], OTHERS[0]])
def test_U1_a_body_that_stops_coming_is_cut(strict_server: LiveServer, alice: Person, path: str) -> None:
    with _wire(strict_server) as wire:
        wire.head(
            path,
            "Content-Length: 1000",
            f"Authorization: Bearer {alice.token}",
            "Content-Type: application/json",
        )
        wire.send(b'{"query": "')
        began = time.monotonic()
        status, problem = wire.answer()
        waited = time.monotonic() - began
    assert (status, problem["code"]) == (408, "body_timeout")
    assert waited >= IDLE_SECONDS * 0.9, "it was given its time"


def test_U1_a_body_that_drips_is_cut(strict_server: LiveServer, alice: Person) -> None:
    with _wire(strict_server) as wire:
        wire.head(
            OTHERS[0],
            "Content-Length: 1000",
            f"Authorization: Bearer {alice.token}",
            "Content-Type: application/json",
        )
        began = time.monotonic()
        while not wire.has_answer(within=IDLE_SECONDS / 4):  # never idle for as long as is allowed
            wire.send(b" ")
            assert time.monotonic() - began < 10 * IDLE_SECONDS, "it may drip for ever"
        status, problem = wire.answer()
    assert (status, problem["code"]) == (408, "body_timeout")


@pytest.mark.parametrize("path", UPLOADS[:1])
def test_U1_nothing_is_kept_of_a_body_that_was_cut(strict_server: LiveServer, alice: Person, path: str) -> None:
    with _wire(strict_server) as wire:
        wire.head(
            path,
            "Transfer-Encoding: chunked",
            f"Authorization: Bearer {alice.token}",
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}",
        )
        wire.chunk(_form_head("half.txt") + b"Half of a sentence that")
        assert wire.answer()[0] == 408
    assert alice.api.get("/api/v1/documents/").json()["results"] == []


def test_U1_what_stays_under_the_limit_comes_through(strict_server: LiveServer, alice: Person) -> None:
    content = b"A sentence of the minutes. " * (MAX_JSON // 20)
    body = _form_head("minutes.txt") + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    assert MAX_JSON < len(body) < MAX_UPLOAD, "more than JSON may have"
    with _wire(strict_server) as wire:
        wire.head(
            UPLOADS[0],
            "Transfer-Encoding: chunked",
            f"Authorization: Bearer {alice.token}",
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}",
        )
        for start in range(0, len(body), _PIECE):
            wire.chunk(body[start : start + _PIECE])
        wire.chunk(b"")
        status, answer = wire.answer()
    assert status == 202, answer
    [document] = alice.api.get("/api/v1/documents/").json()["results"]
    assert (document["name"], document["size"]) == ("minutes.txt", len(content))


def test_U1_a_slow_body_that_keeps_coming_is_read(strict_server: LiveServer, alice: Person) -> None:
    body = json.dumps({"name": "Slowly"}).encode()
    with _wire(strict_server) as wire:
        wire.head(
            "/api/v1/collections/",
            f"Content-Length: {len(body)}",
            f"Authorization: Bearer {alice.token}",
            "Content-Type: application/json",
        )
        for start in range(0, len(body), 8):
            assert not wire.has_answer(within=IDLE_SECONDS / 8), "pieces come more often than they must"
            wire.send(body[start : start + 8])
        status, answer = wire.answer()
    assert (status, answer["name"]) == (201, "Slowly")


def _form_head(name: str) -> bytes:
    return (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        "Content-Type: text/plain\r\n\r\n"
    ).encode()
