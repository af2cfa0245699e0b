"""Putting blocks of Markdown together: what begins where, and how much space is between them."""

import re

_HEADING_MARK = re.compile(r"(?=#{1,6}\s)")
_ROW_MARK = re.compile(r"(?=\|.*\|$)")
_BACKTICKS = re.compile(r"`+")
_FENCE = 3
_MAX_INDENT = 24  # a page of lists in lists would else grow with the square of their depth


class MarkdownBlocks:
    """A Markdown text that grows block by block.

    Lists may stand in items of lists. An item's first paragraph gets its mark; headings, tables and code in
    an item stand for themselves, because only so they are recognised.
    """

    def __init__(self) -> None:
        """An empty text."""
        self._pieces: list[str] = []
        self._lists: list[int | None] = []  # the number of each open list's last item; None if it has bullets
        self._indents: list[int] = []  # how far the text of each open item is from the margin
        self._mark = ""
        self._ends_in_list = False

    def text(self) -> str:
        """What there is so far."""
        return "".join(self._pieces)

    def begin_list(self, first_number: int | None) -> None:
        """Open a list, numbered from `first_number`, or with bullets."""
        self._lists.append(None if first_number is None else first_number - 1)

    def end_list(self) -> None:
        """Close the innermost list; what comes then is no part of it."""
        if self._lists:
            self._lists.pop()
        if not self._lists:
            self._ends_in_list = False

    def begin_item(self) -> None:
        """Open an item of the innermost list; outside of any, of one with bullets."""
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        self._mark = "- " if number is None else f"{number + 1}. "
        self._indents.append(min(self._indent(), _MAX_INDENT) + len(self._mark))

    def end_item(self) -> None:
        """Close the innermost item."""
        self._mark = ""
        if self._indents:
            self._indents.pop()

    def paragraph(self, lines: list[str]) -> None:
        """Add a paragraph, or an item's text where one is open."""
        if not self._indents:
            self._add("\n".join(_escaped(line) for line in lines))
            return
        first = " " * (self._indent() - len(self._mark)) + self._mark + lines[0]
        rest = [" " * self._indent() + line for line in lines[1:]]
        self._mark = ""
        text = "\n".join([first, *rest])
        if self._ends_in_list:
            self._pieces.append("\n" + text)
        else:
            self._add(text)
            self._ends_in_list = True

    def heading(self, level: int, text: str) -> None:
        """Add a heading on one line."""
        self._add(f"{'#' * level} {text}")

    def block(self, text: str) -> None:
        """Add a table or anything else that is Markdown already."""
        self._add(text)

    def code(self, text: str) -> None:
        """Add lines as they are, between fences longer than any in them."""
        longest = max((len(marks) for marks in _BACKTICKS.findall(text)), default=0)
        fence = "`" * max(_FENCE, longest + 1)
        self._add(f"{fence}\n{text}\n{fence}")

    def _indent(self) -> int:
        return self._indents[-1] if self._indents else 0

    def _add(self, text: str) -> None:
        self._pieces.append("\n\n" + text if self._pieces else text)
        self._ends_in_list = False


def _escaped(line: str) -> str:
    """A line of prose that would be read as a heading or a row of a table, so that it is not."""
    if _HEADING_MARK.match(line) or _ROW_MARK.match(line):
        return "\\" + line
    return line
