"""What is saved of a page, and the way back from it to the parser's characters."""

import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.extraction import PAGE_SEPARATOR, PDF, PLAIN_TEXT, ExtractionError, extract, iter_pages
from documents.extraction.paging import PAGE_SIZE
from documents.extraction.saved_text import save_text, source_spans
from documents.extraction.sniffing import sniff
from tests.documents.pdfs import saved, text_pdf

# with the code points that matter often: Hangul parts, marks, what Unicode composes or takes apart
codes = st.lists(
    st.integers(0, 0x10FFFF)
    | st.sampled_from([0x0A, 0x0D, 0x0C, 0, 2, 0xFFFE, 0xD83D, 0xDE00, 0x65, 0x301, 0x327, 0x1100, 0x1161])
    | st.sampled_from([0x11A8, 0x212B, 0x958, 0x9C7, 0x9BE, 0xFB01, 0x1D15E, 0x344])
)


def text_of(path: Path, media_type: str) -> str:
    return PAGE_SEPARATOR.join(page.text for page in extract(path, media_type).pages)


@given(codes)
def test_saved_text_is_storable_nfc_without_form_feeds(codes: list[int]) -> None:
    text = save_text(codes)

    assert unicodedata.is_normalized("NFC", text)
    assert text.encode().decode() == text
    assert not set(text) & {"\0", "\f", "\r", "\x02", "\ufffe"}


@given(codes)
def test_every_saved_character_leads_back_to_what_made_it(codes: list[int]) -> None:
    text, spans = save_text(codes), source_spans(codes)

    assert len(spans) == len(text)
    for (start, end), (next_start, next_end) in pairwise(spans):
        assert (start, end) == (next_start, next_end) or end <= next_start
    for span in set(spans):
        made = "".join(text[i] for i in range(len(text)) if spans[i] == span)
        assert save_text(codes[span[0] : span[1]]) == made


def test_spans_are_as_narrow_as_composition_allows() -> None:
    assert source_spans([ord(c) for c in "ae\u0301b"]) == [(0, 1), (1, 3), (3, 4)]
    assert source_spans([0x41, 0xD83D, 0xDE00, 0x42]) == [(0, 1), (1, 3), (3, 4)]
    assert source_spans([0x41, 0x0D, 0x0A, 0x42]) == [(0, 1), (2, 3), (3, 4)]
    assert source_spans([0x1112, 0x1161, 0x11AB, 0x1100]) == [(0, 3), (3, 4)]


def test_repairs() -> None:
    assert save_text([ord(c) for c in "a\r\nb\rc\fd\0e\ud800f\x02g\ufffeh"]) == "a\nb\nc\ndef-g-h"
    assert save_text([0xD83D, 0xDE00, 0xDE00, 0x110000]) == "\U0001f600"


def test_a_pdf_gives_title_pages_and_offsets_that_hold(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([["First page", "second line"], [], ["Third page"]], title="Über uns"))

    document = extract(path, PDF)

    assert document.title == "Über uns"
    assert document.media_type == PDF
    assert [(page.number, page.text) for page in document.pages] == [
        (1, "First page\nsecond line"),
        (2, ""),
        (3, "Third page"),
    ]
    assert [(page.start, page.end) for page in document.pages] == [(0, 22), (23, 23), (24, 34)]
    assert [(round(page.width), round(page.height)) for page in document.pages] == [(595, 842)] * 3


def test_blocks_are_slices_of_the_text_under_their_heading(tmp_path: Path) -> None:
    lines = "# Leave rules\n\nAsk early.\nAsk in writing.\n\nYears 2019 2020\nDays 25 30\n"
    path = saved(tmp_path, lines.encode(), "rules.md")

    document = extract(path, PLAIN_TEXT)

    text = text_of(path, PLAIN_TEXT)
    assert [(block.kind, block.text, block.heading_path) for block in document.blocks] == [
        ("heading", "# Leave rules", ("Leave rules",)),
        ("paragraph", "Ask early.\nAsk in writing.", ("Leave rules",)),
        ("table", "Years 2019 2020\nDays 25 30", ("Leave rules",)),
    ]
    assert [text[block.start : block.end] for block in document.blocks] == [b.text for b in document.blocks]


def test_the_first_pages_come_while_the_rest_is_parsed(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([[f"Page {n}"] for n in range(1, 41)]))

    with iter_pages(path, PDF) as pages:
        assert pages.page_count == 40
        assert next(pages).text == "Page 1"
        assert pages.progress == pytest.approx(1 / 40)
        assert [page.text for page in pages] == [f"Page {n}" for n in range(2, 41)]
        assert pages.progress == 1.0


def test_words_cut_at_the_end_of_a_line_keep_their_hyphen(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([["the long-", "term plan"]]))

    assert text_of(path, PDF) == "the long-term plan"


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        ("Grüße\r\naus Köln\r".encode(), "Grüße\naus Köln\n"),
        ("\ufeffGrüße".encode(), "Grüße"),
        ("Grüße".encode("utf-16"), "Grüße"),
        ("Grüße".encode("utf-32"), "Grüße"),
        ("Die Größe der Straße ändert sich täglich, sagt Jürgen. ".encode("cp1252") * 9, None),
        ("e\u0301a\fb".encode(), f"éa{PAGE_SEPARATOR}b"),
    ],
)
def test_text_in_the_usual_encodings(tmp_path: Path, encoded: bytes, expected: str | None) -> None:
    expected = expected or "Die Größe der Straße ändert sich täglich, sagt Jürgen. " * 9

    assert text_of(saved(tmp_path, encoded, "a.txt"), PLAIN_TEXT) == expected


def test_text_is_cut_into_pages_at_paragraphs_and_nothing_is_lost(tmp_path: Path) -> None:
    paragraph = "One sentence follows the other, and every one of them counts. " * 12
    text = "\n\n".join(f"{number}. {paragraph.strip()}" for number in range(3000))
    path = saved(tmp_path, text.replace("\n", "\r\n").encode(), "long.txt")

    pages = extract(path, PLAIN_TEXT).pages

    assert "".join(page.text for page in pages) == text
    assert all(page.text.endswith(".\n\n") for page in pages[:-1])
    assert {len(page.text) > PAGE_SIZE / 2 for page in pages[:-1]} == {True}
    assert max(len(page.text) for page in pages) <= PAGE_SIZE


def test_form_feeds_end_pages_and_begin_none_of_their_own(tmp_path: Path) -> None:
    printed = "\n".join(f"{line:02} {'words of a printed page ' * 4}" for line in range(60))
    endless = "One sentence follows the other. " * 700
    path = saved(tmp_path, f"\f{printed}\f\fthird\n\f{endless}\f".encode(), "printed.txt")

    pages = [page.text for page in extract(path, PLAIN_TEXT).pages]

    assert len(printed) > PAGE_SIZE
    assert pages[:3] == [printed, "", "third\n"]
    assert "".join(pages[3:]) == endless
    assert max(map(len, pages[3:])) <= PAGE_SIZE * 3


def test_text_without_any_break_is_cut_between_letters(tmp_path: Path) -> None:
    text = "a" + "e\u0323\u0331" * 5_000
    path = saved(tmp_path, text.encode(), "unbroken.txt")

    pages = extract(path, PLAIN_TEXT).pages

    assert "".join(page.text for page in pages) == unicodedata.normalize("NFC", text)
    assert not any(unicodedata.combining(page.text[0]) for page in pages)


@pytest.mark.parametrize(
    ("head", "name", "media_type"),
    [
        (b"%PDF-1.7\n...", "report.PDF", PDF),
        (b"\n" * 1000 + b"%PDF-1.4", "report.pdf", PDF),
        (b"%PDF-1.7\n...", "report", PDF),
        (b"Hello", "notes.txt", PLAIN_TEXT),
        (b"MZ is how this sentence begins", "notes.txt", PLAIN_TEXT),
        ("Größe".encode("utf-16"), "notes.text", PLAIN_TEXT),
        ("Größe".encode("cp1252"), "notes", PLAIN_TEXT),
        (b"\x1b[31mred\x1b[0m\tlog", "../../log.txt", PLAIN_TEXT),
    ],
)
def test_a_file_is_what_bytes_and_name_agree_on(head: bytes, name: str, media_type: str) -> None:
    assert sniff(head, name) == media_type


@pytest.mark.parametrize(
    ("head", "name", "code"),
    [
        (b"", "empty.pdf", "empty_file"),
        (b"PK\x03\x04 a zip", "report.pdf", "type_mismatch"),
        (b"PK\x03\x04 %PDF-1.7 both", "report.pdf", "type_mismatch"),
        (b"Hello", "report.pdf", "type_mismatch"),
        (b"%PDF-1.7", "report.txt", "type_mismatch"),
        (b"\n" * 1024 + b"%PDF-1.7", "report.pdf", "type_mismatch"),
        (b"MZ\x90\0\x03\0", "setup.txt", "type_mismatch"),
        (b"MZ\x90\0\x03\0", "setup.exe", "unsupported_type"),
        (b"PK\x03\x04", "letter.docx", "corrupt_file"),
        (b"\x89PNG\r\n", "scan.png", "unsupported_type"),
        (b"\x00\x01\x02\x03", "binary.txt", "not_text"),
        (bytes(range(1, 256)) * 8, "binary.txt", "not_text"),
    ],
)
def test_u6_a_file_that_is_not_what_it_says_is_refused(head: bytes, name: str, code: str) -> None:
    with pytest.raises(ExtractionError) as refusal:
        sniff(head, name)

    assert refusal.value.code == code
    assert refusal.value.detail.endswith(".")
