"""Questions with what is right, read from JSON Lines or from objects that a program sends.

Lenient in how a thing is written, strict in what it says: unknown fields are left alone, other names for the
known ones are understood, and whatever cannot be meant is refused with the line that it stands in.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext

from tenants.errors import FieldError, InvalidInput

MAX_CASES = 5_000
MAX_QUESTION = 8_000
MAX_KEY, MAX_DOCUMENT, MAX_ANSWER, MAX_PAGES = 100, 255, 8_000, 200
_SHOWN = 20
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question and what is right: `document` is a file's name or an id, `pages` count from 1."""

    key: str
    text: str
    is_answerable: bool = True
    document: str = ""
    pages: tuple[int, ...] = ()
    answer: str = ""


class _Wrong(Exception):
    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.detail = field, detail


def read_cases(content: bytes) -> list[Case]:
    """The questions of a JSON Lines file. Raises `InvalidInput` that names the lines that are wrong."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InvalidInput.at(
            f"/lines/{line}", gettext("Line {line}: this is not UTF-8 text.").format(line=line), "invalid"
        ) from error
    lines = ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
    return _collect(
        ((number, _parsed(line)) for number, line in lines),
        lambda number, field: (f"Line {number}", f"/lines/{number}{field}"),
    )


def cases_of(objects: Iterable[Any]) -> list[Case]:
    """The same of objects that were parsed already, which count from 0 in pointers and from 1 in words."""
    return _collect(
        enumerate(objects), lambda number, field: (f"Question {number + 1}", f"/questions/{number}{field}")
    )


def _parsed(line: str) -> Any:
    """The line's object, or what is wrong with it, to be raised in its turn."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return _Wrong("", "this is not JSON. Each line holds one question as a JSON object.")


def _collect(objects: Iterable[tuple[int, Any]], place: Callable[[int, str], tuple[str, str]]) -> list[Case]:
    cases: list[Case] = []
    wrong: list[FieldError] = []
    seen: dict[str, str] = {}
    for number, found in objects:
        try:
            case = _case(found, str(number))
            _require_new(case.key, seen)
            seen[case.key] = place(number, "")[0].lower()
            cases.append(case)
        except _Wrong as error:
            words, pointer = place(number, error.field)
            wrong.append(FieldError(pointer, f"{words}: {error.detail}"))
        if len(cases) > MAX_CASES:
            raise InvalidInput(
                gettext("A set has at most {max_cases} questions.").format(
                    max_cases=number_format(MAX_CASES, force_grouping=True)
                ),
                code="too_many",
            )
    if wrong:
        more = f" And {len(wrong) - 1} more." if len(wrong) > 1 else ""
        raise InvalidInput(f"{wrong[0].detail}{more}", errors=tuple(wrong[:_SHOWN]))
    if not cases:
        raise InvalidInput("There are no questions in it.", code="empty")
    return cases


def _require_new(key: str, seen: Mapping[str, str]) -> None:
    if key in seen:
        raise _Wrong("/id", f"the id “{key}” stands in {seen[key]} already.")


def _case(found: Any, otherwise: str) -> Case:
    if isinstance(found, _Wrong):
        raise found
    if not isinstance(found, Mapping):
        raise _Wrong("", "a JSON object is expected, as {“question”: “…”}.")
    return Case(
        key=_text(found, ("id", "key"), MAX_KEY) or otherwise,
        text=_question(found),
        is_answerable=_truth(found, ("answerable", "is_answerable")),
        document=_text(found, ("document", "document_name", "file"), MAX_DOCUMENT),
        pages=_pages(found),
        answer=_text(found, ("answer",), MAX_ANSWER),
    )


def _question(found: Mapping[str, Any]) -> str:
    question = _text(found, ("question", "query", "text"), MAX_QUESTION)
    if not question:
        raise _Wrong("/question", "it has no question.")
    return question


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((found[name] for name in names if found.get(name) is not None), None)


def _text(found: Mapping[str, Any], names: tuple[str, ...], limit: int) -> str:
    value = _first(found, names)
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _Wrong(f"/{names[0]}", f"“{names[0]}” is a text.")
    value = value.strip()
    if "\0" in value or not _is_text(value):
        raise _Wrong(f"/{names[0]}", f"“{names[0]}” has characters that cannot be kept.")
    if len(value) > limit:
        raise _Wrong(f"/{names[0]}", f"“{names[0]}” has at most {limit:,} characters.")
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return True


def _truth(found: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    value = _first(found, names)
    if value is None or isinstance(value, bool):
        return value is not False
    word = str(value).strip().casefold()
    if word not in _TRUE | _FALSE:
        raise _Wrong(f"/{names[0]}", f"“{names[0]}” is true or false.")
    return word in _TRUE


def _pages(found: Mapping[str, Any]) -> tuple[int, ...]:
    value = _first(found, ("pages", "page"))
    values = value if isinstance(value, list) else [] if value is None else [value]
    pages = []
    for one in values:
        is_whole = isinstance(one, int | str) and not isinstance(one, bool) and str(one).strip().isdecimal()
        if not is_whole or not 1 <= int(one) <= 1_000_000:  # noqa: PLR2004
            raise _Wrong("/pages", "“pages” is a list of numbers that count from 1.")
        pages.append(int(one))
    if len(pages) > MAX_PAGES:
        raise _Wrong("/pages", f"“pages” has at most {MAX_PAGES} numbers.")
    return tuple(sorted(set(pages)))
