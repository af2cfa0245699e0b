"""People's programs and browsers: they send what `calls` thinks of, go in the middle, and look at every answer."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import websockets.asyncio.client
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bench.soak.calls import Call, Caller, Whose
from bench.soak.ledger import Ledger
from bench.soak.seats import Seat, question_of

HTTP, SOCKET = "http", "socket"
_CANCELLED = 0.04
_FRAME_WITHIN = 30.0
# Whose conversation a socket is about.
_MOSTLY_OWN = (*[Whose.OWN] * 7, Whose.COLLEAGUES, Whose.FOREIGN, Whose.MISSING)


@dataclass(slots=True)
class Budget:
    """How many operations of a kind are left; talkers take them until none is."""

    left: int

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


@dataclass(slots=True)
class Talker:
    """One program of a seat, against all web processes; `urls` are theirs."""

    seat: Seat
    caller: Caller
    rng: random.Random
    urls: Sequence[str]
    ledger: Ledger

    async def over_http(self, budget: Budget) -> None:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            while budget.take():
                await self._send(http, self.caller.call())
                http.cookies.clear()

    async def _send(self, http: httpx.AsyncClient, call: Call) -> None:
        patience = self.rng.uniform(0, 0.015) if self.rng.random() < _CANCELLED else None
        try:
            async with asyncio.timeout(patience):
                status, answer = await self._received(http, call)
        except TimeoutError:
            self.ledger.count(HTTP, "cancelled")
            return
        except httpx.TransportError as error:
            self.ledger.count(HTTP, f"broken: {type(error).__name__}")
            return
        self.ledger.count(HTTP, str(status))
        self._judge(call, status, answer)

    async def _received(self, http: httpx.AsyncClient, call: Call) -> tuple[int, str]:
        url = self.rng.choice(self.urls) + call.path
        headers = call.headers if "Cookie" in call.headers else {**self.seat.bearer, **call.headers}
        async with http.stream(call.method, url, headers=headers, **call.options) as response:
            head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
            pieces = [head]
            lines = self.rng.randrange(8) if call.leaves else None
            async for line in response.aiter_lines():
                if lines is not None and len(pieces) > lines:
                    break
                pieces.append(line)
            return response.status_code, "\n".join(pieces)

    def _judge(self, call: Call, status: int, answer: str) -> None:
        slug, ledger = self.seat.slug, self.ledger
        operation = f"{call.name}: {call.method} {call.path} is {status}"
        is_success = 200 <= status < 300
        asked = call.path + json.dumps(call.options, default=str)
        ledger.check(slug, operation, answer, asked=asked, shows_own=call.shows_own and is_success)
        if call.must_fail and status < 400:
            ledger.accuse(slug, operation, f"was not refused: {answer[-200:]!r}")
        if call.makes and is_success:
            made = json.loads(answer.rpartition("\n")[2])["id"]
            self.seat.passing.setdefault(call.makes, []).append(made)
            ledger.own(slug, [made])
        if call.removes and call.thing in self.seat.passing[call.removes]:
            self.seat.passing[call.removes].remove(call.thing)

    async def over_sockets(self, budget: Budget) -> None:
        while budget.take():
            whose, conversation = self.caller.named("conversations", *_MOSTLY_OWN)
            url = self.rng.choice(self.urls)
            headers, origin = self.seat.bearer, None
            if self.rng.random() < 0.5:
                headers, origin = {"Cookie": f"sessionid={self.seat.session}"}, url
            path = f"/o/{self.seat.slug}/ws/conversations/{conversation}/"
            if self.rng.random() < 0.2:
                whose, path = Whose.OWN, f"/o/{self.seat.slug}/ws/"
            address = url.replace("http", "ws", 1) + path
            options: Any = {"additional_headers": headers, "origin": origin, "proxy": None, "close_timeout": 1}
            try:
                async with websockets.asyncio.client.connect(address, **options) as socket:
                    self.ledger.count(SOCKET, "opened")
                    if whose is not Whose.OWN:
                        self.ledger.accuse(self.seat.slug, f"socket {path}", f"{whose} conversation was opened")
                    await self._converse(socket, conversation, budget)
            except InvalidStatus as error:
                self.ledger.count(SOCKET, f"refused: {error.response.status_code}")
                self.ledger.check(self.seat.slug, f"socket {path}", str(error.response.body), asked=path)
                if whose is Whose.OWN and conversation in self.seat.kept["conversations"]:
                    self.ledger.accuse(self.seat.slug, f"socket {path}", "its own was refused")
            except ConnectionClosed as error:
                self.ledger.count(SOCKET, f"closed: {error.rcvd.code if error.rcvd else 'broken'}")
            except OSError as error:
                self.ledger.count(SOCKET, f"broken: {type(error).__name__}")

    async def _converse(self, socket: Any, conversation: str, budget: Budget) -> None:
        """A few frames; what comes is read until the reply's end, or left unread."""
        for _ in range(self.rng.randrange(1, 6)):
            if not budget.take():
                return
            frame, ends = self._frame(conversation)
            sent = frame if isinstance(frame, str) else json.dumps(frame)
            await socket.send(sent)
            if self.rng.random() < 0.2:  # leaves, or speaks again, in the middle
                self.ledger.count(SOCKET, "not awaited")
                continue
            self.ledger.count(SOCKET, await self._hear(socket, sent, ends=ends))

    async def _hear(self, socket: Any, asked: str, *, ends: bool) -> str:
        """Frames up to one that ends a reply or refuses; its type."""
        received = []
        try:
            async with asyncio.timeout(_FRAME_WITHIN if ends else 0.3):
                while True:
                    received.append(str(await socket.recv()))
                    kind = json.loads(received[-1])["type"]
                    if kind in {"finished", "failed"}:
                        return f"heard {kind}"
        except TimeoutError:
            return "heard no end" if ends else "heard nothing more"
        finally:
            self.ledger.check(self.seat.slug, f"socket frame {asked}", "\n".join(received), asked=asked)

    def _frame(self, conversation: str) -> tuple[dict[str, Any] | str, bool]:
        """What to say, and whether an end will come of it."""
        whose, message = self.caller.named("messages", *_MOSTLY_OWN)
        match self.rng.randrange(10):
            case 0 | 1 | 2:
                return {"type": "ask", "content": question_of(self.seat.mark)}, True
            case 3:
                _, document = self.caller.named("documents", Whose.FOREIGN)
                return {"type": "ask", "content": "And here?", "documents": [document]}, True
            case 4 | 5:
                return {"type": "resume", "message": message, "offset": self.rng.choice((0, 0, 3, 10**6))}, True
            case 6 | 7:
                return {"type": "stop", "message": message}, False
            case 8:
                return self.rng.choice(("{", "[]", '{"type": "ask"}', '{"type": "drop table"}')), True
        return {"type": "ask", "content": "Why?", "parent": message}, whose is not Whose.OWN
