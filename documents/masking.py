"""Hiding personal data from search and models: found by its form, replaced by as many signs, so that places hold.

E-mail addresses and telephone numbers go by their looks. Card numbers must satisfy Luhn's check (ISO/IEC 7812-1)
and begin as a card scheme's do, IBANs their country's length and the check digits of ISO 13616.
"""

import hashlib
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import regex

MASK = "•"

KINDS = ("emails", "phones", "cards", "ibans")
"""What Docent finds by itself, by the names in `MaskingRules`."""

MAX_PATTERNS, MAX_PATTERN, MAX_NAME = 20, 500, 60
PATTERN_SECONDS = 1.0
"""How long one pattern may take on one page."""

DOCUMENT_SECONDS = 30.0
"""How long one pattern may take on all pages of a document."""

_MAX_LENGTH, _MAX_GROUPS = 5_000, 20
_CALL = re.compile(r"\(\?(?:R|[+-]?\d|&|P>)")
_TOKEN = re.compile(r"\\.|\{(?P<count>\d{1,9})(?:,\d*)?\}|.", re.DOTALL)

_GAP = r"[ \t\u00a0\u2007\u2009\u202f]"  # spaces that numbers are grouped with
_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_EMAIL = re.compile(rf"(?<!{_LOCAL}){_LOCAL}+[@＠]{_LABEL}(?:\.{_LABEL})+")
_SIGN = rf"(?:{_GAP}?[-–‐‑./]{_GAP}?|{_GAP})"  # between two groups of a telephone number
_MORE = rf"(?:{_SIGN}\d{{1,14}}){{0,7}}"
_PHONE = re.compile(
    rf"""
    (?<![\w.,/+-])(?<![$€£¥]{_GAP})
    (?:
        # As from abroad, with or without the domestic zero.
        (?:\+{_GAP}?|(?<!\d{_GAP})00{_GAP}?(?=[1-9])(?!\d-))\(?\d{{1,14}}\)?{_SIGN}?(?:\(\d{{1,5}}\){_SIGN}?)?\d{{1,14}}{_MORE}
      | (?<!\d{_GAP})(?:
        # North America.
          (?:1{_SIGN})?(?:\([2-9]\d\d\){_GAP}?|[2-9]\d\d[-.])[2-9]\d\d{_SIGN}\d{{4}}
        | [2-9]\d\d{_GAP}[2-9]\d\d{_GAP}(?!19|20)\d{{4}}
        # With the domestic zero.
        | \(0\d{{0,5}}\){_SIGN}?\d{{2,14}}{_MORE}
        | 0[1-9](?:[ .-]\d\d){{4}}
        | 0[1-9]\d{{0,4}}(?:{_GAP}|-)\d{{3,8}}{_MORE}
        | 0[1-9]\d{{1,4}}{_GAP}?/{_GAP}?\d{{3,8}}{_MORE}
        | 0[1-9]\d{{2,4}}(?:{_GAP}\d{{2,4}}){{2,4}}
        | 0[1-9]\d{{7,10}}
      )
    )
    (?![\w%])(?![.,-]\d)
    """,
    re.VERBOSE,
)
_CALLED = re.compile(
    rf"""
    (?:\b(?:tel|telephone|phone|mobile|mob|cell|fax|whatsapp|call|telefon|telefax|handy|mobil|tél|téléphone|teléfono
        |móvil|телефон|тел|电话|電話|هاتف)[^\w+(]{{0,4}}|[☎📞📱]\ufe0f?{_GAP}*)
    (?P<number>[+(]?\d(?:[()]{{0,2}}{_SIGN}?[()]{{0,2}}\d){{5,14}})(?!\d)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PHONE_DIGITS = range(7, 16)
_DATE_OR_ZIP = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)|\d{5}-\d{4}")
_LAST_GROUP = re.compile(rf"{_SIGN}\d+$")

_CARD_GROUPS = re.compile(
    rf"(?<![\w.,])(?<![A-Z]{{2}}\d\d{_GAP})\d{{4,19}}(?:(?:{_GAP}|[-–‐‑.])\d{{2,19}})*(?!\w)"
)
_CARD = re.compile(r"(?:4|5[0-8]|3[0-9]|6|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d+")
_CARD_DIGITS = range(13, 20)
_CARD_GROUP = 4

_IBAN_START = re.compile(rf"(?<!\w)[A-Z]{{2}}\d\d(?=(?:{_GAP}|-)?[A-Z0-9])", re.IGNORECASE | re.ASCII)
_IBAN_REST = re.compile(rf"(?:(?:{_GAP}|[-‑])?[A-Z0-9]){{0,30}}", re.IGNORECASE | re.ASCII)
# The registry of ISO 13616, by length.
_IBAN_COUNTRIES = {
    15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA",
    30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
_IBAN_LENGTHS = {country: length for length, names in _IBAN_COUNTRIES.items() for country in names.split()}


class PatternTimeout(Exception):
    """An own pattern took too long; `name` says which, for the person who wrote it."""

    def __init__(self, name: str) -> None:
        """Keep the pattern's name; `str()` gives the sentence."""
        super().__init__(
            f"The pattern “{name}” for personal data takes too long. Make it simpler, then process the document"
            " anew."
        )
        self.name = name


class PatternError(ValueError):
    """A pattern that cannot be used; `str()` says why."""


class Pattern(NamedTuple):
    """An organisation's own regular expression, as the module `regex` reads it; all that it finds is hidden."""

    name: str
    pattern: str


class Masked(NamedTuple):
    """A text of the length of the original, and how many pieces of each kind it hides."""

    text: str
    counts: Counter[str]


@dataclass(frozen=True, slots=True)
class MaskingRules:
    """What is hidden. Without anything nothing is."""

    emails: bool = False
    phones: bool = False
    cards: bool = False
    ibans: bool = False
    patterns: tuple[Pattern, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to hide."""
        return self.emails or self.phones or self.cards or self.ibans or bool(self.patterns)

    @property
    def digest(self) -> str:
        """The same for the same rules and no others; empty where nothing is hidden."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest() if self else ""


@dataclass(slots=True)
class Masker:
    """Masks the pages of one document. One pattern may take `seconds` on a page, `document_seconds` on all."""

    rules: MaskingRules
    seconds: float = PATTERN_SECONDS
    document_seconds: float = DOCUMENT_SECONDS
    _patterns: list[tuple[str, "regex.Pattern[str]"]] = field(init=False)
    _spent: dict[str, float] = field(init=False, default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        """Compile the patterns; raises `PatternError`."""
        self._patterns = [(one.name, compile_pattern(one.pattern)) for one in self.rules.patterns]

    def mask(self, text: str) -> Masked:
        """The text with everything that was found replaced, but for newlines. Raises `PatternTimeout`."""
        counts: Counter[str] = Counter()
        if not self.rules or not text:
            return Masked(text, counts)
        hidden = bytearray(len(text))
        for kind, spans in self._finders(text):
            for start, end in spans:
                if not all(hidden[start:end]):
                    hidden[start:end] = b"\1" * (end - start)
                    counts[kind] += 1
        if not counts:
            return Masked(text, counts)
        signs = (
            MASK if is_hidden and sign != "\n" else sign for sign, is_hidden in zip(text, hidden, strict=True)
        )
        return Masked("".join(signs), counts)

    def hide(self, text: str) -> str:
        """The masked text; all of it is masked where a pattern takes too long."""
        try:
            return self.mask(text).text
        except PatternTimeout:
            return MASK * len(text)

    def _finders(self, text: str) -> Iterator[tuple[str, Iterable[tuple[int, int]]]]:
        """What is longest comes first: parts of an IBAN may look like a card or a telephone number."""
        rules = self.rules
        builtin: Sequence[tuple[str, bool, Callable[[str], Iterator[tuple[int, int]]]]] = (
            ("emails", rules.emails, _emails),
            ("ibans", rules.ibans, _ibans),
            ("cards", rules.cards, _cards),
            ("phones", rules.phones, _phones),
        )
        for kind, is_wanted, find in builtin:
            if is_wanted:
                yield kind, find(text)
        for name, pattern in self._patterns:
            yield name, self._own(name, pattern, text)

    def _own(self, name: str, pattern: "regex.Pattern[str]", text: str) -> list[tuple[int, int]]:
        left = min(self.seconds, self.document_seconds - self._spent[name])
        if left <= 0:
            raise PatternTimeout(name)
        started = time.monotonic()
        try:
            return [match.span() for match in pattern.finditer(text, timeout=left) if match.end() > match.start()]
        except TimeoutError as error:
            raise PatternTimeout(name) from error
        finally:
            self._spent[name] += time.monotonic() - started


def is_masked_form(masked: str, original: str) -> bool:
    """Whether the one is the other, but for what may be masked in it."""
    return len(masked) == len(original) and all(
        sign in {MASK, other} for sign, other in zip(masked, original, strict=True)
    )


def compile_pattern(pattern: str) -> "regex.Pattern[str]":
    """Raises `PatternError` for what is no pattern, and for what could take more memory than time."""
    if not 0 < len(pattern) <= MAX_PATTERN:
        raise PatternError(f"A pattern has 1 to {MAX_PATTERN} characters.")
    if _CALL.search(pattern):
        raise PatternError("A pattern may not call its own groups.")
    if _length(pattern) > _MAX_LENGTH:
        raise PatternError("This pattern repeats too much.")
    try:
        compiled = regex.compile(pattern, regex.VERSION1)
    except (regex.error, ValueError, OverflowError, RecursionError, KeyError) as error:
        raise PatternError(f"This is not a regular expression: {error}.") from error
    if compiled.groups > _MAX_GROUPS:
        raise PatternError(
            f"A pattern has at most {_MAX_GROUPS} groups; write (?:…) for those that need no number."
        )
    return compiled


def _length(pattern: str) -> int:
    """How long the pattern is with all its fixed repetitions written out, about, and no less."""
    lengths, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        if token[0] == "(":
            lengths.append(0)
            last = 0
        elif token[0] == ")" and len(lengths) > 1:
            last = max(1, lengths.pop())
            lengths[-1] += last
        elif token["count"]:
            more = last * max(0, int(token["count"]) - 1)
            lengths[-1] += more
            last += more
        else:
            last = 1
            lengths[-1] += 1
    return sum(lengths)


def _emails(text: str) -> Iterator[tuple[int, int]]:
    for match in _EMAIL.finditer(text):
        yield match.span()


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for match in _PHONE.finditer(text):
        number = match[0]
        while _count_digits(number) >= _PHONE_DIGITS.stop and (group := _LAST_GROUP.search(number)):
            number = number[: group.start()]
        if _count_digits(number) in _PHONE_DIGITS and not _DATE_OR_ZIP.fullmatch(number):
            yield match.start(), match.start() + len(number)
    for match in _CALLED.finditer(text):
        yield match.span("number")


def _count_digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for match in _CARD_GROUPS.finditer(text):
        groups = [(match.start() + one.start(), _ascii(one[0])) for one in re.finditer(r"\d+", match[0])]
        first = 0
        while first < len(groups):
            last = _card_end(groups, first)
            if last is not None:
                start, digits = groups[last]
                yield groups[first][0], start + len(digits)
                first = last
            first += 1


def _ascii(digits: str) -> str:
    """The same digits of any script."""
    return "".join(str(int(digit)) for digit in digits)


def _card_end(groups: Sequence[tuple[int, str]], first: int) -> int | None:
    """The last of the groups of digits that make a card number from the first, the longest if there are two."""
    digits, found = "", None
    for last in range(first, len(groups)):
        digits += groups[last][1]
        if len(digits) in _CARD_DIGITS and _CARD.fullmatch(digits) and _satisfies_luhn(digits):
            found = last
        if len(groups[last][1]) < _CARD_GROUP or len(digits) >= _CARD_DIGITS.stop:
            break  # only the last group is shorter
    return found


def _satisfies_luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match[0][:2].upper())
        rest = _IBAN_REST.match(text, match.end())
        if length is None or rest is None:
            continue
        places = [place for place in range(match.start(), rest.end()) if text[place].isalnum()][:length]
        is_longer = len(places) == length and text[places[-1] + 1 : places[-1] + 2].isalnum()
        if len(places) == length and not is_longer and _satisfies_iban("".join(text[place] for place in places)):
            yield places[0], places[-1] + 1


def _satisfies_iban(letters: str) -> bool:
    turned = letters[4:] + letters[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1
