"""An organisation's colour, made readable: WCAG contrast on the grounds of both themes.

The grounds are those of static/css/tokens.css; a test holds both to the same values.
"""

import re
from dataclasses import dataclass

_HEX = re.compile(r"#[0-9a-f]{6}")
DOCENTS = "#0b6160"
"""The accent of tokens.css in the light theme."""

LEAST = 4.5
"""The contrast that text needs by WCAG 2.2 AA."""

_STRONG = 7.0
_STEPS = 100
_WASH = 0.1


@dataclass(frozen=True, slots=True)
class Ground:
    """What the colour is read on in one theme, where it moves when it cannot be, and what is read on it."""

    paper: str
    surface: str
    sunken: str
    towards: str
    on_accent: str


LIGHT = Ground("#faf9f6", "#ffffff", "#f2f0ea", towards="#000000", on_accent="#ffffff")
DARK = Ground("#1a1917", "#23211e", "#141312", towards="#ffffff", on_accent="#000000")


@dataclass(frozen=True, slots=True)
class Shade:
    """The accent as one theme shows it. `chosen_contrast` is that of the colour as it was chosen."""

    accent: str
    strong: str
    wash: str
    on_accent: str
    contrast: float
    chosen_contrast: float

    @property
    def is_adjusted(self) -> bool:
        return self.chosen_contrast < LEAST


@dataclass(frozen=True, slots=True)
class Palette:
    light: Shade
    dark: Shade


def is_colour(text: str) -> bool:
    """Whether it reads like `#0b6160`, in small letters."""
    return _HEX.fullmatch(text) is not None


def palette_of(colour: str) -> Palette:
    """The chosen colour for both themes, each darkened or lightened by as little as makes it readable there."""
    return Palette(_shade(colour, LIGHT), _shade(colour, DARK))


def stylesheet_of(palette: Palette) -> str:
    """The tokens that take the place of Docent's own."""
    light, dark = palette.light, palette.dark
    tokens = {
        "accent": (light.accent, dark.accent),
        "accent-strong": (light.strong, dark.strong),
        "accent-wash": (light.wash, dark.wash),
        "on-accent": (light.on_accent, dark.on_accent),
    }
    lines = "".join(f"  --{name}: light-dark({one}, {other});\n" for name, (one, other) in tokens.items())
    more = "@media (prefers-contrast: more) {\n  :root {\n    --accent: var(--accent-strong);\n  }\n}\n"
    return f":root {{\n{lines}}}\n\n{more}"


def contrast(one: str, other: str) -> float:
    """From 1 to 21, as WCAG defines it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _shade(colour: str, ground: Ground) -> Shade:
    accent = _readable(colour, ground, LEAST)
    return Shade(
        accent=accent,
        strong=_readable(accent, ground, _STRONG),
        wash=_wash(accent, ground),
        on_accent=ground.on_accent,
        contrast=_least_contrast(accent, ground),
        chosen_contrast=_least_contrast(colour, ground),
    )


def _readable(colour: str, ground: Ground, least: float) -> str:
    tried = (_mixed(colour, ground.towards, step / _STEPS) for step in range(_STEPS + 1))
    return next(one for one in tried if _least_contrast(one, ground) >= least)


def _least_contrast(colour: str, ground: Ground) -> float:
    """On the page, on cards, on what is sunken, and on the colour's own wash."""
    under = (ground.paper, ground.surface, ground.sunken, _wash(colour, ground))
    return min(contrast(colour, one) for one in under)


def _wash(colour: str, ground: Ground) -> str:
    return _mixed(ground.surface, colour, _WASH)


def _mixed(colour: str, other: str, share: float) -> str:
    """The colour with so much of the other in it."""
    parts = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in parts)


def _parts(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def _luminance(colour: str) -> float:
    linear = [_linear(part / 255) for part in _parts(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - sRGB
