"""Text without what does not change its meaning, and the way back to where each character stands.

Case, accents, typographic signs, ligatures, hyphenation, line breaks and what nobody sees are folded away: a
sentence that differs in these alone is the same sentence.
"""

import unicodedata
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import lru_cache

from providers.visible_text import latinised, without_unseen

Span = tuple[int, int]

_SIGNS = str.maketrans({
    **dict.fromkeys("‘’‚‛′‹›`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "…": "...",
    "\u0640": None,  # what stretches Arabic words
})  # fmt: skip
_HYPHENS = frozenset("-‐‑")
# Accents of Latin, Greek and Cyrillic letters, vowel points of Hebrew and Arabic.
_POINTS = ((0x0300, 0x036F), (0x0591, 0x05C7), (0x064B, 0x065F), (0x0670, 0x0670))
# Scripts that put no spaces between words: South-East Asia's, kana, Han.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF),
             (0xF900, 0xFAFF), (0x20000, 0x3FFFF))  # fmt: skip
_SUPERSCRIPTS = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉")


def is_unspaced(character: str) -> bool:
    """Whether it belongs to a script that puts no spaces between words."""
    return character > "\u0dff" and _is_in(character, _UNSPACED)


def _is_in(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


@dataclass(slots=True)
class Folded:
    """`text` is what remains of `original`; `places` says for each of its characters where it stood."""

    original: str
    text: str = field(init=False, default="")
    places: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        characters: list[str] = []
        original = latinised(self.original)
        # The hyphens and spaces since the last letter, which what follows decides about.
        pending: list[tuple[str, int]] = []
        for place, character in enumerate(original):
            if character.isspace() or character in _HYPHENS:
                pending.append((" " if character.isspace() else "-", place))
            elif folded := _fold(character):
                self._settle(characters, pending, folded[0])
                pending = []
                characters += folded
                self.places += [place] * len(folded)
        self._settle(characters, pending, "")
        self.text = "".join(characters)

    def _settle(self, characters: list[str], pending: list[tuple[str, int]], following: str) -> None:
        if not pending:
            return
        signs = "".join(sign for sign, _place in pending)
        before = characters[-1] if characters else ""
        is_in_word = before.isalpha() and following.isalpha()
        if is_in_word and signs[0] == "-" and set(signs[1:]) <= {" "} and _joins(signs, self.original, pending):
            return
        if is_in_word and "-" not in signs and is_unspaced(before) and is_unspaced(following):
            return
        previous = ""
        for sign, place in pending:
            if sign != " " or previous != " ":
                characters.append(sign)
                self.places.append(place)
            previous = sign

    def find(self, wanted: "Folded | str", start: int = 0) -> Span | None:
        """Where it stands in `original` as whole words, from the folded place of `start` on."""
        needle = wanted.text if isinstance(wanted, Folded) else Folded(wanted).text
        needle = needle.strip().rstrip(".…").strip()
        if not needle:
            return None
        found = self.text.find(needle, bisect_left(self.places, start))
        while found >= 0:
            last = found + len(needle) - 1
            if self._stands_alone(found, last):
                # A full stop that was left out, or of its own, belongs to the sentence all the same.
                return self.places[found], self._end(last + 1 if self._ends_here(last) else last)
            found = self.text.find(needle, found + 1)
        return None

    def _ends_here(self, last: int) -> bool:
        return self.text[last + 1 : last + 2] == "."

    def _end(self, last: int) -> int:
        """Behind the character, and what belongs to it without being read: accents, signs that nobody sees."""
        end = self.places[last] + 1
        while end < len(self.original) and self._is_silent(self.original[end]):
            end += 1
        return end

    @staticmethod
    def _is_silent(character: str) -> bool:
        return not character.isspace() and character not in _HYPHENS and not _fold(character)

    def _stands_alone(self, first: int, last: int) -> bool:
        """Neither half a word nor half a number."""
        before, after = self.text[:first][-2:], self.text[last + 1 : last + 3]
        return (
            not _is_torn(before[-1:], self.text[first])
            and not _is_torn(self.text[last], after[:1])
            and not (_goes_on(after, self.text[last]) or _goes_on(before[::-1], self.text[first]))
        )


def _joins(signs: str, original: str, pending: list[tuple[str, int]]) -> bool:
    """A hyphen alone joins two words; before a space only where the line ends: "short- and long-term"."""
    return len(signs) == 1 or any(original[place] in "\n\r\v\f\x85\u2028\u2029" for _sign, place in pending)


def _is_torn(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum() and not (is_unspaced(left) or is_unspaced(right))


def _goes_on(beyond: str, edge: str) -> bool:
    """A point or comma between digits: the number is longer than what was found of it."""
    return edge.isdigit() and beyond[:1] in {".", ","} and beyond[1:2].isdigit()


@lru_cache(4096)
def _fold(character: str) -> str:
    if character.isascii():
        return character.lower()
    if character in _SUPERSCRIPTS or not without_unseen(character):
        return ""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    parts = unicodedata.normalize("NFKD", character.translate(_SIGNS)).casefold()
    if "\u2044" in parts:  # a fraction in one sign is a number of its own
        return " " + parts.replace("\u2044", "/")
    return "".join(part for part in parts if not _is_in(part, _POINTS)).translate(_SIGNS)
