"""Pages without images as HTML: the shape of the text is seen, the passage is marked to the character."""

from __future__ import annotations

import re
from html import unescape
from itertools import combinations

import pytest

from documents.extraction.types import CSV, MARKDOWN, PDF, PLAIN_TEXT
from documents.markup import is_marked_up, page_html

TEXT = """# Fares <b>

Night trains
cost more.

- sleeper
- couchette
  1. upper
  2. lower

  and its pillow
- seat

| From | To |
| --- | --- |
| Łódź \\| Widzew | Wien |
|  | 🚆 |

```
ticket = 1
```

> as it was said
> long ago

---

#### Refunds
"""
HTML = (
    '<h2 dir="auto">Fares &lt;b&gt;</h2><p dir="auto">Night trains\ncost more.</p>'
    '<ul><li dir="auto">sleeper</li><li dir="auto">couchette<ol><li dir="auto" value="1">upper</li>'
    '<li dir="auto" value="2">lower\nand its pillow</li></ol></li><li dir="auto">seat</li></ul>'
    '<div class="page-table" role="group" tabindex="0"><table><thead><tr><th dir="auto" scope="col">From</th>'
    '<th dir="auto" scope="col">To</th></tr></thead><tbody><tr><td dir="auto">Łódź | Widzew</td>'
    '<td dir="auto">Wien</td></tr><tr><td dir="auto"></td><td dir="auto">🚆</td></tr></tbody></table></div>'
    '<pre dir="ltr">ticket = 1</pre><blockquote dir="auto">as it was said\nlong ago</blockquote><hr>'
    '<h3 dir="auto">Refunds</h3>'
)


def marked(html: str) -> str:
    """What is marked, in one piece."""
    return unescape("".join(re.findall(r"<mark[^>]*>(.*?)</mark>", html, re.DOTALL)))


def test_the_shape_of_the_text_is_shown() -> None:
    assert page_html(TEXT, MARKDOWN) == HTML


def test_any_passage_is_marked_and_nothing_else_changes() -> None:
    for start, end in combinations(range(0, len(TEXT) + 1, 7), 2):
        html = page_html(TEXT, MARKDOWN, start, end)
        assert re.sub(r"</?mark[^>]*>", "", html) == HTML
        assert html.count('id="passage"') == (1 if marked(html) else 0)


@pytest.mark.parametrize(
    ("passage", "shown"),
    [
        ("<b>", "<b>"),
        ("trains\ncost", "trains\ncost"),
        ("# Fares <b>\n\nNight", "Fares <b>Night"),
        ("couchette\n  1. upper", "couchetteupper"),
        ("Łódź \\| Widzew | Wien", "Łódź | WidzewWien"),
        ("🚆", "🚆"),
        ("ket = 1\n```", "ket = 1"),
        ("was said\n> long", "was saidlong"),
        ("## Refunds", "Refunds"),
    ],
)
def test_a_passage_is_marked_to_the_character(passage: str, shown: str) -> None:
    start = TEXT.index(passage)
    assert marked(page_html(TEXT, MARKDOWN, start, start + len(passage))) == shown


def test_rows_without_a_rule_have_no_head() -> None:
    html = page_html("| 1 | 2 |\n| 3 | 4 |", CSV)
    assert "<th" not in html
    assert html.count("<tr>") == 2


@pytest.mark.parametrize(
    "text", ["", "|", "||", "-", "```", "> ", "#", "  - deep\n- shallow", "1) on\n- two 1", "\\|"]
)
def test_whatever_stands_there_is_shown(text: str) -> None:
    html = page_html(text, MARKDOWN, 0, len(text))
    assert "<script" not in html
    assert set(re.findall(r"\w+", text)) <= set(re.findall(r"\w+", re.sub(r"<[^>]*>", " ", html)))


def test_attacks_are_words() -> None:
    attack = '<script>alert(1)</script> <img src=x onerror="alert(2)"> [x](javascript:alert(3))'
    for text in (attack, f"# {attack}", f"- {attack}", f"| {attack} |", f"> {attack}", f"```\n{attack}\n```"):
        html = page_html(text, MARKDOWN)
        assert re.findall(r"<(script|img|a)\b", html) == []
        assert unescape(re.sub(r"<[^>]*>", "", html)).strip() == attack


def test_what_has_no_shape_is_shown_as_it_stands() -> None:
    assert [is_marked_up(one) for one in (PDF, PLAIN_TEXT, MARKDOWN, CSV)] == [False, False, True, True]
