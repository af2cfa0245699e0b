"""A page's Markdown as safe HTML, in which a passage is marked to the character.

Formats that have no page images come as the plain Markdown that the parsers write: headings, lists, tables, code
and paragraphs, nothing inside a line. So every line is shown from where it stands in the text, and a place in the
text is a place in what is shown.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

import nh3

from documents.extraction import PDF, PLAIN_TEXT
from documents.extraction.outline import Line, Outline, is_same_block

_HEADING = re.compile(r"#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?$")
_ITEM = re.compile(r"(?:[-*+•‣▪◦●○·–]|(\d{1,9})[.)])[ \t]+")
_QUOTE = re.compile(r">[ \t]?")
_RULE = re.compile(r"([-*_])(?:[ \t]*\1){2,}")
_TABLE_RULE = re.compile(r"\|(?:[ \t]*:?-+:?[ \t]*\|)+")
_BAR = re.compile(r"(?<!\\)\|")
_FENCE = ("```", "~~~")
_LOWEST = 6

_TAGS = {
    "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "div", "table", "thead", "tbody", "tr", "th", "td", "pre",
    "blockquote", "hr", "mark",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"dir"},
    "div": {"class", "role", "tabindex"},
    "li": {"value"},
    "mark": {"id"},
    "th": {"scope"},
}


def is_marked_up(media_type: str) -> bool:
    """Whether the text of this format is Markdown."""
    return media_type not in {PDF, PLAIN_TEXT}


def page_html(text: str, media_type: str, start: int = 0, end: int = 0) -> str:
    """The page with code points [start, end) of its text in `<mark>`; the first one's id is `passage`.

    Headings begin at level 2, for the page's own title is level 1, and skip none.
    """
    lines = Outline(media_type).lines(text)
    html = "".join(_Writer(text, start, end).blocks(lines))
    return nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, clean_content_tags=set())


class _Writer:
    """Writes blocks of lines; knows what of them is marked."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text, self._start, self._end = text, start, end
        self._has_mark = False

    def blocks(self, lines: Sequence[Line]) -> Iterator[str]:
        starts = [
            0,
            *(place for place, (above, line) in enumerate(pairwise(lines), 1) if not is_same_block(above, line)),
        ]
        for first, after in pairwise([*starts, len(lines)] if lines else []):
            yield self._block(lines[first:after])

    def _block(self, lines: Sequence[Line]) -> str:
        match lines[0].kind:
            case "heading":
                return self._heading(lines[0])
            case "list":
                return "".join(self._list(lines))
            case "table":
                return self._table(lines)
            case "code":
                return self._code(lines)
        return self._paragraph(lines)

    def _heading(self, line: Line) -> str:
        level = min(len(line.path) + 1, _LOWEST)
        marked = _HEADING.match(self._of(line))
        span = (line.start + marked.start(1), line.start + marked.end(1)) if marked else (line.start, line.end)
        return f'<h{level} dir="auto">{self._words(*span)}</h{level}>'

    def _paragraph(self, lines: Sequence[Line]) -> str:
        if len(lines) == 1 and _RULE.fullmatch(self._of(lines[0])):
            return "<hr>"
        quotes = [_QUOTE.match(self._of(line)) for line in lines]
        if all(quotes):
            ends = [sign.end() for sign in quotes if sign]
            said = "\n".join(
                self._words(line.start + end, line.end) for line, end in zip(lines, ends, strict=True)
            )
            return f'<blockquote dir="auto">{said}</blockquote>'
        return f'<p dir="auto">{self._words(lines[0].start, lines[-1].end)}</p>'

    def _code(self, lines: Sequence[Line]) -> str:
        fences = [line for line in (lines[0], lines[-1]) if self._of(line).startswith(_FENCE)]
        inside = [line for line in lines if line not in fences]
        if not inside:
            return ""
        start = self._text.rfind("\n", 0, inside[0].start) + 1
        return f'<pre dir="ltr">{self._words(start, inside[-1].end)}</pre>'

    def _list(self, lines: Sequence[Line]) -> Iterator[str]:
        open_: list[tuple[int, str]] = []  # indent and tag of each list that the next entry may belong to
        for line in lines:
            item = _ITEM.match(self._of(line)) if line.is_item else None
            if item is None and open_:
                yield f"\n{self._words(line.start, line.end)}"
                continue
            indent = line.start - self._text.rfind("\n", 0, line.start) - 1
            tag = "ol" if item and item[1] else "ul"
            while open_ and (indent < open_[-1][0] or (indent == open_[-1][0] and tag != open_[-1][1])):
                yield f"</li></{open_.pop()[1]}>"
            if open_ and indent == open_[-1][0]:
                yield "</li>"
            else:
                open_.append((indent, tag))
                yield f"<{tag}>"
            value = f' value="{item[1]}"' if item and item[1] else ""
            yield f'<li dir="auto"{value}>{self._words(line.start + (item.end() if item else 0), line.end)}'
        while open_:
            yield f"</li></{open_.pop()[1]}>"

    def _table(self, lines: Sequence[Line]) -> str:
        has_head = len(lines) > 1 and bool(_TABLE_RULE.fullmatch(self._of(lines[1])))
        head = self._row(lines[0], "th") if has_head else ""
        body = "".join(self._row(line, "td") for line in lines[2 if has_head else 0 :])
        head = f"<thead>{head}</thead>" if head else ""
        # What is wider than the page is scrolled by itself, by keys too.
        return (
            f'<div class="page-table" role="group" tabindex="0"><table>{head}<tbody>{body}</tbody></table></div>'
        )

    def _row(self, line: Line, tag: str) -> str:
        bars = [line.start + bar.start() for bar in _BAR.finditer(self._of(line))]
        scope = ' scope="col"' if tag == "th" else ""
        cells = (f'<{tag} dir="auto"{scope}>{self._cell(a + 1, b)}</{tag}>' for a, b in pairwise(bars))
        return f"<tr>{''.join(cells)}</tr>"

    def _cell(self, start: int, end: int) -> str:
        raw = self._text[start:end]
        words = raw.strip()
        start += raw.index(words)
        return self._words(start, start + len(words)).replace("\\|", "|")

    def _of(self, line: Line) -> str:
        return self._text[line.start : line.end]

    def _words(self, start: int, end: int) -> str:
        """The text [start, end), what is to be marked of it marked."""
        first, last = max(start, self._start), min(end, self._end)
        if first >= last:
            return escape(self._text[start:end])
        name = "" if self._has_mark else ' id="passage"'
        self._has_mark = True
        before, marked, after = self._text[start:first], self._text[first:last], self._text[last:end]
        return f"{escape(before)}<mark{name}>{escape(marked)}</mark>{escape(after)}"
