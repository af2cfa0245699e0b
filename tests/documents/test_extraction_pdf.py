"""What stands in PDFs beside plain lines: forms, notes, facts, fonts without a map, other scripts."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from documents.extraction import extract
from documents.extraction.pdf import locate
from documents.extraction.types import PDF, ExtractionError
from tests.documents.parsing import code_of, mapped, read
from tests.documents.pdfs import right_to_left_pdf, saved, styled_pdf, unmapped_pdf, with_catalog


def drawn(draw: Callable[[Canvas], object], title: str = "") -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.setTitle(title)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def with_form(canvas: Canvas) -> None:
    canvas.drawString(50, 700, "Application")
    form = canvas.acroForm
    form.textfield(name="n1", tooltip="Full name", x=120, y=690, value="Alice Miller", width=200, height=20)
    form.textfield(name="empty", x=120, y=660, value="", width=200, height=20)
    form.checkbox(name="agrees", x=120, y=630, checked=True)
    form.checkbox(name="refuses", x=120, y=610, checked=False)
    form.choice(name="city", x=120, y=570, value="Bern", options=["Bern", "Basel"], width=99, height=20)
    canvas.textAnnotation("Signed on paper too", Rect=[300, 300, 320, 320])
    canvas.linkURL("https://example.org/", (50, 500, 100, 520))


def test_what_was_filled_in_and_remarked_follows_the_text() -> None:
    (page,) = read(drawn(with_form), PDF).pages

    assert page == "Application\n\nFull name: Alice Miller\nagrees\ncity: Bern\nSigned on paper too"


def test_facts_come_from_the_file() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setAuthor("Zoë Ångström")
        canvas.setSubject("Harbours")
        canvas.setKeywords(["ships", "quays"])
        canvas.drawString(50, 700, "text")
        canvas.setCatalogEntry("Lang", "de-CH")

    document = read(drawn(draw, title="Jahresbericht"), PDF).document

    assert document.title == "Jahresbericht"
    dates = {document.properties[name] for name in ("created", "modified")}
    assert dates == {"2000-01-01T00:00:00+00:00"}
    assert {key: value for key, value in document.properties.items() if key not in {"created", "modified"}} == {
        "author": "Zoë Ångström",
        "subject": "Harbours",
        "keywords": "ships, quays",
        "language": "de-CH",
    }


@pytest.mark.parametrize("title", ["untitled", "(anonymous)", "(unspecified)"])
def test_what_programs_write_for_want_of_facts_is_none(title: str) -> None:
    document = read(drawn(lambda canvas: canvas.drawString(9, 9, "text"), title=title), PDF).document

    assert document.title is None
    assert set(document.properties) == {"created", "modified"}


@pytest.mark.parametrize(
    ("said", "created"),
    [
        ("D:20240229120501+02'00'", "2024-02-29T12:05:01+02:00"),
        ("D:20240229120501Z", "2024-02-29T12:05:01+00:00"),
        ("20240229", "2024-02-29"),
        ("D:2024", "2024-01-01"),
        ("D:20241399", None),
        ("last Tuesday", None),
    ],
)
def test_dates_become_iso_8601(said: str, created: str | None) -> None:
    contents = drawn(lambda canvas: canvas.drawString(9, 9, "text"))
    dated = re.sub(rb"/CreationDate \([^)]*\)", b"/CreationDate (" + said.encode() + b")", contents)

    assert read(dated, PDF).document.properties.get("created") == created


def test_pages_keep_their_printed_numbers() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.addPageLabel(0, style="ROMAN_LOWER", start=1)
        canvas.addPageLabel(2, style="ARABIC", start=3)
        for number in range(3):
            canvas.drawString(50, 700, f"page {number}")
            canvas.showPage()
        canvas.drawString(50, 700, "page 3")

    assert read(drawn(draw), PDF).labels == ["i", "ii", "", ""]


def test_ligatures_columns_and_words_cut_at_the_end_of_a_line() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        for x, name in ((50, "left"), (320, "right")):
            for row in range(4):
                canvas.drawString(x, 700 - 14 * row, f"the {name} column, row {row}")
        canvas.drawString(50, 600, "it was long-")
        canvas.drawString(50, 586, "term in 1990-")
        canvas.drawString(50, 572, "1995")

    text = read(drawn(draw), PDF).text

    rows = [f"the {name} column, row {row}" for name in ("left", "right") for row in range(4)]
    assert text == "\n".join([*rows, "it was long-term in 1990-", "1995"])


@pytest.mark.parametrize("text", ["مقدمة العقد في الوسط", "שלום עולם"])
def test_words_from_right_to_left_that_are_drawn_as_they_look(text: str) -> None:
    contents = right_to_left_pdf(text)

    assert read(contents, PDF).text == text
    first, last = (locate(mapped(contents), 1, index, index + 1)[0] for index in (0, len(text) - 1))
    assert last.x1 < first.x0


def headings_of(folder: Path, *pages: Sequence[tuple[str, float, str]]) -> list[tuple[str, tuple[str, ...]]]:
    """The headings, with what stands over them, of pages whose lines have a font, a size and a text."""
    blocks = extract(saved(folder, styled_pdf(pages)), PDF).blocks
    return [(block.text, block.heading_path[:-1]) for block in blocks if block.kind == "heading"]


PLAIN, BOLD = "Helvetica", "Helvetica-Bold"
PROSE = [(PLAIN, 10.0, "The harbour is open all day and all night, and ships wait outside for the pilot.")] * 4


def test_headings_are_what_is_larger_than_the_text_or_bold(tmp_path: Path) -> None:
    first = [
        (BOLD, 20.0, "Rapport annuel sur les résultats"),
        *PROSE,
        (PLAIN, 14.0, "how we counted the ships"),
        *PROSE,
        (BOLD, 10.0, "Résultats de la période"),
        (PLAIN, 10.0, "1. Large Ships"),
        (PLAIN, 10.0, "2. Small Ships"),
        (BOLD, 10.0, "Ships 2023 2024"),
        (BOLD, 10.0, "Pier and name" + " " * 20 + "Length"),
        (BOLD, 10.0, "(in thousands)"),
        (BOLD, 10.0, "This sentence is only important."),
        (BOLD, 10.0, "Item 7." + " " * 20 + "Ships that waited"),
        *PROSE,
    ]
    second = [(PLAIN, 10.0, "Total Of All Ships"), *PROSE]

    assert headings_of(tmp_path, first, second) == [
        ("Rapport annuel sur les résultats", ()),
        ("how we counted the ships", ("Rapport annuel sur les résultats",)),
        ("Résultats de la période", ("Rapport annuel sur les résultats", "how we counted the ships")),
        ("Item 7. Ships that waited", ("Rapport annuel sur les résultats", "how we counted the ships")),
    ]


def test_what_is_large_or_bold_throughout_is_no_heading(tmp_path: Path) -> None:
    bold = [(BOLD, size, text) for _, size, text in PROSE]
    quoted = [(PLAIN, 16.0, text[:40]) for _, _, text in PROSE]

    assert headings_of(tmp_path, [*bold, (BOLD, 14.0, "where to ask"), *bold, *quoted]) == [("where to ask", ())]


def test_a_heading_of_two_lines_is_one(tmp_path: Path) -> None:
    lines = ["How the harbour counts all of the ships that wait", "Outside its gates", "2. Short", "3. Shorter"]

    found = headings_of(tmp_path, [*((PLAIN, 14.0, line) for line in lines[:3]), *PROSE, (PLAIN, 14.0, lines[3])])
    assert [text for text, _ in found] == lines
    blocks = extract(tmp_path / "file.pdf", PDF).blocks
    assert [block.heading_path for block in blocks] == [
        (lines[0],),
        (f"{lines[0]} {lines[1]}",),
        (lines[2],),
        (lines[2],),
        (lines[3],),
    ]


def test_headings_of_a_text_that_looks_alike_are_guessed(tmp_path: Path) -> None:
    assert headings_of(tmp_path, [(PLAIN, 10.0, "Opening Hours"), *PROSE]) == [("Opening Hours", ())]


def test_headings_have_the_same_size_on_a_page_that_is_scaled(tmp_path: Path) -> None:
    """Many programs set text in size 1 and scale the page."""

    def draw(canvas: Canvas) -> None:
        for row, (font, size, text) in enumerate([(PLAIN, 14.0, "where to ask"), *PROSE]):
            canvas.saveState()
            canvas.translate(50, 800 - 30 * row)
            canvas.scale(size, size)
            canvas.setFont(font, 1)
            canvas.drawString(0, 0, text)
            canvas.restoreState()

    blocks = extract(saved(tmp_path, drawn(draw)), PDF).blocks
    assert [block.text for block in blocks if block.kind == "heading"] == ["where to ask"]


def test_chinese_without_spaces() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))

    def draw(canvas: Canvas) -> None:
        canvas.setFont("STSong-Light", 12)
        canvas.drawString(100, 700, "季度报告：收入增长百分之七")
        canvas.drawString(100, 680, "第二行文字继续")

    assert read(drawn(draw), PDF).text == "季度报告：收入增长百分之七\n第二行文字继续"


def test_glyphs_that_no_character_is_known_for_are_no_text() -> None:
    """Their codes would be read as the characters of the same number."""
    shifted = bytes(ord(letter) - 29 for letter in "Thequarterlyreportoftheharbour")
    words = b"the quarterly report of the harbour"

    assert code_of(unmapped_pdf(shifted), PDF) == "no_text"
    assert locate(mapped(unmapped_pdf(shifted)), 1, 0, 9) == []
    assert read(unmapped_pdf(words), PDF).text == words.decode()  # such a font may be right all the same


@pytest.mark.parametrize(
    ("text", "catalog", "said"),
    [
        (
            "Please wait... If this message is not replaced, get Adobe Reader",
            "/AcroForm << /XFA [(a) 6 0 R] >>",
            "XFA",
        ),
        (
            "Open this PDF portfolio in Acrobat",
            "/Names << /EmbeddedFiles << /Names [(a) 7 0 R] >> >>",
            "offer.docx",
        ),
    ],
    ids=["xfa", "portfolio"],
)
def test_a_placeholder_says_what_to_do(text: str, catalog: str, said: str) -> None:
    with pytest.raises(ExtractionError) as refusal:
        read(with_catalog(text, catalog), PDF)

    assert refusal.value.code == "unsupported_pdf"
    assert said in refusal.value.detail


def test_files_in_a_pdf_are_named() -> None:
    document = read(with_catalog("An invoice", "/Names << /EmbeddedFiles << /Names [(a) 7 0 R] >> >>"), PDF)

    assert (document.text, document.document.properties) == ("An invoice", {"attachments": "offer.docx"})
