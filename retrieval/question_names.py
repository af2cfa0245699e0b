"""What a question is about that passages must mention to answer it: the names and the years in it.

"Adobe's operating margin in 2015" is near in meaning to every other company's, and to every other year's.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[\w&’'.-]*\w")
_POSSESSIVE = re.compile(r"[’']s$", re.IGNORECASE)
# Periods, quarters and bare figures look like names and are none.
_PERIOD = re.compile(r"(?:FY|CY|Q|H|[12]Q|[12]H)?\d[\d.,%/-]*(?:[KQ]|Q\d|H\d)?|(?:FY|CY)", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
_SHORT_YEAR = re.compile(r"\b(?:FY|CY|Q[1-4])\s?['’]?(\d\d)(?!\d)", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?:]$")
# "USD", "P&L": terms rather than names, as long as there is another name.
_ACRONYM = re.compile(r"[A-Z&]{2,6}")
_SHORTEST_IN_TITLE = 3
_ABBREVIATION = range(3, 6)
_NOT_NAMES = frozenset(
    "a an and are as at be by can could did do does for from had has have how i if in is it its may me my"
    " no non not of on or our please should that the their there these this to us was we were what when"
    " where which who whom whose why will with would you your"
    " january february march april may june july august september october november december".split()
)


def names_in(question: str) -> list[str]:
    """Runs of capitalised words that do not merely begin a sentence, without their possessive 's."""
    names: list[str] = []
    run: list[str] = []
    begins = True
    for raw in question.split():
        match = _WORD.search(raw)
        said = match[0] if match else ""
        word = _POSSESSIVE.sub("", said)
        if _is_name(word, begins=begins):
            run.append(word)
        else:
            _end(run, names)
        if run and (word != said or raw[-1] in ",;:.?!)"):
            _end(run, names)
        begins = bool(_SENTENCE_END.search(raw))
    _end(run, names)
    return list(dict.fromkeys(names))


def telling_words(question: str) -> set[str]:
    """The words of its names, and what mixes letters and figures: no model knows them, nothing else says them."""
    tokens = (match[0] for raw in question.split() if (match := _WORD.search(raw)))
    codes = (one for one in tokens if one.isalnum() and not one.isalpha() and not one.isdigit())
    named = (word for name in names_in(question) for word in name.split())
    return {word.casefold() for word in (*named, *codes) if not _PERIOD.fullmatch(word)}


def years_in(question: str) -> list[str]:
    """The years that a question names, "FY19" as 2019."""
    short = (f"20{year}" for year in _SHORT_YEAR.findall(question))
    return list(dict.fromkeys([*_YEAR.findall(question), *short]))


def _end(run: list[str], names: list[str]) -> None:
    if run:
        names.append(" ".join(run))
        run.clear()


def _is_name(word: str, *, begins: bool) -> bool:
    if not word or word.casefold() in _NOT_NAMES or _PERIOD.fullmatch(word):
        return False
    capitals = sum(character.isupper() for character in word)
    # "Adobe" in the middle of a sentence; "3M", "JnJ" and "AMEX" anywhere.
    return capitals > 1 or (capitals == 1 and any(c.isdigit() for c in word)) or (word[0].isupper() and not begins)


@dataclass(frozen=True, slots=True)
class Subjects:
    """The names and years that a question asks about, and those of them that no passage mentions."""

    names: tuple[str, ...] = ()
    missing_names: tuple[str, ...] = ()
    years: tuple[str, ...] = ()
    missing_years: tuple[str, ...] = ()


def look_for_subjects(question: str, passages: Iterable[tuple[str, str]]) -> Subjects:
    """Which of the question's names and years stand in `passages`, each a document's title and a text."""
    found = list(passages)
    years = years_in(question)
    titles = list({_letters(title) for title, _ in found})
    every = names_in(question)
    names = [name for name in every if not _ACRONYM.fullmatch(name) or _is_titled(name, titles)] or every
    said = " ".join(" ".join(_WORD.findall(text.casefold())) for _, text in found)
    dated = " ".join(f"{title} {text}" for title, text in found)
    return Subjects(
        names=tuple(names),
        missing_names=tuple(
            name for name in names if not _is_said(name.casefold(), said) and not _is_titled(name, titles)
        ),
        years=tuple(years),
        missing_years=tuple(year for year in years if year not in dated),
    )


def _is_said(name: str, text: str) -> bool:
    return name in text or (len(name) > _SHORTEST_IN_TITLE - 1 and name.endswith("s") and name[:-1] in text)


def _is_titled(name: str, titles: Sequence[str]) -> bool:
    parts = [_letters(part) for part in name.split()]
    if any(len(part) >= _SHORTEST_IN_TITLE and part in title for title in titles for part in parts):
        return True
    return any(_is_short_for(name, title) for title in titles)


def _is_short_for(name: str, title: str) -> bool:
    """Whether an abbreviation's letters stand in the title in their order, from its first: "JnJ", "AMEX"."""
    letters = _letters(name)
    if len(letters) not in _ABBREVIATION or sum(map(str.isupper, name)) < 2:  # noqa: PLR2004
        return False
    rest = iter(title)
    return title[:1] == letters[0] and all(letter in rest for letter in letters)


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
