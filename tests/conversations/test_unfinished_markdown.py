"""Answers while they grow: what was shown stays, whatever Markdown is half written (behaviour 13)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from conversations.citing.markers import MarkerFilter
from conversations.rendering import BlockStream, render_blocks

CHIPS: dict[int, str | None] = {1: "/one", 2: "/two"}
ANSWER = r"""# A title

Twenty-eight **days of holiday** a year [1], as the [handbook](https://docs.example.org/a_(b)) says, *in short*:
- first `code [x](y` item
- second **bold `c` item** of 2*3 things
  1. nested ~~gone~~
  2. see <https://example.org/x>, not ![a picture](https://example.org/p.png "of it")

| Year | Days |
| --- | --: |
| 2020 | 28 |
| 2021 | **29** [2] |

```python
def f(a: list[int]) -> int:
    return a[i]  # *not* bold, `not` code
```

> quoted *words* here, [and a label] that leads nowhere

Items:
- a \* b, ``code with a ` in it``
- snake_case and d_e_f

---

    indented *code*

That was all [1, 2].
"""


def visible(blocks: list[str]) -> str:
    """The words and signs that are seen, without the space between them."""
    return re.sub(r"\s", "", unescape(re.sub(r"<[^>]+>", "", "".join(blocks))))


def grown(text: str, size: int) -> Iterator[str]:
    """What is seen of an answer each time that so many more characters have come."""
    stream, markers, held, shown = BlockStream(), MarkerFilter(CHIPS), "", dict[int, str]()
    for start in range(0, len(text), size):
        held += markers.feed(text[start : start + size])
        shown |= dict(stream.update(held, CHIPS))
        yield visible([shown[place] for place in sorted(shown)])
    shown |= dict(stream.update(held + markers.flush(), CHIPS, is_over=True))
    assert [shown[place] for place in sorted(shown)] == render_blocks(text, CHIPS)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40])
def test_13_nothing_that_was_shown_is_taken_back(size: int) -> None:
    whole = visible(render_blocks(ANSWER, CHIPS))
    for seen in grown(ANSWER, size):
        assert whole.startswith(seen), seen[-60:]


def test_13_words_are_not_held_back_for_long() -> None:
    """But for a link's address, which nobody sees until it is whole."""
    without_links = re.sub(r"!?\[[^\]\d]*\]\([^\n]*?\)+|<http[^>]*>", "it", ANSWER)
    whole = render_blocks(without_links, CHIPS)
    for number, seen in enumerate(grown(without_links, 1), start=1):
        so_far = visible(render_blocks(without_links[:number], CHIPS))
        assert len(so_far) - len(seen) < 24, without_links[:number][-60:]
    assert seen == visible(whole)
