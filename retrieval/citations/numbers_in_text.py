"""The numbers of a text, however they are written, and whether two of them say the same.

"4,210 million" is "4.21 billion" and, in a table whose head says so, "4,210"; it is not "4,310".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

_SCALES = {
    **dict.fromkeys(("thousand", "thousands", "tausend", "tsd", "mille", "mil"), 3),
    **dict.fromkeys(("million", "millions", "mn", "mio", "millionen", "millones", "milioni"), 6),
    **dict.fromkeys(("billion", "billions", "bn", "mrd", "milliarde", "milliarden", "milliard", "milliards"), 9),
    **dict.fromkeys(("trillion", "trillions", "tn", "billionen"), 12),
}  # fmt: skip
_LETTERS = {"k": 3, "m": 6, "b": 9}  # "5m" is five million, "5 m" five metres
_UNITS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
          " seventeen eighteen nineteen").split()  # fmt: skip
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SPELT = dict(zip(_UNITS, range(20), strict=True)) | {word: 10 * place for place, word in enumerate(_TENS, 2)}

_NUMBER = re.compile(
    rf"""
    (?<![a-z\d]) (?P<label>[a-z]+-?(?=\d))? (?<!\d[.,])
    (?:
        (?P<digits>\d+(?:[.,]\d+|'\d{{3}})*)
        (?P<letter>-[a-z](?!\w))?
      | (?P<tens>{"|".join(_TENS)})\s?(?P<ones>{"|".join(_UNITS[1:10])})?(?!\w)
      | (?P<word>{"|".join(_UNITS)})(?!\w)
    )
    (?:\s?(?P<scale>{"|".join(sorted(_SCALES, key=len, reverse=True))})(?!\w)|(?P<size>[kmb])(?!\w))?
    """,
    re.VERBOSE,
)
_PERIOD = re.compile(r"(?:fy|cy|fiscal)-?")
_GROUPED = re.compile(r"\d{1,3}(?P<sign>[.,'])\d{3}(?:(?P=sign)\d{3})*(?:[.,]\d+)?")
_HEDGE = re.compile(
    r"(?:about|around|approximately|roughly|nearly|almost|some|over|under|than|circa|ca\.?|rund|etwa|~|≈)\s*[$€£]?\s*$"
)
_IN_SCALE = re.compile(
    r"\(?\b(?:in|usd|us\$|\$|€|£)\s*(?:u\.?s\.?\s*dollars\s*)?(?:in\s+)?(?P<scale>thousands|millions|billions)\b"
)
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_CENTURY, _THIS_MILLENNIUM = 100, 2000
_LEAST_WORD = 2
_SMALL = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """`readings` are the values it may have: "1.234" is one of two. `scale` is a power of ten, None if unsaid."""

    readings: frozenset[Fraction]
    decimals: int
    scale: int | None
    is_year: bool
    is_rough: bool
    is_spelt: bool

    def says(self, source: "Figure", table_scale: int | None) -> bool:
        """Whether a source that has the one may be quoted for this one."""
        theirs = source.scale if source.scale is not None else table_scale if self.scale is not None else None
        for own in self.readings:
            for other in source.readings:
                if own == other and (self.scale == source.scale or None in {self.scale, theirs}):
                    return True
                if self.scale is not None and self._is_scaled(own, other, theirs):
                    return True
                if self.is_rough and self.scale == source.scale and self._rounds(own, other):
                    return True
        return False

    def _is_scaled(self, own: Fraction, other: Fraction, theirs: int | None) -> bool:
        assert self.scale is not None
        # Without any word about it a column may be in units, thousands, millions or billions.
        steps = [theirs] if theirs is not None else [step for step in (0, 3, 6, 9) if step < self.scale]
        return any(self._rounds(own, other * Fraction(10) ** (step - self.scale)) for step in steps)

    def _rounds(self, own: Fraction, other: Fraction) -> bool:
        if own == other:
            return True
        is_telling = self.decimals > 0 or own >= 10  # noqa: PLR2004 - one digit alone rounds too much
        return is_telling and abs(own - other) * 2 <= Fraction(1, 10**self.decimals)


def figures_in(text: str) -> list[Figure]:
    """The numbers of a folded text. Those that are part of a name, like "10-K" and "COVID-19", are none."""
    return list(_figures(text))


def scale_of_table(text: str) -> int | None:
    """The power of ten that a folded text says its figures are in: "(in millions)"."""
    found = _IN_SCALE.search(text)
    return _SCALES[found["scale"]] if found else None


def is_telling(figure: Figure) -> bool:
    """Whether a number says by itself what is spoken of: no year, and not a small one."""
    return not figure.is_year and (figure.decimals > 0 or max(figure.readings) >= _SMALL)


def missing(
    wanted: Iterable[Figure], present: Sequence[Figure], years: Sequence[Figure], scale: int | None
) -> bool:
    """Whether any of `wanted` is not among `present`. A year may also be one of `years`."""
    return any(
        not any(one.says(other, scale) for other in (*present, *(years if one.is_year else ())))
        for one in wanted
        if not (one.is_spelt and max(one.readings) < _LEAST_WORD)
    )


def _figures(text: str) -> Iterator[Figure]:
    for match in _NUMBER.finditer(text):
        scale = _SCALES.get(match["scale"] or "", _LETTERS.get(match["size"] or ""))
        is_rough = _HEDGE.search(text, max(0, match.start() - 20), match.start()) is not None
        if match["digits"] is None:
            value = (
                _SPELT[match["word"]] if match["word"] else _SPELT[match["tens"]] + _SPELT.get(match["ones"], 0)
            )
            yield Figure(frozenset({Fraction(value)}), 0, scale, False, is_rough, True)  # noqa: FBT003
            continue
        is_period = match["label"] is not None and _PERIOD.fullmatch(match["label"]) is not None
        if match["letter"] or (match["label"] and not is_period):
            continue
        for readings, decimals in _readings(match["digits"]):
            year = min(readings)
            if is_period and year < _CENTURY:  # FY19
                year += _THIS_MILLENNIUM
            is_year = scale is None and match["digits"].isdigit() and _FIRST_YEAR <= year < _LAST_YEAR
            values = frozenset({year}) if is_year else readings
            yield Figure(values, decimals, scale, is_year, is_rough, False)  # noqa: FBT003


def _readings(digits: str) -> Iterator[tuple[frozenset[Fraction], int]]:
    """The values that a number may have, with its decimals; one for each part of what is a date or the like."""
    plain = re.sub(r"[.,']", "", digits)
    signs = re.findall(r"[.,']", digits)
    grouped = _GROUPED.fullmatch(digits)
    if not signs:
        yield frozenset({Fraction(digits)}), 0
    elif grouped and signs[-1] != grouped["sign"]:  # groups, then decimals
        decimals = len(digits) - 1 - digits.rfind(signs[-1])
        yield frozenset({Fraction(int(plain), 10**decimals)}), decimals
    elif grouped and len(signs) > 1:
        yield frozenset({Fraction(plain)}), 0
    elif len(signs) == 1:
        decimals = len(digits) - 1 - digits.find(signs[0])
        decimal = Fraction(int(plain), 10**decimals)
        if not grouped:
            yield frozenset({decimal}), decimals
        elif signs == ["."]:  # a thousand and more to some, one and a little to others
            yield frozenset({decimal, Fraction(plain)}), decimals
        else:
            yield frozenset({Fraction(plain)}), 0
    else:
        for part in re.split(r"[.,']", digits):
            yield frozenset({Fraction(part)}), 0
