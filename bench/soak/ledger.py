"""What came of each operation, and the one question that is put to every answer: is anything in it another's?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(slots=True)
class Ledger:
    """Counts by kind and outcome, and violations: sentences that say what was seen, where and with which seed.

    `marks` holds each organisation's word, which stands in all that its people write and nowhere else;
    `owners` the organisation of every id that the run came to know.
    """

    marks: Mapping[str, str]
    seed: int
    owners: dict[str, str] = field(default_factory=dict)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def count(self, kind: str, outcome: str, number: int = 1) -> None:
        self.outcomes[kind, outcome] += number

    def total(self, *kinds: str) -> int:
        return sum(number for (kind, _), number in self.outcomes.items() if kind in kinds)

    @property
    def operations(self) -> int:
        """How many in all; a job's attempt is not one, what it does is."""
        return sum(number for (kind, _), number in self.outcomes.items() if kind != "job")

    def own(self, slug: str, ids: Iterable[str]) -> None:
        """These ids belong to this organisation alone."""
        for one in ids:
            self.owners[one] = slug

    def check(self, slug: str, operation: str, answer: str, *, asked: str = "", shows_own: bool = False) -> None:
        """Note what stands in an answer to this organisation and belongs to another.

        An id that was `asked` for may be named again. `shows_own`: its own word has to be there.
        """
        for other, mark in self.marks.items():
            if other != slug and mark in answer:
                self.accuse(slug, operation, f"the word of {other}: {_around(answer, mark)}")
        for one in _ID.findall(answer):
            if self.owners.get(one, slug) != slug and one not in asked:
                self.accuse(slug, operation, f"an id of {self.owners[one]}: {_around(answer, one)}")
        if shows_own and self.marks[slug] not in answer:
            self.accuse(slug, operation, f"not its own data: {answer[:200]!r}")

    def accuse(self, slug: str, operation: str, what: str) -> None:
        self.violations.append(f"{slug}, {operation} (seed {self.seed}): {what}")

    def lines(self, seconds: float) -> Iterable[str]:
        """The result as people read it: a line for each kind, its outcomes under it, then every violation."""
        for kind in sorted({kind for kind, _ in self.outcomes}):
            number = self.total(kind)
            yield f"{kind}: {number:,} operations, {number / seconds:,.1f} a second"
            for (of, outcome), count in sorted(self.outcomes.items()):
                if of == kind:
                    yield f"    {outcome}: {count:,}"
        rate = self.operations / seconds
        yield f"all: {self.operations:,} operations in {seconds:,.0f} s, {rate:,.1f} a second, seed {self.seed}"
        yield f"violations: {len(self.violations)}"
        yield from (f"    {one}" for one in self.violations[:50])


def _around(text: str, found: str) -> str:
    place = text.index(found)
    return repr(text[max(0, place - 60) : place + len(found) + 60])
