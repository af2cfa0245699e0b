"""What a spreadsheet's cell shows: its value in its number format (ISO/IEC 29500-1, 18.8.30 and 18.17.4).

Dates are written as ISO 8601 whatever the format's order; percentages, separators, decimals and currency
signs as the format says. Colours, fill characters, fractions and conditions are not followed.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

_BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    14: "yyyy-mm-dd",
    15: "yyyy-mm-dd",
    16: "yyyy-mm-dd",
    17: "yyyy-mm-dd",
    18: "h:mm",
    19: "h:mm:ss",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    37: "#,##0",
    38: "#,##0",
    39: "#,##0.00",
    40: "#,##0.00",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss",
    48: "0.0E+0",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((32, 33, 34, 35, 55, 56), "h:mm:ss"),
}
_FIRST_DAY, _FIRST_DAY_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
_LAST_DAY = 2_958_466
_LEAP_DAY = 60  # 29 February 1900, which Excel believes in: days before it are one off
_QUOTED = re.compile(r'"([^"]*)"|\\(.)')
_ASIDE = re.compile(r"_.|\*.")  # room for a character; a character that fills the cell
_BRACKETS = re.compile(r"\[(?:\$([^\]-]*)[^\]]*|[^\]]*)\]")
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.I)
_DIGITS = re.compile(r"[#0?](?:[#0?,. ]*[#0?])?")
_NO_DATE = re.compile(r"general|am/pm|a/p|e[+-]", re.I)
_AS_GENERAL = re.compile(r"general|e[+-]|/", re.I)  # also powers of ten and fractions
_DECIMALS = re.compile(r"\.([0#?]+)")
_MAX_DECIMALS = 15
_PLACES = 0xF0000  # code points for private use: they keep the places of quoted text


@dataclass(frozen=True, slots=True)
class _Format:
    kind: Literal["general", "number", "percent", "date", "time", "moment", "elapsed"]
    decimals: int = 0
    optional: int = 0  # decimals at the end that a zero does not fill
    has_thousands: bool = False
    divisor: int = 1
    width: int = 0  # digits before the point at least
    before: str = ""
    after: str = ""


_GENERAL = _Format("general")


def built_in(identifier: int) -> str:
    """The format code that a number below 164 stands for; "" is general."""
    return _BUILT_IN.get(identifier, "")


def shown(value: float, code: str, *, is_1904: bool = False) -> str:
    """A number in a format."""
    form = _parsed(code)
    if form.kind in {"date", "time", "moment"}:
        return _as_date(value, form, is_1904=is_1904)
    if form.kind == "elapsed":
        seconds = round(value * 86_400)
        sign, seconds = "-" if seconds < 0 else "", abs(seconds)
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if form.kind == "general":
        return _general(value)
    scaled = value * 100 if form.kind == "percent" else value / form.divisor
    digits = f"{abs(scaled):{',' if form.has_thousands else ''}.{form.decimals}f}"
    for _ in range(form.optional):
        digits = digits[:-1] if digits.endswith("0") else digits
    whole, *rest = digits.split(".")
    digits = ".".join([whole.zfill(form.width), *rest])
    sign = "-" if scaled < 0 and digits.strip("0.,") else ""
    return f"{sign}{form.before}{digits.rstrip('.')}{form.after}".strip()


def _general(value: float) -> str:
    """Fifteen digits, as many as Excel has; 0.1 + 0.2 is 0.3."""
    if value == int(value) and abs(value) < 10**_MAX_DECIMALS:
        return str(int(value))
    return f"{value:.15g}"


def _as_date(value: float, form: _Format, *, is_1904: bool) -> str:
    if not 0 <= value < _LAST_DAY:
        return _general(value)
    if form.kind == "time" and value < 1:
        moment = _FIRST_DAY + timedelta(seconds=round(value * 86_400))
        return _clock(moment)
    first = _FIRST_DAY_1904 if is_1904 else _FIRST_DAY + timedelta(days=value < _LEAP_DAY)
    moment = first + timedelta(days=int(value), seconds=round(value % 1 * 86_400))
    day = moment.date().isoformat()
    return day if form.kind == "date" and not value % 1 else f"{day} {_clock(moment)}"


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S" if moment.second else "%H:%M")


@lru_cache(maxsize=4096)
def _parsed(code: str) -> _Format:
    """A format code's first section, which is that of positive numbers or of all."""
    literals: list[str] = []

    def _keep(match: re.Match[str]) -> str:
        literals.append(match[1] or match[2] or "")
        return chr(_PLACES + len(literals) - 1)

    bare = _ASIDE.sub("", _QUOTED.sub(_keep, code)).split(";")[0]
    if _ELAPSED.search(bare):
        return _Format("elapsed")
    bare = _BRACKETS.sub(lambda match: match[1] or "", bare)
    letters = _NO_DATE.sub("", bare).lower()
    digits = _DIGITS.search(bare)
    if re.search("[ymdhs]", letters):
        return _date_format(letters)
    if digits is None or _AS_GENERAL.search(bare):
        return _GENERAL
    decimals = _DECIMALS.search(digits[0])
    places = decimals[1] if decimals else ""
    after = bare[digits.end() :]
    thousandths = len(after) - len(after.lstrip(","))
    return _Format(
        "percent" if "%" in bare else "number",
        decimals=min(len(places), _MAX_DECIMALS),
        optional=len(places) - len(places.rstrip("#?")),
        has_thousands="," in digits[0],
        divisor=1000**thousandths,
        width=digits[0].split(".")[0].count("0"),
        before=_literal(bare[: digits.start()], literals),
        after=_literal(after[thousandths:], literals),
    )


def _date_format(letters: str) -> _Format:
    has_clock = bool(re.search("[hs]", letters))
    has_day = bool(re.search(r"[yd]|mmm", letters)) or not has_clock
    return _Format("moment" if has_day and has_clock else "date" if has_day else "time")


def _literal(text: str, literals: list[str]) -> str:
    """What stands before or after the digits, its quoted pieces put back."""
    return "".join(literals[ord(c) - _PLACES] if ord(c) >= _PLACES else c for c in text)
