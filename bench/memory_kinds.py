"""500 turns with each kind of memory: how full the model's window gets, and whether answers begin later.

One person, one conversation of each kind. In open mode what a question is told is all that differs; with
`--grounded` passages are looked for, and every answer has sources. Questions and answers are of many lengths,
scripts and kinds, in open mode one of 30 kB among them. The figure is the median time to the first token of the
last 50 turns less that of the first 50; beside it stands the fullest prompt, as the model server received it, of
what the window leaves beside the answer.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterable, Iterator
from statistics import median
from typing import Any

import httpx

from bench.corpus import pdfs, questions
from bench.figures import Figure, parser, report
from bench.portal import BenchError, Portal, portal, sse_events, upload
from conversations.prompting.budget import count_tokens
from tests.standins.ollama import OllamaStandIn, Reply

KINDS = ("buffer", "window", "summary")
TURNS, _EDGE = 500, 50
TARGET_MS, TARGET_SHARE = 10.0, 1.0
_WINDOW, _ANSWER = 8192, 1024
_TEXTS = (
    "The ferry to the island leaves from pier four every day, rain or shine, and is back by noon. ",
    "渡轮每天从四号码头开往岛上，中午返回，风雨无阻。",
    "    if (a[i] != b[j]) { return f(x)(y); }\n",
    "1,234.56 | 7,890.12 | 2020 | 2021\n",
)


def measure(
    running: Portal, server: OllamaStandIn, *, turns: int = TURNS, is_grounded: bool = False
) -> Iterable[Figure]:
    """Two figures for each kind."""
    for kind in KINDS:
        with running.client() as client:
            mode = "grounded" if is_grounded else "open"
            made = client.post("/conversations/", json={"mode": mode, "memory": kind})
            conversation = made.raise_for_status().json()["id"]
            seconds, fullest, told = [], 0.0, 0
            for question, answer in _talk(turns, is_grounded=is_grounded):
                server.script(Reply(text=answer))
                server.requests.clear()
                seconds.append(_first_token(client, conversation, question))
                prompt = _of_question(server, question)
                fullest = max(fullest, _tokens(prompt) / (_WINDOW - _ANSWER))
                told = max(told, len(prompt["messages"]) - 2)
            summary = client.get(f"/conversations/{conversation}/summary/")
        first, last = (1000 * median(part) for part in (seconds[:_EDGE], seconds[-_EDGE:]))
        yield Figure(
            name=f"First token, {kind}: last {_EDGE} of {turns} turns less first {_EDGE}, median",
            value=last - first,
            unit="ms",
            target=TARGET_MS,
            details={**_medians(seconds), "slowest, ms": 1000 * max(seconds)},
        )
        yield Figure(
            name=f"Fullest prompt, {kind}, of the room beside the answer",
            value=fullest,
            unit="",
            target=TARGET_SHARE,
            details={
                "most messages told": told,
                "characters of the summary": len(summary.json()["text"]) if summary.is_success else 0,
            },
        )


def _medians(seconds: list[float]) -> dict[str, float]:
    """By fifty turns, in milliseconds."""
    return {
        f"turns {begin + 1} to {begin + _EDGE}, ms": 1000 * median(seconds[begin : begin + _EDGE])
        for begin in range(0, len(seconds), _EDGE)
    }


def _talk(turns: int, *, is_grounded: bool) -> Iterator[tuple[str, str]]:
    dice = random.Random(7)
    asked = questions(turns)
    for number in range(turns):
        if is_grounded:
            yield asked[number], f"{dice.choice(_TEXTS) * dice.choice((1, 4, 12))} [1]"
            continue
        text = dice.choice(_TEXTS)
        size = 30_000 if number == turns // 2 else dice.choice((60, 200, 600, 2_000))
        question = f"Number {number}? {text * size}".encode()[:size].decode(errors="ignore")
        yield question, f"Of number {number}: " + (dice.choice(_TEXTS) * 40)[: dice.choice((80, 400, 1_200))]


def _first_token(client: httpx.Client, conversation: str, question: str) -> float:
    begun, first = time.perf_counter(), 0.0
    path, headers = f"/conversations/{conversation}/messages/", {"Accept": "text/event-stream"}
    with client.stream("POST", path, json={"content": question}, headers=headers) as response:
        for event in sse_events(response):
            if event["type"] == "delta" and not first:
                first = time.perf_counter() - begun
            if event["type"] == "failed" and event["code"] != "question_too_long":
                raise BenchError(event["detail"])
    return first or time.perf_counter() - begun


def _of_question(server: OllamaStandIn, question: str) -> dict[str, Any]:
    """Its prompt among those that came; summaries are written meanwhile."""
    asked = [one for one in server.requests if one["messages"][-1]["content"].endswith(question)]
    if not asked:
        return {"messages": [{"content": ""}] * 2}  # refused: it fills the window by itself
    prompt: dict[str, Any] = asked[-1]
    if prompt["options"]["num_ctx"] != _WINDOW:
        raise BenchError(f"the window is {prompt['options']['num_ctx']}")
    return prompt


def _tokens(prompt: dict[str, Any]) -> int:
    return sum(count_tokens(turn["content"]) for turn in prompt["messages"])


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--grounded", action="store_true", help="with passages and sources")
    options.add_argument("--turns", type=int, default=TURNS, help="of each conversation (%(default)s)")
    chosen = options.parse_args()
    os.environ["DOCENT_SUMMARY_DELAY"] = "1"  # turns come faster than people speak
    with OllamaStandIn() as server, portal(model=server.url) as running:
        if chosen.grounded:
            upload(running, pdfs(chosen.pdfs, chosen.pages))
        figures = measure(running, server, turns=chosen.turns, is_grounded=chosen.grounded)
        return report(figures, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
