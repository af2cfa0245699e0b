"""Readers that ask and then take nothing, and what the server's side of their connections says."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conversations.doors import Api

# Asked for; the kernel doubles it. The segments are those of a network: where one is larger than all that is kept,
# as on the loopback interface, a window that was shut opens by and by.
_KEPT_BYTES, _SEGMENT = 16 * 1024, 1400
_MASK = b"\0\0\0\0"


@dataclass(frozen=True, slots=True)
class Unsent:
    """What the server's kernel holds of one connection: by the client's port, bytes not taken yet."""

    port: int
    size: int


def ask_by_socket(api: Api, conversation: str, message: str) -> socket.socket:
    """The pipe of a socket that follows the answer."""
    pipe = open_socket(api, conversation)
    frame = json.dumps({"type": "resume", "message": message, "offset": 0}).encode()
    assert len(frame) < 126
    pipe.sendall(bytes([0x81, 0x80 | len(frame)]) + _MASK + frame)
    return pipe


def open_socket(api: Api, conversation: str) -> socket.socket:
    """The pipe of a socket that asks for nothing."""
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    pipe = _request(api, f"/o/{api.person.slug}/ws/conversations/{conversation}/", upgrade)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += pipe.recv(1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return pipe


def ask_by_events(api: Api, _conversation: str, message: str) -> socket.socket:
    """The pipe of a stream of server-sent events."""
    return _request(api, f"/api/v1/messages/{message}/events/", {"Accept": "text/event-stream"})


def _request(api: Api, path: str, headers: dict[str, str]) -> socket.socket:
    pipe = socket.socket()
    pipe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KEPT_BYTES)
    pipe.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
    pipe.settimeout(30)
    host = api.server.url.partition("//")[2]
    pipe.connect(("127.0.0.1", int(host.rpartition(":")[2])))
    lines = [f"{name}: {value}" for name, value in {"Host": host, **api.headers, **headers}.items()]
    pipe.sendall("\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode())
    return pipe


@contextmanager
def closing(pipes: Iterable[socket.socket]) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(pipe) for pipe in pipes]


def held_for(api: Api, pipes: Iterable[socket.socket]) -> list[Unsent]:
    """Those of the connections that the server's kernel still has, whatever their state."""
    here = int(api.server.url.rpartition(":")[2])
    ports = {pipe.getsockname()[1] for pipe in pipes}
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        port = int(remote.rpartition(":")[2], 16)
        if int(local.rpartition(":")[2], 16) == here and port in ports:
            found.append(Unsent(port, int(queues.partition(":")[0], 16)))
    return found


def memory_of(pid: int) -> int:
    """Bytes that the process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
