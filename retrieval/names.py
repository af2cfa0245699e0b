"""The names in a question, and whether the documents know them.

A question about somebody whom no passage mentions cannot be answered from these documents, however near
in meaning the passages are: "Adobe's operating margin" is near every other company's.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

_WORD = re.compile(r"[\w&’'.-]*\w")
_POSSESSIVE = re.compile(r"[’']s$", re.IGNORECASE)
# Periods, quarters and bare figures look like names and are none.
_PERIOD = re.compile(r"(?:FY|CY|Q|H|[12]Q|[12]H)?\d[\d.,%/-]*(?:[KQ]|Q\d|H\d)?|(?:FY|CY)", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?:]$")
_SHORTEST_IN_TITLE = 3
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
        word = _POSSESSIVE.sub("", match[0]) if match else ""
        if _is_name(word, begins=begins):
            run.append(word)
        else:
            _end(run, names)
        if run and (not match or raw[-1] in ",;:.?!)" or (raw != match[0] and raw.endswith(("'s", "’s")))):
            _end(run, names)
        begins = bool(_SENTENCE_END.search(raw))
    _end(run, names)
    return list(dict.fromkeys(names))


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
class Names:
    """The names of a question, by whether a document is called so, some passage has them, or nothing does."""

    titled: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def look_up_names(question: str, pool: Sequence[UUID], titles: Iterable[str]) -> Names:
    """Look for the question's names in the passages of `pool` and in document titles, inside the caller's unit."""
    names = names_in(question)
    if not names or not pool:
        return Names(missing=tuple(names))
    checks = ", ".join(["coalesce(bool_or(words @@ phraseto_tsquery('english', %s)), false)"] * len(names))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {checks} FROM documents_chunk WHERE id = ANY(%s)", [*names, list(pool)])  # noqa: S608
        occurs = dict(zip(names, cursor.fetchone(), strict=True))
    letters = [_letters(title) for title in titles]
    titled = [name for name in names if _stands_in(name, letters)]
    rest = [name for name in names if name not in titled]
    return Names(
        titled=tuple(titled),
        known=tuple(name for name in rest if occurs[name]),
        missing=tuple(name for name in rest if not occurs[name]),
    )


def _stands_in(name: str, titles: Sequence[str]) -> bool:
    parts = [_letters(part) for part in name.split()]
    return any(len(part) >= _SHORTEST_IN_TITLE and part in title for title in titles for part in parts)


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
