"""What is quoted when no model is there, and that it shows as it stands in the source."""

import html
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from providers.chat import ChatDelta, ChatRequest, Passage
from providers.chat.extractive import LEAD_IN, NOTHING_TO_QUOTE, ExtractiveChat, as_markdown
from providers.chat.quotations import select_quotations

LEAVE = Passage(
    marker=1,
    title="Handbook",
    page=4,
    text="Our offices are open from eight to six. Every employee has thirty days of paid leave a year.\n"
    "Leave that is not used by the end of March expires. Lunch is free on Fridays.",
)
RESULTS = Passage(
    marker=2,
    title="Annual report 2023",
    page=31,
    text="Consolidated results\n(in thousands)\nYears ended December 31, 2023 2022\nSales:\n"
    "Sales of pumps $ 1,204 $ 998\nSales of services 610 544\nTotal sales $ 1,814 $ 1,542\n"
    "The board approved these figures.",
)
VOTES = Passage(
    marker=3,
    title="Meeting",
    page=2,
    text="The proposal to move the seat to Bremen was defeated:\nFor 120\nAgainst 880\nAbstain 15\n"
    "The chair thanked all shareholders.",
)
ALL = (LEAVE, RESULTS, VOTES)


def quoted(question: str, *passages: Passage) -> list[tuple[int, str]]:
    return [(quotation.marker, quotation.text) for quotation in select_quotations(question, passages)]


async def answer(question: str, *passages: Passage) -> list[ChatDelta]:
    request = ChatRequest(messages=(), question=question, model="extractive", passages=passages)
    return [delta async for delta in ExtractiveChat().stream(request)]


async def test_the_answer_says_what_it_is_and_cites_each_quotation() -> None:
    deltas = await answer("How many days of paid leave do I have?", *ALL)
    assert "".join(delta.text for delta in deltas) == (
        f"{LEAD_IN}\n\n- Every employee has thirty days of paid leave a year. [1]"
    )
    assert deltas[-1] == ChatDelta(finish_reason="stop")
    assert len(deltas) > 5
    assert all(delta.finish_reason is None for delta in deltas[:-1])


async def test_without_passages_it_says_that_there_is_nothing_to_quote() -> None:
    deltas = await answer("How many days?")
    assert "".join(delta.text for delta in deltas) == NOTHING_TO_QUOTE


def test_a_question_with_two_sides_gets_a_sentence_for_each() -> None:
    assert quoted("How many days of paid leave are there, and when does unused leave expire?", *ALL) == [
        (1, "Every employee has thirty days of paid leave a year."),
        (1, "Leave that is not used by the end of March expires."),
    ]


def test_a_row_of_a_table_comes_with_the_line_that_names_its_columns() -> None:
    assert quoted("What were total sales in FY2023?", *ALL) == [
        (2, "Years ended December 31, 2023 2022"),
        (2, "Total sales $ 1,814 $ 1,542"),
    ]


def test_a_head_that_touches_its_row_is_quoted_in_one_piece() -> None:
    table = Passage(marker=1, title="T", page=1, text="Years 2023 and 2022\nTotal sales 5 7\nTotal costs 3 4")
    assert quoted("total sales", table) == [(1, "Years 2023 and 2022\nTotal sales 5 7")]


def test_a_sentence_that_announces_rows_brings_them_along() -> None:
    assert quoted("Was the proposal about Bremen defeated?", *ALL) == [
        (3, "The proposal to move the seat to Bremen was defeated:\nFor 120\nAgainst 880\nAbstain 15")
    ]


BERTHS = Passage(
    marker=4,
    title="Berths",
    page=1,
    text="| Port | Depth \\| m | Berths |\n| --- | --- | --- |\n| Narvik | 13 | 4 |\n| Bergen | 11 |  |\n",
)


@pytest.mark.parametrize(
    ("port", "row"),
    [("Narvik", "Port: Narvik · Depth | m: 13 · Berths: 4"), ("Bergen", "Port: Bergen · Depth | m: 11")],
)
async def test_a_row_of_a_markdown_table_reads_as_its_cells(port: str, row: str) -> None:
    text = "".join(delta.text for delta in await answer(f"How deep is {port}?", BERTHS))
    assert text.splitlines()[2:] == [f"- {as_markdown(row)} [4]"]


async def test_without_its_head_a_row_of_a_markdown_table_has_bare_cells() -> None:
    half = Passage(marker=1, title="Berths", page=1, text="| Narvik | 13 | 4 |\n| Bergen | 11 | 2 |")
    text = "".join(delta.text for delta in await answer("How deep is Bergen?", half))
    assert text.splitlines()[2:] == ["- Bergen · 11 · 2 [1]"]


def test_what_another_passage_says_too_is_quoted_from_there() -> None:
    first = Passage(marker=1, title="T", page=1, text="The ferry is old. The bar is open.")
    second = Passage(marker=2, title="T", page=2, text="Our bar is open.")
    both = quoted("Is the ferry old, and is the bar open?", first, second)
    assert both == [(1, "The ferry is old."), (2, "Our bar is open.")]


def test_the_same_sentence_is_quoted_once_and_from_the_better_passage() -> None:
    twin = Passage(marker=7, title="Copy", page=9, text=LEAVE.text)
    assert quoted("How many days of paid leave do I have?", LEAVE, twin) == [
        (1, "Every employee has thirty days of paid leave a year.")
    ]


def test_endings_of_words_do_not_matter() -> None:
    passage = Passage(marker=1, title="T", page=1, text="It rained. Companies were taxed twice. Sun came.")
    assert quoted("Does the company pay a tax?", passage) == [(1, "Companies were taxed twice.")]


def test_the_title_decides_between_equal_sentences() -> None:
    acme, globex = (
        Passage(marker=marker, title=title, page=1, text="Revenue rose to 7 million. Nothing else happened.")
        for marker, title in ((1, "ACME_2023.pdf"), (2, "GLOBEX_2023.pdf"))
    )
    assert quoted("What was the revenue of Globex?", acme, globex) == [(2, "Revenue rose to 7 million.")]


def test_a_question_that_meets_nothing_gets_the_best_passages_first_sentence() -> None:
    assert quoted("Xylophone?", *ALL) == [(1, "Our offices are open from eight to six.")]


@given(
    st.text(max_size=80),
    st.lists(st.text(alphabet=st.sampled_from("ab c.:\n123 leave [](),$%—é"), max_size=300), max_size=4),
)
def test_every_quotation_stands_in_its_passage(question: str, texts: list[str]) -> None:
    passages = [Passage(marker=n, title="t", page=1, text=text) for n, text in enumerate(texts, 1)]
    quotations = select_quotations(question, passages)
    assert all(quotation.text in texts[quotation.marker - 1] for quotation in quotations)
    assert len(quotations) <= 8  # four sentences, each with a table's head at most


SIGNS = [
    "a * b ** c _d_ `e` ~~f~~ | g | <b>h</b> [i](http://j) &amp; R&D \\* k",
    "# heading", "+ plus", "- minus", "> quote", "1. one", "12) twelve", "2023. A year", "---", "* star",
]  # fmt: skip


@pytest.mark.parametrize("sign", SIGNS)
def test_signs_of_markdown_show_as_they_are(sign: str) -> None:
    assert _shown(sign) == sign


@given(st.text(alphabet=st.sampled_from("ab1 *_`~#|<>[]()&;+-.!\\\n\t:/=\"'"), max_size=60))
def test_any_text_shows_as_it_is(text: str) -> None:
    assert _shown(text) == " ".join(text.split())


def _shown(text: str) -> str:
    page = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    rendered = page.render(f"{LEAD_IN}\n\n- {as_markdown(text)} [1]")
    item = re.fullmatch(r"<p>.*</p>\n<ul>\n<li>(.*?) ?\[1\]</li>\n</ul>\n", rendered)
    assert item is not None, rendered
    return html.unescape(item[1])


def test_ten_long_passages_take_no_noticeable_time() -> None:
    passages = [Passage(marker=n, title="T", page=1, text=RESULTS.text * 5) for n in range(10)]
    started = time.process_time()
    select_quotations("What were total sales in FY2023 and which services were sold?", passages)
    assert time.process_time() - started < 0.5
