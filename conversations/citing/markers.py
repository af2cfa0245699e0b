"""Citation markers in a stream of text: `[3]` and `[1, 4]`, whole or not at all."""

import re
from collections.abc import Collection
from copy import copy

from conversations.citing.code_spans import Code, code_spans, may_grow

# At most so many numbers with so much space between: what is longer is text, and never held back to its end.
_MARKER = re.compile(r"\[\s{0,9}(\d{1,3}(?:\s{0,9},\s{0,9}\d{1,3}){0,15})\s{0,9}\]")
_UNFINISHED = re.compile(r"(?:\[[\s\d,]{0,400})+$")
_LIKE_MARKERS = re.compile(r"[\[［【〔][\s\d,;+-]{1,400}[\]］】〕]")
_BRACKETED = re.compile(r"\[(\d{1,4}(?:\s*,\s*\d{1,4})*)\]")


def markers_in(text: str) -> list[tuple[int, int, tuple[int, ...]]]:
    """Each marker as (start, end, numbers), in order; in code there are none."""
    code = code_spans(text)
    return [
        (match.start(), match.end(), tuple(int(number) for number in match[1].split(",")))
        for match in _MARKER.finditer(text)
        if not any(start <= match.start() < end for start, end in code)
    ]


def neutralise(passage: str) -> str:
    """Bracketed numbers of a document's own become `(n)`: only Docent's markers stand in brackets."""
    return _BRACKETED.sub(r"(\1)", passage)


def without_markers(text: str) -> str:
    """The text without the numbers of its sources: told again, it has none."""
    return re.sub(rf"\s?{_MARKER.pattern}", "", text)


def without_bracketed_numbers(text: str) -> str:
    """The text without markers and what only looks like one, by a number too long or brackets of another kind."""
    return _LIKE_MARKERS.sub(" ", text)


class MarkerFilter:
    """Lets text through, holding back what may become a marker, and drops numbers that are no source's.

    Without knowing any, not even that there are none, it lets everything through as it is. Code is nobody's
    citation and stays as it is. `before` is what was shown of the text already.
    """

    def __init__(self, known: Collection[int] | None, before: str = "") -> None:
        self._passes_all = known is None
        self._known = frozenset(known or ())
        self._held = ""
        self._code = Code()
        self._read(before)

    def feed(self, text: str) -> str:
        """What may be shown of everything so far."""
        if self._passes_all:
            return text
        text = self._held + text
        grows = may_grow(text)
        text, self._held = text[:grows], text[grows:]
        before, shown = copy(self._code), []
        for start, end, is_code in self._code.pieces(text):
            shown.append(text[start:end] if is_code else self._dropped(text[start:end]))
        whole = "".join(shown)
        if not self._held and not self._code.is_open and (unfinished := _UNFINISHED.search(whole)):
            self._held = whole[unfinished.start() :]
            whole = whole[: unfinished.start()]
            self._code = before
            self._read(whole)
        return whole

    def _read(self, text: str) -> None:
        for _piece in self._code.pieces(text):
            pass

    def _dropped(self, text: str) -> str:
        """Without the markers of no source, those included that come together only when others have gone."""
        while (left := _MARKER.sub(self._replace, text)) != text:
            text = left
        return text

    def flush(self) -> str:
        """The rest, when no more text comes: what never became a marker was plain text."""
        text, self._held = self._held, ""
        return text

    def _replace(self, match: re.Match[str]) -> str:
        numbers = [int(number) for number in match[1].split(",")]
        kept = [number for number in dict.fromkeys(numbers) if number in self._known]
        return f"[{', '.join(map(str, kept))}]" if kept else ""
