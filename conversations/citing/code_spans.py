"""Where Markdown's code stands in a text that may still grow: fences and spans (CommonMark 0.31, 4.5 and 6.1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TURNS = re.compile(r"`+|~{3,}|\n")
_MAY_GROW = re.compile(r"[`~]+$")
_SHORTEST_FENCE = 3


@dataclass(slots=True)
class Code:
    """What is open at the end of the text that was read: a fence by its signs, a span by how many ticks began it.

    `is_opening` is said of a fence on whose own line the text ends. A span that is never closed is code here until
    its paragraph ends, since nobody knows yet that it is none.
    """

    fence: str = ""
    ticks: int = 0
    is_line_blank: bool = True
    is_opening: bool = False

    def pieces(self, text: str) -> Iterator[tuple[int, int, bool]]:
        """Reads the text: (start, end, whether it is code) of its pieces, in order. Signs belong to the code."""
        begin, was_code = 0, self.is_open
        for turn in _TURNS.finditer(text):
            self._pass(text[begin : turn.start()])
            self._turn(turn.group())
            if self.is_open == was_code:
                continue
            # What opens and what closes are code both.
            end = turn.end() if was_code else turn.start()
            if end > begin:
                yield begin, end, was_code
            begin, was_code = end, self.is_open
        self._pass(text[begin:])
        if begin < len(text):
            yield begin, len(text), was_code

    def _pass(self, text: str) -> None:
        """Text of one line, in which no sign stands but what was read before."""
        if text.rpartition("\n")[2].strip("`~ \t"):
            self.is_line_blank = False

    @property
    def is_open(self) -> bool:
        return bool(self.fence or self.ticks)

    def _turn(self, signs: str) -> None:
        is_first, self.is_line_blank = self.is_line_blank, False
        if signs == "\n":
            # A blank line ends a paragraph, and whatever is open in it.
            self.ticks = 0 if is_first else self.ticks
            self.is_line_blank, self.is_opening = True, False
        elif self.is_opening and self.fence[0] == signs[0] == "`":
            # After a fence's own ticks none follow on its line: it was a span.
            self.ticks, self.fence, self.is_opening = len(self.fence), "", False
            self._tick(signs)
        elif self.fence:
            is_end = is_first and signs[0] == self.fence[0] and len(signs) >= len(self.fence)
            self.fence = "" if is_end else self.fence
        elif is_first and len(signs) >= _SHORTEST_FENCE:
            self.fence, self.ticks, self.is_opening = signs, 0, True
        elif signs[0] == "`":
            self._tick(signs)

    def _tick(self, signs: str) -> None:
        self.ticks = {0: len(signs), len(signs): 0}.get(self.ticks, self.ticks)


def may_grow(text: str) -> int:
    """Where signs begin that may become more of them with what comes next; the text's end if there are none."""
    found = _MAY_GROW.search(text)
    return found.start() if found else len(text)


def code_spans(text: str) -> list[tuple[int, int]]:
    """The parts of a whole text that are code, in order."""
    return [(start, end) for start, end, is_code in Code().pieces(text) if is_code]
