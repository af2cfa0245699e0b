"""Passages: exact slices, within their limits, in order, nothing left out, cut where people would cut."""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.chunking import ChunkSpan, chunk_page, embedded_text, joined_path
from documents.extraction.outline import Outline
from documents.extraction.types import EML, HTML, MARKDOWN, PDF, PLAIN_TEXT, PPTX, XLSX

TITLE = "handbook.pdf"
SPECIAL = 2

letters = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
words = st.sampled_from(
    [
        *(
            "the",
            "harbour",
            "1,204",
            "(3.5)",
            "$",
            "Ships",
            "arrive.",
            "No.",
            "e\u0301t\u0301",
            "é",
            "船が港に着く。",
        ),
        *("تصل السفن", "مساء؟", "क्षि", "👩🏽‍🚢", "🇩🇪", "```", "|", "#"),
    ]
)
separators = st.sampled_from([" ", " ", " ", "\n", "\n\n", ".\n", "\t", "\u00a0", ". "])
lines = st.sampled_from(
    [
        *(
            "\n# Rules\n",
            "\nItem 7. Results\n",
            "\nNet earnings 10,460 8,458\n",
            "x" * 700,
            "9" * 300,
            "日本語" * 150,
        ),
        *("\n### Deep rules #\n", "\n- one thing\n  - a part of it\n", "\n12. another\n", "\n    # code\n"),
        *("\n```py\n# no heading\n\n", "\n```\n", "\n| a | b |\n| --- | --- |\n", "\n| Pier 1. Ships | 2 |\n"),
        f"\n|{' x |' * 400}\n",
    ]
)
pages = st.lists(st.tuples(words | letters | lines, separators), max_size=400).map(
    lambda parts: "".join(word + separator for word, separator in parts)
)


def count_words(texts: Sequence[str]) -> list[int]:
    """Stands in for a tokenizer: words and signs are ids, long words several; two special ones."""
    found = (re.findall(r"\w{1,5}|[^\w\s]", text) for text in texts)
    return [len(ids) + SPECIAL for ids in found]


def chunk(
    text: str,
    *,
    start: int = 0,
    size: int = 1000,
    overlap: int = 200,
    max_tokens: int = 256,
    media_type: str = PLAIN_TEXT,
) -> list[ChunkSpan]:
    return chunk_page(
        text,
        Outline(media_type).lines(text),
        page_start=start,
        title=TITLE,
        count_tokens=count_words,
        size=size,
        overlap=overlap,
        max_tokens=max_tokens,
    )


def texts_of(text: str, spans: Sequence[ChunkSpan]) -> list[str]:
    return [text[span.start : span.end] for span in spans]


@settings(deadline=None, max_examples=250)
@given(
    pages,
    st.integers(0, 10_000),
    st.integers(80, 1000),
    st.integers(0, 300),
    st.integers(80, 256),
    st.sampled_from([PLAIN_TEXT, MARKDOWN]),
)
def test_every_letter_is_in_a_passage_that_keeps_its_limits(  # noqa: PLR0917
    text: str, start: int, size: int, overlap: int, max_tokens: int, media_type: str
) -> None:
    spans = chunk(text, start=start, size=size, overlap=overlap, max_tokens=max_tokens, media_type=media_type)
    covered = {index for span in spans for index in range(span.start - start, span.end - start)}

    assert [i for i, character in enumerate(text) if not character.isspace() and i not in covered] == []
    for span in spans:
        passage = text[span.start - start : span.end - start]
        assert 0 < len(passage) <= size
        assert passage == passage.strip()
        assert count_words([embedded_text(TITLE, span.heading, passage)])[0] <= max_tokens
    for before, after in pairwise(spans):
        assert before.start < after.start
        assert before.end < after.end
        assert before.end - after.start <= min(overlap, size // 2)


def test_a_short_page_is_one_passage_and_a_blank_one_none() -> None:
    assert chunk("  One line.\n", start=50) == [ChunkSpan(52, 61, "")]
    assert chunk(" \n\n\t ") == []
    assert chunk("") == []


def test_passages_end_at_sentences_and_repeat_whole_ones() -> None:
    sentences = [f"Sentence number {number} says what it says." for number in range(60)]
    text = " ".join(sentences)

    passages = texts_of(text, chunk(text, size=300, overlap=100))

    for passage in passages:
        assert passage.startswith("Sentence number")
        assert passage.endswith("says.")
    for before, after in pairwise(passages):
        repeated = [s for s in sentences if s in before and s in after]
        assert repeated
        assert len(" ".join(repeated)) <= 100


def test_without_overlap_passages_follow_each_other() -> None:
    text = " ".join(f"Sentence number {number} says what it says." for number in range(60))

    assert " ".join(texts_of(text, chunk(text, overlap=0))) == text


def test_a_heading_opens_a_passage_and_names_those_under_it() -> None:
    prose = "Ships that arrive after dark wait outside until the pilot comes. " * 11
    text = f"# Arrivals\n{prose.strip()}\n\n# Departures\n{prose.strip()}\n{prose.strip()}"

    spans = chunk(text)
    passages = texts_of(text, spans)

    assert [span.heading for span in spans] == ["Arrivals", "Departures", "Departures"]
    assert [passage.split("\n")[0][:12] for passage in passages] == [
        "# Arrivals",
        "# Departures",
        "Ships that a",
    ]
    assert passages[0].endswith("the pilot comes.")


def test_a_table_that_fits_is_not_torn() -> None:
    prose = "\n".join("The following table shows what the harbour earned in the years before." for _ in range(11))
    table = "\n".join(f"Pier {number} 1,{number}00 2,{number}00" for number in range(1, 10))

    passages = texts_of(f"{prose}\n{table}", chunk(f"{prose}\n{table}"))

    assert passages == [prose, table]


def test_a_long_table_is_cut_between_rows() -> None:
    rows = [f"Pier {number} 1,{number}00 2,{number}00 (3.5)" for number in range(1, 200)]

    passages = texts_of("\n".join(rows), chunk("\n".join(rows)))

    assert [row for passage in passages for row in passage.split("\n")] == rows


def test_ids_bind_before_characters_do() -> None:
    text = "1 2 3 4 5 6 7 8 9 " * 60

    counts = [count_words([embedded_text(TITLE, "", passage)])[0] for passage in texts_of(text, chunk(text))]

    assert max(counts) <= 256
    assert counts[0] > 200


def test_passages_fit_where_ids_do_not_add_up() -> None:
    """A tokenizer that counts every letter counts the spaces between sentences as well."""
    text = "The pilot comes. " * 200

    def count_letters(texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    lines = Outline(PLAIN_TEXT).lines(text)
    spans = chunk_page(text, lines, page_start=0, title="", count_tokens=count_letters, max_tokens=256)

    assert max(len(passage) for passage in texts_of(text, spans)) <= 256
    assert set(re.findall(r"\w+", " ".join(texts_of(text, spans)))) == {"The", "pilot", "comes"}


def test_a_long_title_and_heading_leave_room_for_text() -> None:
    text = f"# {'Very long heading ' * 30}\n" + "The pilot comes on board at the light ship. " * 40

    lines = Outline(PLAIN_TEXT).lines(text)
    spans = chunk_page(text, lines, page_start=0, title="t" * 500, count_tokens=count_words)

    for span in spans:
        embedded = embedded_text("t" * 500, span.heading, text[span.start : span.end])
        assert count_words([embedded])[0] <= 256


def test_marks_stay_with_their_letters() -> None:
    text = "e\u0323\u0331" * 400

    assert {passage[0] for passage in texts_of(text, chunk(text, size=100, overlap=0))} == {"e"}


def test_what_is_embedded() -> None:
    assert embedded_text("a.pdf", "Rules", "Ask early.") == "a.pdf\nRules\nAsk early."
    assert embedded_text("a.pdf", "Rules", "# Rules\nAsk early.") == "a.pdf\n# Rules\nAsk early."
    assert embedded_text("a.pdf", "", "Ask early.") == "a.pdf\nAsk early."


def test_the_tokenizer_is_asked_in_few_calls() -> None:
    calls = []

    def counting(texts: Sequence[str]) -> list[int]:
        calls.append(len(texts))
        return count_words(texts)

    text = "The pilot comes on board at the light ship. " * 70
    lines = Outline(PLAIN_TEXT).lines(text)
    chunk_page(text, lines, page_start=0, title=TITLE, count_tokens=counting)
    assert len(calls) == 2  # for headings and sentences: no passage can be too long

    calls.clear()
    chunk_page(text, lines, page_start=0, title=TITLE, count_tokens=counting, max_tokens=128)
    assert len(calls) == 3  # and for the passages that may be


def test_headings_reach_from_page_to_page() -> None:
    outline = Outline(MARKDOWN)
    first = outline.lines("# Harbour\nOpen all day.\n\n## Dues\n\n### Small   ships ###\nNothing.")
    second = outline.lines("Still nothing.\n\n## Pilots #2\nOn board.")

    assert [line.path for line in first] == [
        ("Harbour",),
        ("Harbour",),
        ("Harbour", "Dues"),
        ("Harbour", "Dues", "Small   ships"),
        ("Harbour", "Dues", "Small   ships"),
    ]
    assert [line.path for line in second] == [
        ("Harbour", "Dues", "Small   ships"),
        ("Harbour", "Pilots #2"),
        ("Harbour", "Pilots #2"),
    ]


@pytest.mark.parametrize(
    ("media_type", "label", "expected"),
    [
        (HTML, "", ("Rules",)),
        (PDF, "", ()),
        (PLAIN_TEXT, "", ()),
        (PPTX, "", ()),
        (PPTX, "Hidden slide", ()),
        (XLSX, "Sheet “Dues”", ("Sheet “Dues”",)),
        (EML, "", ("Rules",)),
        (EML, "Attachment: dues.docx", ("Attachment: dues.docx",)),
    ],
)
def test_what_stands_over_a_second_page(media_type: str, label: str, expected: tuple[str, ...]) -> None:
    outline = Outline(media_type)
    outline.lines("# Rules\nAsk early.")

    [line] = outline.lines("Then wait until the pilot comes.", label)

    assert line.path == expected


def kinds(text: str, media_type: str = MARKDOWN) -> list[tuple[str, str]]:
    return [(text[line.start : line.end], line.kind) for line in Outline(media_type).lines(text)]


def test_the_shape_of_markdown() -> None:
    text = (
        "Total Revenue\n\n- one\n  - a part\n\n  more of it\nand lazily\n\n1) two\n\nNet earnings 10,460 8,458\n\n"
        "| a | b |\n| --- | --- |\n\n```\n# no heading\n\n| no table |\n```\n\n    # code\n\n"
        "#no heading\n# A heading"
    )
    assert kinds(text) == [
        ("Total Revenue", "paragraph"),
        ("- one", "list"),
        ("- a part", "list"),
        ("more of it", "list"),
        ("and lazily", "list"),
        ("1) two", "list"),
        ("Net earnings 10,460 8,458", "paragraph"),
        ("| a | b |", "table"),
        ("| --- | --- |", "table"),
        ("```", "code"),
        ("# no heading", "code"),
        ("| no table |", "code"),
        ("```", "code"),
        ("# code", "code"),
        ("#no heading", "paragraph"),
        ("# A heading", "heading"),
    ]


def test_the_shape_of_plain_text_is_guessed() -> None:
    text = "Total Revenue\n• Ships that come\nafter dark\nNet earnings 10,460 8,458\nThey wait outside."
    assert [kind for _, kind in kinds(text, PDF)] == ["heading", "list", "list", "table", "paragraph"]


def test_code_that_is_cut_by_a_page_goes_on_as_code() -> None:
    outline = Outline(MARKDOWN)
    outline.lines("~~~sh\nmake")

    assert [line.kind for line in outline.lines("# all\n```\n~~~\n# Then")] == ["code", "code", "code", "heading"]


LIST = "\n".join(f"{number}. Ships of class {number} wait. They pay later.\n   - or never" for number in range(9))
TABLE = "| Pier | Dues |\n| --- | --- |\n" + "\n".join(f"| Pier. No {n} | {n},000 |" for n in range(20))
CODE = "```\n" + "\n\n".join(f"moor(ship={n})  # Done. Next one." for n in range(12)) + "\n```"


@pytest.mark.parametrize("whole", [LIST, TABLE, CODE], ids=["list", "table", "code"])
@pytest.mark.parametrize("before", [1, 4, 8, 11])
def test_what_fits_a_passage_is_whole(whole: str, before: int) -> None:
    prose = "The harbour is open all day and all night. " * before
    text = f"# Rules\n\n{prose}\n\n{whole}\n\n{prose}"

    passages = texts_of(text, chunk(text, media_type=MARKDOWN))

    assert [passage.count(whole) for passage in passages if whole[-20:] in passage] == [1]
    assert sum(whole[:12] in passage for passage in passages) == 1


def test_a_list_that_does_not_fit_is_cut_between_its_entries() -> None:
    text = "\n".join(f"- Ships of class {number} wait. They pay later, in May." for number in range(60))

    passages = texts_of(text, chunk(text, media_type=MARKDOWN, overlap=0))

    assert len(passages) > 2
    assert all(passage.startswith("- ") and passage.endswith("in May.") for passage in passages)


def test_a_tables_head_stays_with_its_first_row() -> None:
    rows = "\n".join(f"| Pier {number} | {number},000 |" for number in range(100))
    prose = "The harbour is open all day and all night. " * 21
    text = f"{prose}\n\n| Pier | Dues |\n| --- | --- |\n{rows}"

    passages = texts_of(text, chunk(text, media_type=MARKDOWN))

    assert all("| Pier 0 |" in passage for passage in passages if "| Dues |" in passage)
    assert [row for passage in passages[1:] for row in passage.split("\n")] == text.split("\n")[2:]


def test_passages_carry_the_headings_over_them() -> None:
    prose = "Ships that arrive after dark wait outside until the pilot comes. " * 11
    text = f"# Harbour\n\n## Arrivals\n\n{prose}\n\n## Departures\n\n{prose}\n{prose}"

    assert [span.heading for span in chunk(text, media_type=MARKDOWN)] == [
        "Harbour",
        "Harbour › Departures",
        "Harbour › Departures",
    ]


@pytest.mark.parametrize(
    ("path", "limit", "expected"),
    [
        ((), 80, ""),
        (("A", "B", "C"), 80, "A › B › C"),
        (("A" * 70, "B" * 70, "C"), 80, "B" * 70 + " › C"),
        (("A", "B" * 100), 80, "B" * 80),
    ],
)
def test_of_too_many_headings_the_deepest_are_kept(path: tuple[str, ...], limit: int, expected: str) -> None:
    assert joined_path(path, limit) == expected


def test_a_passage_that_begins_with_its_heading_does_not_repeat_it() -> None:
    assert embedded_text("", "Harbour › Dues", "## Dues\nNone.") == "Harbour\n## Dues\nNone."
    assert embedded_text("", "Harbour › Dues", "None.") == "Harbour › Dues\nNone."
    assert embedded_text("", "Dues", "Dues are none.") == "Dues are none."


def test_no_emoji_and_no_syllable_is_parted() -> None:
    for letter in ("👩🏽‍🚢", "कि", "e\u0301"):
        text = letter * 300
        assert {passage[: len(letter)] for passage in texts_of(text, chunk(text, size=100, overlap=0))} == {letter}
