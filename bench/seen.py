"""Something of somebody else's and Docent together: what was looked at, and whether it was right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that works or does not, and what it came to."""

    name: str
    is_right: bool
    told: str

    def line(self) -> str:
        return f"{'ok  ' if self.is_right else 'FAIL'} {self.name}: {self.told}"


def print_all(seen: Iterable[Seen]) -> int:
    """One line each as it comes; the exit code says whether all of it was right."""
    is_right = True
    for one in seen:
        print(one.line(), flush=True)
        is_right = is_right and one.is_right
    return 0 if is_right else 1
