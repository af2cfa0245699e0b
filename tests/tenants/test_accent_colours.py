"""Colours that can be read: WCAG's contrast, and what is made of a colour that has too little."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from tenants.presentation.accent_colours import (
    DARK,
    DOCENTS,
    LEAST,
    LIGHT,
    Ground,
    Shade,
    contrast,
    is_colour,
    palette_of,
    stylesheet_of,
)

COLOURS = ("#ffffff", "#000000", "#ffd400", "#ff0000", "#7f7f7f", "#0000ff", "#39ff14", DOCENTS)


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == contrast("#ffffff", "#777777") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1


@pytest.mark.parametrize("colour", COLOURS)
def test_whatever_is_chosen_can_be_read_in_both_themes(colour: str) -> None:
    palette = palette_of(colour)
    for shade, ground in ((palette.light, LIGHT), (palette.dark, DARK)):
        for under in (ground.paper, ground.surface, ground.sunken, shade.wash):
            assert contrast(shade.accent, under) >= LEAST
            assert contrast(shade.strong, under) >= LEAST
        assert contrast(shade.on_accent, shade.accent) >= LEAST
        assert shade.contrast >= LEAST


def test_a_colour_is_adjusted_only_where_it_cannot_be_read() -> None:
    teal, yellow = palette_of(DOCENTS), palette_of("#ffd400")
    assert (teal.light.accent, teal.light.is_adjusted, teal.dark.is_adjusted) == (DOCENTS, False, True)
    assert (yellow.dark.accent, yellow.dark.is_adjusted, yellow.light.is_adjusted) == ("#ffd400", False, True)
    assert _least(yellow.light, LIGHT) < LEAST + 0.3, "by no more than it takes"


def test_the_grounds_are_those_of_the_pages() -> None:
    tokens = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
    found = dict(re.findall(r"--(\w+): light-dark\((#\w+, #\w+)\)", tokens))
    for name in ("paper", "surface", "sunken"):
        assert found[name] == f"{getattr(LIGHT, name)}, {getattr(DARK, name)}"
    assert found["accent"].startswith(DOCENTS)


def test_the_stylesheet_names_every_token_of_the_accent() -> None:
    tokens = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
    made = stylesheet_of(palette_of("#aa3311"))
    ours = set(re.findall(r"--[\w-]*accent[\w-]*(?=: light-dark)", tokens))
    assert set(re.findall(r"--[\w-]+(?=: light-dark)", made)) == ours


@pytest.mark.parametrize("text", ["", "#fff", "0b6160", "#0B6160", "#0b616", "#0b6160;", "red", "#0b6160\n"])
def test_other_words_are_no_colours(text: str) -> None:
    assert not is_colour(text)


def _least(shade: Shade, ground: Ground) -> float:
    return min(contrast(shade.accent, one) for one in (ground.paper, ground.surface, ground.sunken, shade.wash))
