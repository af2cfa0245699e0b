"""Frames that no page sends, over a program's WebSocket."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

_PATIENCE = 20.0
_FAILURE = 1011
BAD: Sequence[str | bytes] = (
    "",
    "{",
    "null",
    "[]",
    "7",
    '"ask"',
    "{}",
    '{"type": null}',
    '{"type": "nothing"}',
    '{"type": ["ask"]}',
    '{"type": "ask"}',
    '{"type": "ask", "content": 7}',
    '{"type": "ask", "content": "a\\u0000b"}',
    '{"type": "ask", "content": "\\ud800"}',
    '{"type": "ask", "content": "a", "parent": "no id"}',
    '{"type": "ask", "content": "a", "request_id": {}}',
    '{"type": "ask", "content": "a", "collections": "all"}',
    '{"type": "ask", "content": "a", "unknown": 1}',
    '{"type": "stop", "message": "6f8a4ad8-5f6c-4b8f-9a35-0c7d0f4b6f57"}',
    '{"type": "resume", "message": "6f8a4ad8-5f6c-4b8f-9a35-0c7d0f4b6f57", "offset": -1}',
    '{"type": "resume", "message": null, "offset": 1e400}',
    '{"type": "edit", "message": []}',
    '{"type": "regenerate", "message": 9}',
    "[" * 20_000,
    '{"type": "ask", "content": ' + "9" * 5000 + "}",
    '{"type": "ask", "content": "' + "x" * 60_000 + '"}',
    b"\x00\xff\xfe",
    b"{}",
)


def wrong_frames(url: str, token: str, chance: random.Random, *, count: int) -> list[str]:
    """Send the frames of the list and `count` that chance has changed; sockets that failed at one of them.

    A socket may be closed for what it was sent, by a code that says so, and is opened anew.
    """
    waiting = [*BAD, *(_mutated(chance) for _ in range(count)), "x" * 100_000]
    wrong: list[str] = []
    while waiting:
        with connect(
            url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None, close_timeout=_PATIENCE
        ) as socket:
            while waiting:
                frame = waiting.pop(0)
                try:
                    socket.send(frame)
                    # Whatever it says of that, it still hears this.
                    socket.send(json.dumps({"type": "nothing"}))
                    socket.recv(timeout=_PATIENCE)
                except TimeoutError:
                    wrong.append(f"{frame[:200]!r}: no answer")
                except ConnectionClosed as closed:
                    code = closed.rcvd.code if closed.rcvd else None
                    if code in {None, _FAILURE}:
                        wrong.append(f"{frame[:200]!r}: closed with {code}")
                    break
    return wrong


def _mutated(chance: random.Random) -> str | bytes:
    raw = bytearray(str(chance.choice(BAD)).encode()[:2000] or b"{}")
    for _ in range(1 + chance.randrange(4)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    if chance.random() < 0.3:
        return bytes(raw)
    return raw.decode("utf-8", "replace")
