"""Answers as HTML: nothing that a model writes becomes more than text, lists, tables and chips."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conversations.rendering import BlockStream, portal_chips, render_blocks

CHIPS = {1: "/o/acme/d/x/v/1/p/2?start=0&end=9", 2: None}

_TABLE = (
    '<table>\n<thead>\n<tr>\n<th data-align="center">a</th>\n</tr>\n</thead>\n'
    '<tbody>\n<tr>\n<td data-align="center">1</td>\n</tr>\n</tbody>\n</table>\n'
)

_MARKDOWN = st.lists(
    st.sampled_from(
        [
            "word ", "**bold** ", "`code` ", "[1]", "[1, 2]", "[9]", "\n", "\n\n", "- ", "1. ", "# ", "> ", "    ",
            "```\n", "~~~", "| a | b |\n", "|---|:-:|\n", "---\n", "===\n", "<b>", "&amp;", "\\", "[x](y)",
            "![x](y)", "é\u0301", "🏖️", "\t", "\r\n", "\u2028", "\x0b", "\x0c", "\x1c", "\x85", "* ", "+ ", "2) ",
            "[x]: http://y\n",
        ]
    ),
    max_size=25,
).map("".join)  # fmt: skip


def html(text: str) -> str:
    return "".join(render_blocks(text, CHIPS))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Days [1].",
         '<p>Days <a class="chip" data-marker="1" href="/o/acme/d/x/v/1/p/2?start=0&amp;end=9">1</a>.</p>\n'),
        ("Gone [2].", '<p>Gone <a class="chip" data-marker="2">2</a>.</p>\n'),
        ("Invented [3].", "<p>Invented [3].</p>\n"),
        ("Half invented [1, 3].", "<p>Half invented [1, 3].</p>\n"),
        ("In code `a[1]`.", "<p>In code <code>a[1]</code>.</p>\n"),
        ("**Bold** and\nnext", "<p><strong>Bold</strong> and<br>\nnext</p>\n"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("[here](https://evil.example/?q=1)",
         '<p><span class="inert-link">here (https://evil.example/?q=1)</span></p>\n'),
        ("<https://evil.example/>", '<p><span class="inert-link">https://evil.example/</span></p>\n'),
        ("![secret](https://evil.example/x.png)", "<p>secret</p>\n"),
        ("[x]: https://evil.example/\n\n[x]", "<p>[x]: https://evil.example/</p>\n<p>[x]</p>\n"),
        ("|a|\n|:-:|\n|1|", _TABLE),
    ],
)  # fmt: skip
def test_markdown_becomes_plain_safe_html(text: str, shown: str) -> None:
    assert html(text) == shown


@pytest.mark.parametrize(
    "attack",
    [
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        '<a href="javascript:alert(1)" class="chip">1</a>',
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](  java\tscript:alert(1))",
        '![x"onerror="alert(1)](y)',
        '[x](y "t\\" onmouseover=alert(1) z=\\"")',
        "<javascript:alert(1)>",
        "```html\n<script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\nx\n```',
        "<!--><script>alert(1)</script>-->",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<iframe src=//evil.example>",
        "<style>@import '//evil.example'</style>",
        "<span class=inert-link style=position:fixed>",
        "# <b onclick=alert(1)>x</b>",
        "|<script>|\n|-|\n|<img src=//evil.example>|",
        "\\<script>alert(1)\\</script>",
    ],
)
def test_attacks_stay_text(attack: str) -> None:
    shown = html(attack)
    tags = re.findall(r"<(/?)(\w+)([^>]*)>", shown)
    allowed = {"p", "h1", "code", "pre", "span", "table", "thead", "tbody", "tr", "th", "td", "br"}
    assert {name for _, name, _ in tags} <= allowed
    attributes = {attribute.strip() for _, _, attribute in tags if attribute.strip()}
    assert all(re.fullmatch(r'class="(inert-link|language-[^"<>]*)"', one) for one in attributes), attributes


def test_chips_need_a_source_and_lead_only_inside() -> None:
    assert 'href="javascript' not in "".join(render_blocks("[1]", {1: "javascript:alert(1)"}))
    assert html("\\[1\\] and [ 1 ]").count("chip") == 1


@given(text=_MARKDOWN, cuts=st.lists(st.integers(min_value=0, max_value=200), max_size=6))
@example(text="a\n\n- b\n\n- c\n\nd", cuts=[3, 5, 8])
@example(text="a\x0b\n\nb\u2028c\n\nd", cuts=[2, 4, 6])
@example(text="word\n===\n\nnext", cuts=[4, 5])
def test_a_growing_answer_ends_as_the_whole_one(text: str, cuts: list[int]) -> None:
    stream, shown = BlockStream(), dict[int, str]()
    for end in sorted({cut for cut in cuts if 0 < cut < len(text)} | {len(text)}):
        shown.update(stream.update(text[:end], CHIPS, is_over=end == len(text)))
    whole = dict(enumerate(render_blocks(text, CHIPS)))
    assert {index: shown.get(index) for index in whole} == whole


def test_finished_blocks_are_not_sent_again() -> None:
    stream = BlockStream()
    assert [index for index, _ in stream.update("One.\n\nTwo", CHIPS)] == [0, 1]
    assert stream.update("One.\n\nTwo and", CHIPS) == [(1, "<p>Two and</p>\n")]
    assert [index for index, _ in stream.update("One.\n\nTwo and\n\n- three", CHIPS)] == [1, 2]


def test_a_table_is_not_shown_before_it_is_one() -> None:
    stream = BlockStream()
    assert stream.update("Days:\n\n| a | b |\n| -", CHIPS) == [(0, "<p>Days:</p>\n")]
    assert stream.update("Days:\n\n| a | b |\n| - | - |\n", CHIPS)[-1][1].startswith("<table>")


def test_a_line_that_never_becomes_a_table_is_shown_in_the_end() -> None:
    stream = BlockStream()
    assert stream.update("| a", CHIPS) == []
    assert stream.update("| a", CHIPS, is_over=True) == [(0, "<p>| a</p>\n")]


def test_chips_lead_to_this_very_portal(settings: object) -> None:
    settings.DOCENT_PUBLIC_URL = "https://docs.example.org"  # type: ignore[attr-defined]
    places: list[dict[str, Any]] = [
        {"marker": 1, "url": "https://docs.example.org/o/acme/d/x/v/1/p/2"},
        {"marker": 2, "url": None},
    ]
    assert portal_chips(places) == {1: "/o/acme/d/x/v/1/p/2", 2: None}
