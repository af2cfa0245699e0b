"""Requests as bytes: bodies, headers, paths and methods that no client library would send."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

_PATIENCE = 20.0
_MEGABYTE = 1024 * 1024
_PROBLEM = "application/problem+json"
# What the HTTP parser itself refuses is no request yet: it has words of its own for that.
_UNREAD = b"Invalid HTTP request received."


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    media_type: str
    body: bytes

    @property
    def is_refusal(self) -> bool:
        """Whether it is one in the words of the API, or of the parser before it."""
        if self.body == _UNREAD:
            return self.status == 400
        if self.media_type != _PROBLEM:
            return False
        try:
            told = json.loads(self.body)
        except ValueError:
            return False
        return bool(told["status"] == self.status and told["code"] and told["detail"])


@dataclass(frozen=True, slots=True)
class Request:
    """`body` is sent as it is; `headers` beside those that every request has; `is_cut`: no more of it comes."""

    method: str = "POST"
    path: str = "/api/v1/query/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_cut: bool = False

    def encoded(self, host: str, token: str) -> bytes:
        named = {"Host": host, "Authorization": f"Bearer {token}", "Connection": "close"}
        if self.body and "Transfer-Encoding" not in self.headers:
            named |= {"Content-Type": "application/json", "Content-Length": str(len(self.body))}
        lines = [f"{name}: {value}" for name, value in (named | dict(self.headers)).items()]
        head = f"{self.method} {self.path} HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"
        return head.encode("utf-8", "surrogateescape") + self.body


def send(url: str, token: str, request: Request) -> Answer | None:
    """The answer; None where none came, which is right for what was cut alone."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=_PATIENCE) as connection:
        received = b""
        try:
            connection.sendall(request.encoded(parts.netloc, token))
            if request.is_cut:
                connection.shutdown(socket.SHUT_WR)
            while block := connection.recv(65536):
                received += block
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was there: what was said of it may have come
    return _read(received)


def _read(received: bytes) -> Answer | None:
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0]:
        return None
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join(body.split(b"\r\n")[1::2])
    return Answer(int(lines[0].split(" ")[1]), headers.get("content-type", "").partition(";")[0], body)


def _query(value: object) -> bytes:
    return json.dumps({"query": value}).encode()


BAD_BODIES: dict[str, tuple[Request, set[int]]] = {
    "no JSON": (Request(body=b'{"query": '), {400}),
    "no content": (Request(headers={"Content-Type": "application/json", "Content-Length": "0"}), {400}),
    "a form instead": (Request(headers={"Content-Type": "text/plain"}, body=b"query=a"), {415}),
    "a type that is none": (Request(headers={"Content-Type": ";;;"}, body=b"{}"), {415}),
    "nested without end": (Request(body=b"[" * 100_000 + b"]" * 100_000), {400}),
    "objects without end": (Request(body=b'{"query":' * 60_000 + b"1" + b"}" * 60_000), {400}),
    "twenty megabytes": (Request(body=b'{"query": "' + b"x" * (20 * _MEGABYTE) + b'"}'), {413}),
    "the same field twice": (Request(body=b'{"query": "a", "query": "b"}'), {400}),
    "an unknown field": (Request(body=b'{"query": "a", "qwery": "b"}'), {400}),
    "no UTF-8": (Request(body=b'{"query": "\xff\xfe"}'), {400}),
    "UTF-16": (Request(body='{"query": "a"}'.encode("utf-16")), {400}),
    "half a surrogate": (Request(body=b'{"query": "\\ud800"}'), {400}),
    "a null character": (Request(body=b'{"query": "a\\u0000b"}'), {400}),
    "not a number": (Request(body=b'{"query": NaN}'), {400}),
    "a number of 5,000 digits": (Request(body=b'{"query": "a", "session_id": ' + b"9" * 5000 + b"}"), {400}),
    "a list": (Request(body=b"[]"), {400}),
    "null": (Request(body=b"null"), {400}),
    "a question too long": (Request(body=_query("x" * 40_000)), {413}),
    "no question": (Request(body=_query(" \n")), {400}),
    "a question that is a list": (Request(body=_query(["a"])), {400}),
    "a form without its boundary": (
        Request(path="/api/v1/documents/", headers={"Content-Type": "multipart/form-data"}, body=b"x"),
        {400},
    ),
    "a form that is JSON": (Request(path="/api/v1/documents/", body=b"{}"), {415}),
    "less than was said": (
        Request(headers={"Content-Type": "application/json", "Content-Length": "99"}, body=b"{}", is_cut=True),
        {400},
    ),
    "chunks that are cut": (
        Request(
            headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"},
            body=b"ff\r\n{",
            is_cut=True,
        ),
        {400},
    ),
    "a length that is none": (Request(headers={"Content-Length": "-5"}, body=b"{}"), {400}),
    "two lengths": (Request(headers={"Content-Length": "2\r\nContent-Length: 3"}, body=b"{}"), {400}),
}
BAD_HEADS: dict[str, tuple[Request, set[int]]] = {
    "a thousand headers": (
        Request("GET", "/api/v1/me/", {f"X-{number}": "y" * 20 for number in range(1000)}),
        {200, 400, 431},
    ),
    "a header of a megabyte": (Request("GET", "/api/v1/me/", {"X-Long": "y" * _MEGABYTE}), {431}),
    "a path of 60,000": (Request("GET", "/api/v1/" + "a/" * 30_000), {400, 404, 414}),
    "null in the path": (Request("GET", "/api/v1/%00/"), {404}),
    "no UTF-8 in the path": (Request("GET", "/api/v1/%ff%fe/"), {404}),
    "half a surrogate in the path": (Request("GET", "/api/v1/%ed%a0%80/"), {404}),
    "a way up": (Request("GET", "/api/v1/../../etc/passwd"), {404}),
    "an id that is none": (Request("GET", "/api/v1/documents/%27%20OR%201=1/"), {404}),
    "no such method": (Request("BREW", "/api/v1/me/"), {400, 405}),
    "a method that is not served": (Request("PUT", "/api/v1/me/", body=b"{}"), {405}),
    "a limit beyond every number": (Request("GET", "/api/v1/documents/?limit=" + "9" * 500), {400}),
    "a cursor that is none": (Request("GET", "/api/v1/documents/?cursor=%00%ff"), {400, 404}),
    "a cursor of one's own": (Request("GET", "/api/v1/documents/?cursor=cD0xMDAwMDAwMDAwMA=="), {400, 404}),
    "null in a parameter": (Request("GET", "/api/v1/conversations/?search=%00"), {400}),
    "half a surrogate in a parameter": (Request("GET", "/api/v1/documents/?tag=%ed%a0%80"), {200, 400}),
    "a tag that is none": (Request("GET", "/api/v1/me/", {"If-None-Match": 'W/"", nonsense, "'}), {200}),
    "a key too long": (Request(headers={"Idempotency-Key": "k" * 300}, body=_query("a")), {400}),
    "a key that is none": (Request(headers={"Idempotency-Key": "\udce9"}, body=_query("a")), {400}),
    "a token that is none": (Request("GET", "/api/v1/me/", {"Authorization": "Bearer \udcff"}), {401}),
    "another kind of token": (Request("GET", "/api/v1/me/", {"Authorization": "Basic YTpi"}), {401}),
    "a host of somebody else": (Request("GET", "/api/v1/me/", {"Host": "evil.example"}), {400}),
}


def mutated(chance: random.Random) -> Request:
    """A request of the list that nobody has thought of: parts of it are changed by chance."""
    request, _ = chance.choice([*BAD_BODIES.values(), *BAD_HEADS.values()])
    body = bytearray(request.body[:4096] or b'{"query": "How long?", "mode": "grounded"}')
    for _ in range(chance.randrange(6)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    path = chance.choice(_PATHS).replace("ID", chance.choice(_IDS))
    if chance.random() < 0.3:
        path += f"?{chance.choice(_NAMES)}={quote(_text(chance))}"
    headers = {chance.choice(_HEADERS): _text(chance) for _ in range(chance.randrange(3))}
    method = chance.choice(("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"))
    return Request(method, path, headers, b"" if method in {"GET", "HEAD"} else bytes(body))


_PATHS = tuple(
    f"/api/v1/{path}"
    for path in (
        "query/", "search/", "documents/", "documents/ID/", "documents/ID/file/", "documents/ID/pages/1/", "ID",
        "me/",
        "conversations/", "conversations/ID/messages/", "conversations/ID/export/", "conversations/archives/",
        "messages/ID/events/", "collections/", "audit/", "models/ID/test/", "usage/", "evaluations/sets/",
    )
)  # fmt: skip
_IDS = ("1", "%00", "6f8a4ad8-5f6c-4b8f-9a35-0c7d0f4b6f57", "..", "%2e%2e%2f", "🏖", "' OR 1=1", "a" * 3000)
_NAMES = ("limit", "cursor", "search", "status", "format", "version", "start", "after", "offset", "leaf", "x")
_HEADERS = (
    "Accept", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Prefer", "Range",
    "Accept-Language", "Origin", "X-Forwarded-For", "Cookie", "Expect",
)  # fmt: skip


def _text(chance: random.Random) -> str:
    letters = "aZ09 \"'<>{}[]();:,./\\%&=*-_\t🏖é\u202e\ufeff"
    return "".join(chance.choice(letters) for _ in range(chance.choice((0, 1, 5, 40, 400))))


def wrong_answers(url: str, token: str, say: Callable[[str, Answer | None], None]) -> list[str]:
    """Send everything on the lists; those that were answered otherwise than they should be."""
    wrong = []
    for name, (request, right) in {**BAD_BODIES, **BAD_HEADS}.items():
        answer = send(url, token, request)
        say(name, answer)
        if answer is None:
            wrong += [] if request.is_cut else [f"{name}: no answer"]
        elif answer.status not in right or (answer.status >= 400 and not answer.is_refusal):
            wrong.append(f"{name}: {answer.status} {answer.media_type} {answer.body[:200]!r}")
    return wrong


def wrong_mutation(url: str, token: str, chance: random.Random) -> str | None:
    """Send a request made by chance; what is wrong with the answer, if anything is."""
    request = mutated(chance)
    answer = send(url, token, request)
    if answer is None or answer.status < 400 or request.method == "HEAD":
        return None if answer is None or answer.status < 500 else f"{request}: {answer}"
    return None if answer.status < 500 and answer.is_refusal else f"{request}: {answer}"
