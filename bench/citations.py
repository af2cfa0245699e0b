"""Do citations hold? A model that invents markers, figures and quotations answers; each citation is read again.

`python -m bench.citations [--answers 1000] [--seed N] [--json]`
"""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import httpx

from bench.corpus import pdfs, questions
from bench.figures import Figure, parser, report
from bench.portal import BenchError, Portal, portal, upload
from conversations.citing.markers import markers_in
from tests.standins.inventing import Inventor, Statement
from tests.standins.ollama import OllamaStandIn

_AT_ONCE = 4
_MOST_REFUSED = 4


@dataclass
class Tally:
    """What was counted over all answers; `kept` and `told` by the kind of statement."""

    answers: int = 0
    written: int = 0
    shown: int = 0
    citations: int = 0
    standing: int = 0
    told: Counter[tuple[str, bool]] = field(default_factory=Counter)
    kept: Counter[tuple[str, bool]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, message: dict[str, Any], statements: list[Statement], pages: dict[str, dict[str, Any]]) -> None:
        self.answers += 1
        self.written += sum(len(numbers) for one in statements for _s, _e, numbers in markers_in(one.text))
        self.shown += sum(len(numbers) for _start, _end, numbers in markers_in(message["content"]))
        sources = {source["marker"]: source for source in message["sources"]}
        for citation in message["citations"]:
            self.citations += 1
            if stands(citation, sources, pages):
                self.standing += 1
            else:
                self.faults.append(f"{message['id']}: {citation}")
        cited = {citation["marker"] for citation in message["citations"]}
        for one in statements:
            self.told[one.kind, one.is_true] += 1
            if one.marker in cited:
                self.kept[one.kind, one.is_true] += 1
                if not one.is_true:
                    self.faults.append(f"{one.kind}: {one.text}")

    def share(self, *, is_true: bool) -> float:
        told = sum(count for (_kind, truth), count in self.told.items() if truth == is_true)
        kept = sum(count for (_kind, truth), count in self.kept.items() if truth == is_true)
        return 100 * kept / told if told else 0.0


def stands(citation: dict[str, Any], sources: dict[int, Any], pages: dict[str, dict[str, Any]]) -> bool:
    """Whether the quote is what stands there, on that page of that version, in the passage of that marker."""
    source = sources.get(citation["marker"])
    page = pages[_place(citation)]
    start, end = citation["start"] - page["start"], citation["end"] - page["start"]
    return (
        source is not None
        and all(source[name] == citation[name] for name in ("document", "version", "page"))
        and source["start"] <= citation["start"] < citation["end"] <= source["end"]
        and start >= 0
        and page["text"][start:end] == citation["quote"] != ""
    )


def _place(citation: dict[str, Any]) -> str:
    return f"/documents/{citation['document']}/pages/{citation['page']}/?version={citation['version']}"


def read_pages(client: httpx.Client, message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The pages that a message cites, as they are saved."""
    places = {_place(citation) for citation in message["citations"]}
    return {place: client.get(place).raise_for_status().json() for place in places}


def measure(running: Portal, inventor: Inventor, count: int) -> Tally:
    """Ask until `count` were answered; what is refused cites nothing."""
    tally = Tally()
    asked = (f"{question} ({number})" for number, question in enumerate(questions(_MOST_REFUSED * count), 1))

    def one(question: str) -> tuple[str, dict[str, Any], dict[str, dict[str, Any]]]:
        with running.client() as client:
            conversation = client.post("/conversations/", json={}).raise_for_status().json()["id"]
            path = f"/conversations/{conversation}/messages/"
            message = client.post(path, json={"content": question}).raise_for_status().json()
            return question, message, read_pages(client, message)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        while tally.answers < count and (some := list(islice(asked, count - tally.answers))):
            for question, message, pages in threads.map(one, some):
                if message["status"] == "finished":
                    tally.add(message, inventor.told[question], pages)
                elif message["status"] != "refused":
                    raise BenchError(f"the answer is {message['status']}: {message['error']}")
    return tally


def figures_of(tally: Tally) -> list[Figure]:
    details = {
        f"{kind} ({'true' if truth else 'forged'}), cited of {count}": float(tally.kept[kind, truth])
        for (kind, truth), count in sorted(tally.told.items())
    }
    counts = {
        "answers": float(tally.answers),
        "markers written": float(tally.written),
        "markers shown": float(tally.shown),
        "citations": float(tally.citations),
    }
    standing = 100 * tally.standing / tally.citations if tally.citations else 0.0
    return [
        Figure(name="verified quotes that stand in their source", value=standing, unit="%", target=100,
               more_is_better=True, details=counts),
        Figure(name="true statements cited", value=tally.share(is_true=True), unit="%", target=95,
               more_is_better=True, details=details),
        Figure(name="forged statements cited", value=tally.share(is_true=False), unit="%", target=1),
    ]  # fmt: skip


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--answers", type=int, default=1000, help="how many (%(default)s)")
    options.add_argument("--seed", type=int, default=5, help="of what the model invents (%(default)s)")
    chosen = options.parse_args()
    with OllamaStandIn() as model, portal(model=model.url) as running:
        model.inventor = Inventor(chosen.seed)
        upload(running, pdfs(chosen.pdfs, chosen.pages))
        tally = measure(running, model.inventor, chosen.answers)
    for fault in tally.faults[:20]:
        print(fault, file=sys.stderr)
    return report(figures_of(tally), as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
