"""Pages that are pictures: read where text recognition is installed, and named where it is not."""

from __future__ import annotations

import random
import re
from pathlib import Path

import psutil
import pytest

from documents.extraction import PDF, ExtractionError, Limits, PageText, iter_pages, locate
from documents.extraction.formats import ParsedDocument, Turn
from documents.extraction.pdf import open_turn
from documents.extraction.reading_order import Piece, page_text
from tests.documents.parsing import mapped, read
from tests.documents.pdfs import drawing_pdf, saved, text_pdf
from tests.documents.scans import lines, picture, scanned_pdf

LINES = ["The harbour was extended in 2019", "Costs: 1,204.50 EUR in total", "Ships arrived from all regions"]
RECOGNISING = Limits(recognition=240)


def parser() -> psutil.Process:
    """The one parser that this process has."""
    (found,) = (
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and any("extraction.worker" in word for word in child.cmdline())
    )
    return found


def failure_of(contents: bytes) -> ExtractionError:
    with pytest.raises(ExtractionError) as failure:
        read(contents, PDF)
    return failure.value


def test_a_scan_says_that_it_is_one() -> None:
    scan = failure_of(scanned_pdf(picture(lines(*LINES))))
    drawing = failure_of(drawing_pdf())

    assert (scan.code, drawing.code) == ("no_text", "no_text")
    assert scan.detail.startswith("The PDF is a scan: its pages are pictures without text. Run text recognition")
    assert drawing.detail == "There is no text in the PDF. Upload a file that has some."


def test_a_mixed_file_is_read_and_says_how_many_pages_were_only_pictures() -> None:
    image = picture(lines(*LINES))
    mixed = read(scanned_pdf("words", image, None, image, "more"), PDF)
    stamped = read(scanned_pdf(image, stamp="Scanned with a telephone"), PDF)

    assert mixed.pages == ["words", "", "", "", "more"]
    assert mixed.document.ending.properties == {"pages_without_text": "2"}
    assert stamped.document.ending.properties == {"pages_without_text": "1"}
    assert read(text_pdf([["words"]]), PDF).document.ending.properties == {}


def test_scanned_pages_are_recognised_whichever_way_up_and_others_left_as_they_are(tmp_path: Path) -> None:
    """By the real models, in the real sandbox: what this costs is looked at too."""
    columns = [
        (x, 60 + 40 * row, f"The {name} column, line {row}")
        for row in range(5)
        for x, name in ((20, "left"), (340, "right"))
    ]
    path = saved(
        tmp_path,
        scanned_pdf(
            "text as such",
            picture(lines(*LINES)),
            None,
            picture(lines(*LINES), turned=90),
            picture(lines(*LINES), turned=180),
            picture(columns),
            picture([]),
        ),
    )
    peaks, threads, ids = [], [], set()

    with iter_pages(path, PDF, limits=RECOGNISING) as stream:
        pages: list[PageText] = []
        for page in stream:
            pages.append(page)
            if page.is_recognised:
                process = parser()
                status = Path(f"/proc/{process.pid}/status").read_text()
                peaks.append(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024)  # type: ignore[index]
                ids.add(process.pid)
                threads.append(process.num_threads())
                if len(ids) == 1:
                    process.kill()  # as the kernel does; another goes on

    columns_read = [f"The {name} column, line {row}" for name in ("left", "right") for row in range(5)]
    assert [page.text for page in pages[:5]] == ["text as such", *["\n".join(LINES), ""], *["\n".join(LINES)] * 2]
    assert [line for line in pages[5].text.split("\n") if line] == columns_read
    assert [page.is_recognised for page in pages] == [False, True, False, True, True, True, False]
    assert stream.properties["pages_without_text"] == "1"
    assert max(peaks) < 512
    assert set(threads) == {1}
    assert len(ids) == 2
    assert locate(path, 2, 0, 9) == []


@pytest.mark.parametrize("seconds", [0.0, float("inf")])
def test_a_turn_ends_in_time_and_the_next_goes_on(seconds: float) -> None:
    contents = scanned_pdf("one", picture([]), "three")
    texts: list[str] = []
    turn: Turn | None = Turn(seconds=seconds)
    turns: list[ParsedDocument] = []
    while turn is not None:
        turns.append(open_turn(mapped(contents), turn, None))
        texts += [page.text for page in turns[-1].pages]
        turn = turns[-1].ending.turn

    assert texts == ["one", "", "three"]
    assert len(turns) == (3 if seconds == 0 else 1)
    assert turns[-1].ending.properties == {"pages_without_text": "1"}


def test_a_process_without_recognition_hands_on_at_the_first_picture() -> None:
    contents = scanned_pdf("one", "two", picture([]))

    document = open_turn(mapped(contents), Turn(recognition="wanted"), None)

    assert [page.text for page in document.pages] == ["one", "two"]
    assert document.ending.turn == Turn(first=3, recognition="on", has_text=True)


class Silent:
    """Reads nothing, and counts the pictures."""

    asked = 0

    def read(self, pixels: bytes, columns: int, rows: int, stride: int) -> str:
        assert len(pixels) == rows * stride >= rows * columns * 3
        assert max(columns, rows) <= 2000
        self.asked += 1
        return ""


def test_u9_pictures_are_bounded_and_one_that_defeats_its_reader_is_passed_over() -> None:
    contents = scanned_pdf(picture([]), picture([]))
    reader = Silent()

    document = open_turn(mapped(contents), Turn(recognition="on", passed_over=1), reader)
    with pytest.raises(ExtractionError) as failure:
        list(document.pages)

    assert reader.asked == 1
    assert failure.value.code == "no_text"
    assert "no text was recognised" in failure.value.detail


def test_F32_the_kernel_ends_a_parser_before_anything_else_and_that_is_said(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([["some words " * 8] * 30] * 300))

    with iter_pages(path, PDF) as pages:
        next(pages)
        process = parser()
        process.suspend()
        folder = Path(f"/proc/{process.pid}")
        assert folder.joinpath("oom_score_adj").read_text() == "1000\n"
        assert Path("/proc/self/oom_score_adj").read_text() != "1000\n"
        process.kill()
        with pytest.raises(ExtractionError) as failure:
            list(pages)

    assert failure.value.code == "out_of_memory"
    assert failure.value.detail.startswith("The server ran out of memory while it read the file.")


def row(y: float, *cells: tuple[float, str]) -> list[Piece]:
    return [Piece(x, y, x + 9 * len(text), y + 20, text) for x, text in cells]


def test_tables_are_read_by_rows_and_columns_of_text_one_after_the_other() -> None:
    table = [piece for n in range(6) for piece in row(100 + 30 * n, (10, f"Item {n}"), (400, f"{n},000"))]
    title = row(20, (10, "A title that goes over both of the columns, whatever is in them, all of the way"))
    text = [
        piece
        for n in range(4)
        for piece in row(100 + 30 * n, (10, f"left side, line {n} of it"), (450, f"right side, line {n} of it"))
    ]
    for pieces in (table, title, text):
        random.Random(5).shuffle(pieces)

    assert page_text(table) == "\n".join(f"Item {n} {n},000" for n in range(6))
    sides = [f"{side} side, line {n} of it" for side in ("left", "right") for n in range(4)]
    assert [line for line in page_text([*text, *title]).split("\n") if line] == [title[0].text, *sides]
    assert page_text([]) == ""


def test_a_wide_gap_is_an_empty_line() -> None:
    pieces = [*row(10, (0, "One")), *row(40, (0, "paragraph.")), *row(100, (0, "Another."))]

    assert page_text(pieces) == "One\nparagraph.\n\nAnother."
