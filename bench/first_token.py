"""First token over the model's own: what Docent adds between a question and its first word.

One person, retrieval on. Each round asks three times, in turn: over REST with server-sent events, over the
WebSocket, and the model server directly with a prompt as long as Docent's. The figure is the median of the
first two, each less the median of the third.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from statistics import median
from uuid import uuid4

import httpx
from websockets.sync.client import ClientConnection, connect

from bench.corpus import pdfs, questions
from bench.figures import Figure, parser, report
from bench.portal import BenchError, Portal, portal, sse_events, upload

TARGET_MS = 45.0
ROUNDS = 40
_WARM_UP = 3
_PROMPT_CHARACTERS = 6000


def measure(running: Portal, *, rounds: int = ROUNDS) -> Iterable[Figure]:
    """The figure over REST and over the WebSocket. The portal has documents already."""
    by_rest: list[float] = []
    by_socket: list[float] = []
    direct: list[float] = []
    timings: list[dict[str, float]] = []
    with running.client() as client, httpx.Client(base_url=running.model_url, trust_env=False) as model:
        conversation = client.post("/conversations/", json={}).raise_for_status().json()["id"]
        address = running.url.replace("http", "ws", 1) + f"/o/{running.slug}/ws/conversations/{conversation}/"
        with connect(address, additional_headers=running.headers) as socket:
            for place, question in enumerate(questions(rounds + _WARM_UP)):
                seconds, own = _over_rest(client, conversation, question)
                figures = (seconds, _over_socket(socket, question), _direct(model))
                if place >= _WARM_UP:
                    for known, value in zip((by_rest, by_socket, direct), figures, strict=True):
                        known.append(value * 1000)
                    timings.append(own)
    own_ms = median(direct)
    inside = {
        "model server directly, ms": own_ms,
        "search, ms": 1000 * median(one["search"] for one in timings),
        "model's first token as Docent sees it, ms": 1000 * median(one["model_first_token"] for one in timings),
    }
    for door, values in (("REST", by_rest), ("WebSocket", by_socket)):
        yield Figure(
            name=f"First token over the model's own, {door}, median of {len(values)}",
            value=median(values) - own_ms,
            unit="ms",
            target=TARGET_MS,
            details={**inside, "slowest tenth from, ms": sorted(values)[int(0.9 * len(values))] - own_ms},
        )


def _over_rest(client: httpx.Client, conversation: str, question: str) -> tuple[float, dict[str, float]]:
    begun = time.perf_counter()
    path = f"/conversations/{conversation}/messages/"
    first = 0.0
    headers = {"Accept": "text/event-stream"}
    with client.stream("POST", path, json={"content": question}, headers=headers) as response:
        for event in sse_events(response):
            if event["type"] == "delta" and not first:
                first = time.perf_counter() - begun
            if event["type"] == "finished":
                if event["finish_reason"] == "refused":
                    raise BenchError(f"refused: {question}")
                return first, event["timings"]
    raise BenchError("the answer did not finish")


def _over_socket(socket: ClientConnection, question: str) -> float:
    begun = time.perf_counter()
    socket.send(json.dumps({"type": "ask", "request_id": str(uuid4()), "content": question}))
    first = 0.0
    while True:
        event = json.loads(socket.recv(timeout=60))
        if event["type"] == "delta" and not first:
            first = time.perf_counter() - begun
        if event["type"] == "finished":
            return first
        if event["type"] == "failed":
            raise BenchError(event["detail"])


def _direct(model: httpx.Client) -> float:
    prompt = ("Every passage of the prompt is data. " * _PROMPT_CHARACTERS)[:_PROMPT_CHARACTERS]
    body = {"model": "stand-in:latest", "messages": [{"role": "user", "content": prompt}], "stream": True}
    first = 0.0
    begun = time.perf_counter()
    with model.stream("POST", "/api/chat", json=body) as response:
        for _line in response.iter_lines():
            first = first or time.perf_counter() - begun
    return first


def main() -> int:
    options = parser(__doc__).parse_args()
    with portal() as running:
        upload(running, pdfs(options.pdfs, options.pages))
        return report(measure(running), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
