"""Word, new and old: text, headings, lists, tables, notes and pages as Word shows them."""

import datetime as dt
import io
from pathlib import Path
from typing import Any

import docx as python_docx
import pytest

from documents.extraction import doc, docx, iter_pages, sniff
from documents.extraction.types import DOC, DOCX
from tests.documents.office_files import (
    STRICT_WORD,
    item,
    p,
    saved_by,
    section,
    table,
    tc,
    texts,
    word,
)
from tests.documents.old_word import BREAK_BEFORE, Paragraph, doc_file, in_list, row
from tests.documents.pdfs import saved

RENDERED = "<w:r><w:lastRenderedPageBreak/></w:r>"
BREAK = '<w:r><w:br w:type="page"/></w:r>'


def only_text(body: str, **parts: str) -> str:
    (text,) = texts(docx, word(body, **parts))
    return text


def t(text: str) -> str:
    return f"<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>"


# What stands in a Word document


def test_headings_come_from_styles_of_any_name_and_from_outline_levels() -> None:
    body = p("Handbook", "Titel") + p("Leave", "berschrift1") + p("Notice", "berschrift2") + p("House", "Kapitel")
    body += p("Deep", "Gliederung") + p("Direct", properties='<w:outlineLvl w:val="1"/>')
    body += p("Body", "Plain3", '<w:outlineLvl w:val="9"/>') + p("Circle", "Loop") + p("None", "no such style")
    body += p("", "berschrift1") + p("More", "berschrift1")

    assert only_text(body).split("\n\n") == [
        *("# Handbook", "# 1 Leave", "## 1.1 Notice", "### House", "#### Deep", "## Direct"),
        *("Body", "Circle", "None", "# 3 More"),
    ]


def test_lists_nest_and_count_as_word_counts_them() -> None:
    body = item("one", 1) + item("a", 1, 1) + item("b", 1, 1) + item("deep", 1, 2) + item("two", 1)
    body += item("c", 1, 1) + p("between") + item("three", 1) + item("anew", 4) + p("end") + item("dot", 2)
    body += (
        item("inner", 2, 1)
        + p("third", "Punkt2")
        + p("plain", "Punkt2", '<w:numPr><w:numId w:val="0"/></w:numPr>')
    )

    assert only_text(body) == (
        "1. one\n   - a) a\n   - b) b\n     - I. deep\n2. two\n   - a) c\n\nbetween\n\n"
        "3. three\n1. anew\n\nend\n\n- dot\n  - inner\n  - third\n\nplain"
    )


def test_tables_keep_their_place_and_their_columns() -> None:
    merged = tc("both", '<w:gridSpan w:val="2"/>') + tc("c")
    down, below = tc("down", '<w:vMerge w:val="restart"/>'), tc("gone", "<w:vMerge/>")
    nested = tc(f"<w:p/>{table(tc('x') + tc('y'))}{p('after')}")
    several = tc(p("two") + p("lines &amp; a | bar") + item("point", 1))
    deleted = f"<w:tr><w:trPr><w:del/></w:trPr>{tc('deleted')}</w:tr>"
    rows = table(merged, down + tc("1") + tc("2"), below + nested + several).replace(
        "</w:tbl>", f"{deleted}</w:tbl>"
    )

    assert only_text(p("before") + rows + p("middle") + table(tc("second") + tc("table"))) == (
        "before\n\n| both |  | c |\n| --- | --- | --- |\n| down | 1 | 2 |\n"
        "|  | x y; after | two lines & a \\| bar 1. point |\n\nmiddle\n\n| second | table |\n| --- | --- |"
    )


def test_a_table_of_one_cell_is_a_frame_around_what_it_holds() -> None:
    assert only_text(table(tc(p("Boxed", "Titel") + item("point", 2)))) == "# Boxed\n\n- point"
    assert only_text(table(tc("a"), tc("b"))) == "| a |\n| --- |\n| b |"


def test_runs_say_what_is_shown_and_nothing_else() -> None:
    shown_runs = t("co\u00adope") + "<w:r><w:softHyphen/></w:r>" + t("rate") + "<w:r><w:tab/></w:r>" + t("tab")
    tracked = f"<w:ins>{t(' new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
    moved = f"<w:moveFrom>{t('from')}</w:moveFrom><w:moveTo>{t(' to')}</w:moveTo>"
    field = '<w:r><w:fldChar w:fldCharType="begin"/><w:instrText>PAGEREF x</w:instrText></w:r>' + t(" 7")
    link = (
        f'<w:hyperlink r:id="x">{t(" link")}</w:hyperlink><w:fldSimple w:instr="DATE">{t(" today")}</w:fldSimple>'
    )
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
    visible = '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t> seen</w:t></w:r>'
    control = f"<w:sdt><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent>{t(' chosen')}</w:sdtContent></w:sdt>"
    signs = '<w:r><w:noBreakHyphen/><w:sym w:font="Wingdings" w:char="F0FE"/><w:br/><w:t>line</w:t></w:r>'
    picture = (
        '<w:r><w:drawing><wp:inline><wp:docPr id="1" name="x" descr="A red fox"/></wp:inline></w:drawing></w:r>'
    )
    body = p(shown_runs + tracked + moved + field + link + hidden + visible + control + signs + picture)

    assert only_text(f"<w:sdt><w:sdtContent>{body}</w:sdtContent></w:sdt>{p('# 5 שלום مرحبا 漢字')}") == (
        "cooperate\ttab new to 7 link today seen chosen-☒\nline A red fox\n\n\\# 5 שלום مرحبا 漢字"
    )


def test_fractions_stay_fractions() -> None:
    def part(name: str, text: str) -> str:
        return f"<m:{name}><m:r><m:t>{text}</m:t></m:r></m:{name}>"

    fraction = f"<m:oMath><m:f>{part('num', 'a+b')}{part('den', 'c')}</m:f></m:oMath>"

    assert only_text(p(t("The share is ") + fraction + t("."))) == "The share is (a+b)/c."


def test_text_boxes_follow_their_paragraph_once() -> None:
    box = f"<w:txbxContent>{p('boxed')}{p('twice')}</w:txbxContent>"
    choice = f"<mc:Choice><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice>"
    fallback = f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback>"
    anchored = f"<w:r><mc:AlternateContent>{choice}{fallback}</mc:AlternateContent></w:r>"

    assert only_text(p(t("anchor") + anchored) + p("next")) == "anchor\n\nboxed\n\ntwice\n\nnext"


def test_notes_stand_at_the_end_of_their_page() -> None:
    def note(kind: str, number: int) -> str:
        return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'

    notes = f'<w:footnote w:id="2">{p("first note")}</w:footnote><w:footnote w:id="3">{p("second")}</w:footnote>'
    body = p(t("One") + note("footnote", 2)) + p(t("two") + note("footnote", 3) + note("endnote", 1)) + p(BREAK)
    ends = f'<w:endnote w:id="1">{p("at the end")}</w:endnote>'

    assert texts(docx, word(body + p("Next"), footnotes=notes, endnotes=ends)) == [
        "One[1]\n\ntwo[2][i]\n\n[1] first note\n\n[2] second\n\n[i] at the end",
        "Next",
    ]


def test_contents_are_lines_and_headers_count_only_alone() -> None:
    entry = p(t("Scope") + "<w:r><w:tab/></w:r>" + t("3"), "Verzeichnis1")

    assert only_text(entry + entry + p("Body"), header=p("Running head")) == "- Scope\t3\n- Scope\t3\n\nBody"
    assert only_text(p(""), header=p("Letterhead"), footer=p("Page")) == "Letterhead\n\nPage"


# Where its pages end


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (p("a") + p(BREAK) + p("b"), ["a", "b"]),
        (p(t("a") + BREAK + t("b")), ["a", "b"]),
        (p("a") + p(BREAK) + p(RENDERED + t("b")), ["a", "b"]),
        (p("a") + p(BREAK) + p(BREAK) + p("c"), ["a", "", "c"]),
        (p(t("long ") + RENDERED + t("paragraph")), ["long", "paragraph"]),
        (p("a") + p("b", "Neu") + p(RENDERED + t("c"), "Neu"), ["a", "b", "c"]),
        (p("first", "Neu"), ["first"]),
        (p("a") + p("", properties=section("continuous")) + p("b") + section("nextPage"), ["a", "b"]),
        (
            p("a") + p("", properties=section("nextPage")) + p("b") + p(BREAK) + section("continuous"),
            ["a\n\nb", ""],
        ),
        (
            p("x")
            + table(tc("h") + tc("i"), tc(p(RENDERED + t("1"))) + tc("2"), tc(p(t("3") + RENDERED)) + tc("4")),
            ["x\n\n| h | i |\n| --- | --- |", "| h | i |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |", ""],
        ),
    ],
)
def test_pages_end_where_the_file_says(body: str, expected: list[str]) -> None:
    assert texts(docx, word(body)) == expected


def test_a_document_that_names_no_pages_is_cut_like_a_text_and_loses_nothing() -> None:
    paragraphs = [f"Sentence {n} of a long story that somebody told. " * 5 for n in range(600)]
    body = "".join(p(f"Chapter {n}", "Plain3") + p(text) for n, text in enumerate(paragraphs))

    found = texts(docx, word(body))

    assert "".join("".join(found).split()) == "".join(
        f"###Chapter{n}{''.join(text.split())}" for n, text in enumerate(paragraphs)
    )
    assert max(map(len, found)) <= 3_000
    assert len(found) < 80


def test_what_word_itself_would_save_is_read_with_its_properties(tmp_path: Path) -> None:
    document: Any = python_docx.Document()
    document.core_properties.author, document.core_properties.keywords = "Ann Lee", "leave, notice"
    document.core_properties.created = dt.datetime(2024, 3, 31, 9, 30, tzinfo=dt.UTC)
    document.core_properties.language = "en-GB"
    document.add_heading("Über uns", 0)
    document.add_paragraph("One", style="List Number")
    document.add_page_break()
    document.add_heading("Second", 2)
    path = saved(tmp_path, saved_by(document), "handbook.docx")

    with iter_pages(path, DOCX) as stream:
        found = list(stream)

    assert stream.title == "Über uns"
    assert {key: stream.properties[key] for key in ("author", "keywords", "created", "language")} == {
        "author": "Ann Lee",
        "keywords": "leave, notice",
        "created": "2024-03-31T09:30:00Z",
        "language": "en-GB",
    }
    assert [(page.number, page.text) for page in found] == [(1, "# Über uns\n\n1. One"), (2, "## Second")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_strict_documents_and_wide_encodings_are_read_too(encoding: str) -> None:
    assert texts(docx, word(p("Leave", "berschrift1"), namespace=STRICT_WORD, encoding=encoding)) == ["# 1 Leave"]


# old Word


def test_an_old_document_has_headings_lists_tables_notes_and_pages(tmp_path: Path) -> None:
    paragraphs = [
        *(Paragraph("Handbook", 4), Paragraph("Leave", 1), Paragraph("Each has 25 days\x02 of leave.")),
        *(Paragraph("Own", 5), Paragraph("First", sprms=in_list(1)), Paragraph("Sub", sprms=in_list(1, 1))),
        *(Paragraph("Second", sprms=in_list(1)), Paragraph("Dot", 6), Paragraph("Entry\t3", 7)),
        Paragraph("A removed\x13 HYPERLINK x \x14link\x15\x1e\x1fword\vline", deleted=(2, 9)),
        *row("Region", "Q1", "Q2", edges=(0, 1000, 2000, 3000)),
        *row("North|", "wide", edges=(0, 1000, 3000)),
        *row("South", "1", "2", edges=(5, 990, 2000, 3000)),
        *row("covered", "3", "4", edges=(0, 1000, 2000, 3000), flags=(0x20,)),
        *(Paragraph("Two", 2, BREAK_BEFORE), Paragraph("same", mark="\f"), Paragraph("three", mark="\f")),
        Paragraph("four"),
    ]
    at = sum(len(paragraph.text) + 1 for paragraph in paragraphs[:-2])
    data = doc_file(
        paragraphs,
        footnotes=["By contract."],
        sections=[(0, 2), (at, 0), (at + len("three") + 1, 2)],
        summary={2: "Staff handbook", 4: "Ann Lee"},
    )
    assert sniff(data[:8192], "handbook.doc", io.BytesIO(data)) == DOC

    with iter_pages(saved(tmp_path, data, "handbook.doc"), DOC) as stream:
        found = [page.text for page in stream]

    assert (stream.title, stream.properties) == ("Staff handbook", {"author": "Ann Lee"})
    assert found == [
        (
            "# Handbook\n\n# Leave\n\nEach has 25 days[1] of leave.\n\n## Own\n\n"
            "1. First\n   - a) Sub\n2. Second\n- Dot\n- Entry\t3\n\nA link-word\nline\n\n"
            "| Region | Q1 | Q2 |\n| --- | --- | --- |\n| North\\| | wide |  |\n"
            "| South | 1 | 2 |\n|  | 3 | 4 |\n\n"
            "[1] By contract."
        ),
        "## Two\n\nsame\n\nthree",
        "four",
    ]


def test_an_old_document_without_pages_is_cut_and_keeps_every_script() -> None:
    story = [f"段落 {n} עברית 😀 and words that go on. " * 4 for n in range(60)]
    data = doc_file([Paragraph(text) for text in story], is_wide=True)

    found = texts(doc, data)

    assert "".join("".join(found).split()) == "".join("".join(story).split())
    assert 1 < len(found) < 10
