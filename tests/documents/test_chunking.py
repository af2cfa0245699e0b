"""Passages: exact slices, within their limits, in order, nothing left out, cut where people would cut."""

import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from documents.chunking import ChunkSpan, chunk_page, embedded_text

TITLE = "handbook.pdf"
SPECIAL = 2

letters = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
words = st.sampled_from(
    ["the", "harbour", "1,204", "(3.5)", "$", "Ships", "arrive.", "No.", "e\u0301t\u0301", "é"]
)
separators = st.sampled_from([" ", " ", " ", "\n", "\n\n", ".\n", "\t", "\u00a0", ". "])
lines = st.sampled_from(
    ["\n# Rules\n", "\nItem 7. Results\n", "\nNet earnings 10,460 8,458\n", "x" * 700, "9" * 300]
)
pages = st.lists(st.tuples(words | letters | lines, separators), max_size=400).map(
    lambda parts: "".join(word + separator for word, separator in parts)
)


def count_words(texts: Sequence[str]) -> list[int]:
    """Stands in for a tokenizer: words and signs are ids, long words several; two special ones."""
    found = (re.findall(r"\w{1,5}|[^\w\s]", text) for text in texts)
    return [len(ids) + SPECIAL for ids in found]


def chunk(
    text: str, *, start: int = 0, size: int = 1000, overlap: int = 200, max_tokens: int = 256
) -> list[ChunkSpan]:
    return chunk_page(
        text,
        page_start=start,
        title=TITLE,
        count_tokens=count_words,
        size=size,
        overlap=overlap,
        max_tokens=max_tokens,
    )


def texts_of(text: str, spans: Sequence[ChunkSpan]) -> list[str]:
    return [text[span.start : span.end] for span in spans]


@settings(deadline=None, max_examples=300)
@given(pages, st.integers(0, 10_000), st.integers(80, 1000), st.integers(0, 300), st.integers(80, 256))
def test_every_letter_is_in_a_passage_that_keeps_its_limits(
    text: str, start: int, size: int, overlap: int, max_tokens: int
) -> None:
    spans = chunk(text, start=start, size=size, overlap=overlap, max_tokens=max_tokens)
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

    spans = chunk_page(text, page_start=0, title="", count_tokens=count_letters, max_tokens=256)

    assert max(len(passage) for passage in texts_of(text, spans)) <= 256
    assert set(re.findall(r"\w+", " ".join(texts_of(text, spans)))) == {"The", "pilot", "comes"}


def test_a_long_title_and_heading_leave_room_for_text() -> None:
    text = f"# {'Very long heading ' * 30}\n" + "The pilot comes on board at the light ship. " * 40

    spans = chunk_page(text, page_start=0, title="t" * 500, count_tokens=count_words)

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
    chunk_page(text, page_start=0, title=TITLE, count_tokens=counting)

    assert len(calls) == 3
