"""Does the source say it? The sentence of a passage that supports a claim, or nothing.

A marker in an answer becomes a citation only through `supporting_span`: the server picks the quotation
from the source itself, so what is shown as quoted always stands there.
"""

import re
import unicodedata
from collections.abc import Sequence

from providers.sentences import sentence_spans

Span = tuple[int, int]

_MARKER = re.compile(r"\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")
_ESCAPED = re.compile(r"\\([^\w\s])")
_DECORATION = re.compile(
    r"^\s*(?:[-*+>]|#{1,6}|\d{1,3}[.)])\s+|(?<!\\)(?:[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3})", re.MULTILINE
)
_QUOTED = re.compile(r"“([^”]{12,})”|\"([^\"]{12,})\"|«([^»]{12,})»")
_WORD = re.compile(r"\d[\d.,]*\d|\w+")
_MIN_QUOTED_WORDS = 3
# A sentence must share this part of the claim's weight. Numbers and long words weigh more, small words nothing.
_ENOUGH = 0.2
_COMMON = frozenset(
    "a an and are as at be been but by for from had has have in into is it its of on or our than that the"
    " their there these they this those to was we were which while will with would".split()
)


def plain_claim(markdown: str) -> str:
    """A piece of an answer as the words it says: no markers, no Markdown signs, no escapes."""
    text = _MARKER.sub(" ", markdown)
    text = _DECORATION.sub("", text)
    return " ".join(_ESCAPED.sub(r"\1", text).split())


def supporting_span(claim: str, passage: str) -> Span | None:
    """Where in `passage` the sentence stands that supports `claim` (code points), or None.

    A quotation inside the claim must be found in the passage word for word, white space aside.
    """
    searchable, places = _searchable(passage)
    quotations = [next(filter(None, match.groups())) for match in _QUOTED.finditer(claim)]
    quotations = [one for one in quotations if len(one.split()) >= _MIN_QUOTED_WORDS]
    spans = [_find(one, searchable, places) for one in quotations]
    if None in spans:
        return None
    if spans:
        return spans[0]
    if claim and (whole := _find(claim, searchable, places)) is not None:
        return whole
    return _best_sentence(claim, passage)


def _find(wanted: str, searchable: str, places: Sequence[int]) -> Span | None:
    needle, _ = _searchable(wanted)
    needle = needle.strip().rstrip(".…").strip()
    if not needle:
        return None
    found = searchable.find(needle)
    if found < 0:
        return None
    last = found + len(needle) - 1
    # A full stop that the claim left out or has of its own belongs to the sentence all the same.
    if last + 1 < len(searchable) and searchable[last + 1] == ".":
        last += 1
    return places[found], places[last] + 1


def _searchable(text: str) -> tuple[str, list[int]]:
    """Text with folded case, compatibility forms and single spaces; for each character its place in `text`."""
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if character.isspace():
            if characters and characters[-1] != " ":
                characters.append(" ")
                places.append(place)
            continue
        for folded in unicodedata.normalize("NFKC", character).casefold():
            characters.append("'" if folded in "’‘" else folded)
            places.append(place)
    return "".join(characters), places


def _best_sentence(claim: str, passage: str) -> Span | None:
    wanted = _weights(claim)
    total = sum(wanted.values())
    if not total:
        return None
    best: Span | None = None
    best_score = 0.0
    for start, end in sentence_spans(passage):
        score = _shared(wanted, passage[start:end]) / total
        # Of two that say as much, the shorter one says it more plainly.
        score -= 0.02 * (end - start) / 400
        if score > best_score:
            best, best_score = (start, end), score
    return best if best_score >= _ENOUGH else None


def overlap(question: str, sentence: str) -> float:
    """How much of a question's weight a sentence shares."""
    return _shared(_weights(question), sentence)


def _shared(wanted: dict[str, float], sentence: str) -> float:
    has = _weights(sentence)
    return sum(weight for word, weight in wanted.items() if word in has)


def _weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for word in _WORD.findall(text.casefold()):
        if word[0].isdigit():
            weights[word.replace(",", "").strip(".")] = 2.0
        elif word not in _COMMON:
            weights[_stem(word)] = 1.0 if len(word) > 3 else 0.5  # noqa: PLR2004
    return weights


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "ies", "ed", "es", "e", "s"):
        if word.endswith(ending) and len(word) - len(ending) > 3:  # noqa: PLR2004
            return word.removesuffix(ending)
    return word
