"""PowerPoint and Excel: slides, sheets, tables and numbers as their programs show them."""

import datetime as dt
import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pptx as python_pptx
import pytest
import xlsxwriter
from pptx.chart import data as charts
from pptx.enum.chart import XL_CHART_TYPE

from documents.extraction import extract, iter_pages, pptx, xlsx
from documents.extraction.sheet_values import shown
from documents.extraction.types import PPTX, XLSX
from tests.documents.office_files import (
    package,
    pages,
    relations,
    saved_by,
    texts,
)
from tests.documents.pdfs import saved

# PowerPoint


def test_page_n_is_slide_n_with_bullets_tables_charts_groups_and_notes(tmp_path: Path) -> None:
    deck: Any = python_pptx.Presentation()
    deck.core_properties.title = ""
    first = deck.slides.add_slide(deck.slide_layouts[0])
    first.shapes.title.text, first.placeholders[1].text = "Plan\v2025", "Subtitle"
    second = deck.slides.add_slide(deck.slide_layouts[1])
    second.shapes.title.text = "Points"
    frame = second.placeholders[1].text_frame
    frame.text = "One"
    for text, level in (("Nested", 1), ("Two", 0)):
        paragraph = frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    second.notes_slide.notes_text_frame.text = "Say hello"
    third = deck.slides.add_slide(deck.slide_layouts[6])
    grid = third.shapes.add_table(2, 3, 0, 0, 9, 9).table
    for index, text in enumerate(("a|b", "", "c", "1", "2", "3")):
        grid.cell(index // 3, index % 3).text = text
    grid.cell(0, 0).merge(grid.cell(0, 1))
    third.shapes.add_group_shape().shapes.add_textbox(0, 0, 1, 1).text_frame.text = "grouped"
    data: Any = charts.CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["East", "West"]
    data.add_series("Q1", (1.5, 2))
    chart = third.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 9, 9, data).chart
    chart.chart_title.text_frame.text = "Sales"
    hidden = deck.slides.add_slide(deck.slide_layouts[2])
    hidden.shapes.title.text, hidden.placeholders[1].text = "Secret", "No bullet"
    hidden._element.set("show", "0")
    deck.slides.add_slide(deck.slide_layouts[6])
    path = saved(tmp_path, saved_by(deck), "plan.pptx")

    with iter_pages(path, PPTX) as stream:
        found = list(stream)

    assert (stream.title, stream.page_count) == ("Plan 2025", 5)
    assert [page.text for page in found] == [
        "# Plan 2025\n\nSubtitle",
        "# Points\n\n- One\n  - Nested\n- Two\n\nNotes:\n\nSay hello",
        (
            "| a\\|b |  | c |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n\ngrouped\n\n"
            "Sales\n\n|  | Q1 |\n| --- | --- |\n| East | 1.5 |\n| West | 2 |"
        ),
        "# Secret\n\nNo bullet",
        "",
    ]
    assert [page.label for page in found] == ["", "", "", "Hidden slide", ""]


def test_numbered_paragraphs_and_diagrams_of_a_slide() -> None:
    numbered = "".join(
        f'<a:p><a:pPr lvl="{level}"><a:{bullet}/></a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>'
        for text, level, bullet in (
            ("one", 0, 'buAutoNum type="arabicPeriod" startAt="4"'),
            ("sub", 1, 'buChar char="-"'),
            ("two", 0, 'buAutoNum type="arabicPeriod" startAt="4"'),
            ("none", 0, "buNone"),
        )
    )
    related = '<a:graphicData><d:relIds r:dm="r0"/></a:graphicData>'
    diagram = f"<p:graphicFrame><a:graphic>{related}</a:graphic></p:graphicFrame>"
    slide = (
        '<p:sld xmlns:p="p" xmlns:a="a" xmlns:d="d" xmlns:r="r"><p:cSld><p:spTree>'
        f"<p:sp><p:txBody>{numbered}</p:txBody></p:sp>{diagram}</p:spTree></p:cSld></p:sld>"
    )
    points = "".join(
        f'<d:pt type="{kind}"><d:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></d:t></d:pt>'
        for kind, text in (("doc", "x"), ("node", "Plan"), ("node", "Do"))
    )
    deck = {
        "ppt/presentation.xml": b'<p xmlns:r="r"><sldIdLst><sldId id="256" r:id="r0"/></sldIdLst></p>',
        "ppt/_rels/presentation.xml.rels": relations(("slide", "slides/slide1.xml")),
        "ppt/slides/slide1.xml": slide.encode(),
        "ppt/slides/_rels/slide1.xml.rels": relations(("diagramData", "../diagrams/data1.xml")),
        "ppt/diagrams/data1.xml": f'<d:m xmlns:d="d" xmlns:a="a">{points}</d:m>'.encode(),
    }

    assert texts(pptx, package(deck, "ppt/presentation.xml")) == [
        "4. one\n   - sub\n5. two\n\nnone\n\n- Plan\n- Do"
    ]


# Excel


def test_page_n_is_sheet_n_as_its_cells_show_it(tmp_path: Path) -> None:
    book: Any = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Revenue"
    sheet["A1"] = "Annual report"
    sheet.merge_cells("A1:C1")
    for line in (
        [],
        ["Region", "Q1", "Share", "When", "Sum"],
        ["North | x", 1234.5, 0.125, dt.date(2024, 3, 31), "=B4+1"],
        ["South\nEast", 0.1 + 0.2, True, dt.datetime(2024, 3, 31, 14, 30), None],
        [],
        ["Total", 7],
        [],
        ["Source: the books."],
    ):
        sheet.append(line)
    sheet["B4"].number_format, sheet["C4"].number_format = '#,##0.00 "€"', "0.0%"
    hidden = book.create_sheet("Plan")
    hidden.sheet_state, hidden["C3"] = "hidden", "quiet"
    book.create_chartsheet("Chart")
    path = saved(tmp_path, saved_by(book), "revenue.xlsx")

    found = extract(path, XLSX).pages

    assert [(page.label, page.text) for page in found] == [
        (
            "Sheet “Revenue”",
            (
                "# Revenue\n\nAnnual report\n\n"
                "| Region | Q1 | Share | When | Sum |\n| --- | --- | --- | --- | --- |\n"
                "| North \\| x | 1,234.50 € | 12.5% | 2024-03-31 | =B4+1 |\n"
                "| South East | 0.3 | TRUE | 2024-03-31 14:30 |  |\n| Total | 7 |  |  |  |\n\nSource: the books."
            ),
        ),
        ("Sheet “Plan” (hidden)", "# Plan\n\nquiet"),
        ("Sheet “Chart”", ""),
    ]


def test_text_boxes_and_charts_of_a_sheet_follow_its_cells() -> None:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    for name in ("Ships", "Dashboard"):
        sheet = book.add_worksheet(name)
        chart = book.add_chart({"type": "line"})
        chart.add_series({"name": "Ships", "values": "=Ships!$A$1:$A$2"})
        chart.set_title({"name": f"Arrivals in {name}"})
        sheet.insert_chart("D9", chart)
        sheet.insert_textbox("D2", "Counted by hand\nand eye")
    book.worksheets()[0].write_column("A1", [7, 8])
    book.close()

    assert texts(xlsx, buffer.getvalue()) == [
        "# Ships\n\n7\n8\n\nArrivals in Ships\n\nCounted by hand\n\nand eye",
        (
            "# Dashboard\n\nArrivals in Dashboard\n\n|  | Ships |\n| --- | --- |\n|  | 7 |\n|  | 8 |\n\n"
            "Counted by hand\n\nand eye"
        ),
    ]


def test_a_long_sheet_is_cut_between_rows_with_its_header_on_each_page() -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Long")
    sheet.append(["id", "name"])
    for number in range(4_000):
        sheet.append([number, f"thing {number}"])
    sheet.append([None] * 700 + ["far"])

    found = pages(xlsx, saved_by(book))

    rows = [line for page in found for line in page.text.splitlines() if line.startswith("| ")]
    numbers = [int(line.split(" | ")[0][2:]) for line in rows if line[2].isdigit()]
    assert numbers == list(range(4_000))
    assert all(page.text.startswith("# Long\n\n| id | name |") for page in found)
    assert [page.label for page in found] == ["Sheet “Long”, rows 1–2373", "Sheet “Long”, rows 2374–4002"]
    assert all(45_000 < len(page.text) <= 50_000 for page in found[:-1])
    assert all(earlier.progress < later.progress for earlier, later in pairwise(found))


def test_values_are_cached_ones_strings_are_whole_and_columns_have_no_gaps() -> None:
    cells = (
        '<c r="B1" t="s"><v>0</v></c><c r="D1" t="str"><f>A1</f><v>shown</v></c>',
        '<c r="B2"><f>1+1</f><v>2</v></c><c r="D2" t="e"><v>#N/A</v></c>',
        '<c t="inlineStr"><is><t>in</t><r><t> line</t></r></is></c><c t="b"><v>0</v></c><c t="s"><v>99</v></c>',
    )
    rows = "".join(f"<row>{row_cells}</row>" for row_cells in cells)
    strings = "<si><r><t>ri</t></r><r><t>ch_x000D_</t></r><rPh><t>reading</t></rPh></si>"
    book = {
        "xl/workbook.xml": b'<w xmlns:r="r"><sheets><sheet name="S" r:id="r0"/></sheets></w>',
        "xl/_rels/workbook.xml.rels": relations(("worksheet", "/xl/s.xml"), ("sharedStrings", "strings.xml")),
        "xl/s.xml": f"<worksheet><sheetData>{rows}</sheetData></worksheet>".encode(),
        "xl/strings.xml": f"<sst>{strings}</sst>".encode(),
    }

    assert texts(xlsx, package(book, "xl/workbook.xml")) == [
        "# S\n\n|  | rich | shown |\n| --- | --- | --- |\n|  | 2 | #N/A |\n| in line | FALSE |  |"
    ]


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        (-1234567, '"$"#,##0_);("$"#,##0)', "-$1,234,567"),
        (1234.5, '_-* #,##0.00 "€"_-', "1,234.50 €"),
        (1234567, '0.0,,"M"', "1.2M"),
        (0.5, "0.##%", "50%"),
        (7, "00000", "00007"),
        (45382.5, "[$-409]d/m/yy h:mm AM/PM;@", "2024-03-31 12:00"),
        (45382, 'yyyy"年"m"月"', "2024-03-31"),
        (59, "d mmm", "1900-02-28"),
        (61, "d mmm", "1900-03-01"),
        (0.999999999, "h:mm", "00:00"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (3.5, "# ?/?", "3.5"),
        (1e300, "yyyy-mm-dd", "1e+300"),
        (-0.001, "0.00", "0.00"),
        (1e20, "", "1e+20"),
    ],
)
def test_numbers_are_shown_as_their_format_says(value: float, code: str, expected: str) -> None:
    assert shown(value, code) == expected


def test_days_counted_from_1904() -> None:
    assert shown(43920, "yyyy-mm-dd", is_1904=True) == "2024-03-31"
