"""People at their sockets, in a process of its own: reads a plan as JSON, prints what they saw as JSON.

Each comes at a time of their own, asks one question after another and reads each answer to its end. A token of the
model says when it was sent (`bench.chat.model`): so each is known to be there once, in its place, and how late.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect

_PATIENCE = 120.0


@dataclass(slots=True)
class Seen:
    """Seconds from each question to `accepted` and to its first token; how late each token came; the answers."""

    accepted: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


async def _person(plan: dict[str, Any], number: int, begun: float, seen: Seen) -> None:
    token, conversation = plan["people"][number]
    await asyncio.sleep(begun + plan["arrivals"][number] - time.monotonic())
    try:
        async with asyncio.timeout(_PATIENCE):
            address = f"{plan['url']}/ws/conversations/{conversation}/"
            headers = {"Authorization": f"Bearer {token}"}
            async with connect(address, additional_headers=headers, open_timeout=_PATIENCE) as socket:
                for question in plan["questions"][number]:
                    await _ask(socket, question, seen)
    except (OSError, TimeoutError, Exception) as error:  # noqa: BLE001 - whatever a person meets is counted
        seen.errors.append(f"{type(error).__name__}: {error}")


async def _ask(socket: ClientConnection, question: str, seen: Seen) -> None:
    asked, first, text = time.monotonic(), 0.0, ""
    await socket.send(json.dumps({"type": "ask", "request_id": str(uuid4()), "content": question}))
    async for frame in socket:
        now, event = time.monotonic(), json.loads(frame)
        match event["type"]:
            case "accepted":
                seen.accepted.append(now - asked)
            case "delta":
                if not first:
                    first = now - asked
                    seen.first.append(first)
                if event["offset"] != len(text):
                    seen.errors.append(f"a delta at {event['offset']} after {len(text)} characters")
                text += event["text"]
                sent = [one.partition(":")[2] for one in event["text"].split()]
                seen.late += [now - int(one) / 1e6 for one in sent if one.isdigit()]
            case "finished":
                seen.answers.append({"message": event["message"], "text": text, "ended": event["finish_reason"]})
                return
            case "failed":
                seen.errors.append(f"{event['code']}: {event['detail']}")
                return


async def _idle(plan: dict[str, Any]) -> list[ClientConnection]:
    """Sockets that only listen: so many for each person, of conversations and of people in turn."""
    gate = asyncio.Semaphore(50)

    async def open_one(number: int) -> ClientConnection:
        token, conversation = plan["people"][number % len(plan["people"])]
        path = f"ws/conversations/{conversation}/" if number % 2 else "ws/"
        async with gate:
            headers = {"Authorization": f"Bearer {token}"}
            address = f"{plan['url']}/{path}"
            return await connect(address, additional_headers=headers, compression=None, open_timeout=_PATIENCE)

    return await asyncio.gather(*(open_one(number) for number in range(plan["idle"])))


async def _main(plan: dict[str, Any]) -> None:
    sockets = await _idle(plan)
    if sockets:
        print(json.dumps({"open": len(sockets)}), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    seen, begun = Seen(), time.monotonic() + 0.5
    await asyncio.gather(*(_person(plan, number, begun, seen) for number in range(len(plan["arrivals"]))))
    lost = sum(socket.close_code is not None for socket in sockets)
    print(json.dumps({**asdict(seen), "lost": lost}), flush=True)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_main(json.loads(sys.stdin.readline())))
