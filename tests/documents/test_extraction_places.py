"""Page images and highlight rectangles: both must speak of the same page."""

import io
import random
from pathlib import Path

import pytest
from PIL import Image

from documents.extraction import PDF, ExtractionError, Rect, extract, locate, render_page
from documents.extraction.pdf_images import MAX_PIXELS
from tests.documents.pdfs import Box, drawing_pdf, huge_image_pdf, saved, text_pdf

LINES = [
    "Quarterly report of the harbour",
    "Ships arrived: 1,204 (up 7%)",
    "Crème brûlée was served on pier 9",
]
DARK = 128


def image_of(path: Path, page: int = 1, width: int = 1400) -> Image.Image:
    return Image.open(io.BytesIO(render_page(path, page, width=width))).convert("L")


def pixels(rect: Rect, image: Image.Image, margin: int = 0) -> tuple[int, int, int, int]:
    return (
        round(rect.x0 * image.width) - margin,
        round(rect.y0 * image.height) - margin,
        round(rect.x1 * image.width) + margin,
        round(rect.y1 * image.height) + margin,
    )


def dark_share(image: Image.Image) -> float:
    histogram = image.histogram()
    return sum(histogram[:DARK]) / sum(histogram)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (50.0, 400.0, 500.0, 800.0)])
def test_rectangles_cover_exactly_the_ink(tmp_path: Path, rotation: int, crop: Box | None) -> None:
    path = saved(tmp_path, text_pdf([LINES], rotation=rotation, crop=crop))
    (page,) = extract(path, PDF).pages
    image = image_of(path)

    assert page.text.split("\n") == LINES
    assert image.width / image.height == pytest.approx(page.width / page.height, abs=0.01)
    for line in LINES:
        start = page.text.index(line)
        (rect,) = locate(path, 1, start, start + len(line))
        inside = image.crop(pixels(rect, image))
        assert dark_share(inside) > 0.08
        image.paste(255, pixels(rect, image, margin=1))
    assert dark_share(image) == 0


def test_a_span_over_two_lines_has_two_rectangles_and_a_word_only_its_own(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([["first line here", "second line there"]]))
    text = "first line here\nsecond line there"

    upper, lower = locate(path, 1, text.index("here"), text.index(" there"))
    (word,) = locate(path, 1, text.index("second"), text.index("second") + 6)

    assert upper.y1 <= lower.y0
    assert upper.x0 > lower.x0
    assert (word.x0, word.y0, word.y1) == (lower.x0, lower.y0, lower.y1)
    assert word.x1 < lower.x1


def test_a_line_that_ends_in_a_hyphen_is_a_line_of_its_own(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([["the long-", "term plan"]]))

    upper, lower = locate(path, 1, 0, len("the long-term plan"))

    assert upper.y1 <= lower.y0


def test_white_space_and_what_is_off_the_page_have_no_place(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([["a word"]]))

    assert locate(path, 1, 1, 2) == []
    assert locate(path, 1, 6, 99) == []
    assert len(locate(path, 1, 0, 99)) == 1


def test_random_words_of_a_full_page_are_found_where_they_are_drawn(tmp_path: Path) -> None:
    """Every word is drawn at a place computed here, so that a shifted index cannot go unseen."""
    rng = random.Random(7)
    words = [f"w{number}" for number in range(120)]
    lines = [" ".join(words[row * 6 : row * 6 + 6]) for row in range(20)]
    path = saved(tmp_path, text_pdf([lines]))
    text = "\n".join(lines)

    for number in rng.sample(range(120), 12):
        start = text.index(words[number])
        (rect,) = locate(path, 1, start, start + len(words[number]))
        baseline = (100 + 20 * (number // 6)) / 841.89
        assert rect.y0 < baseline < rect.y1 + 0.001
        assert rect.y1 - rect.y0 < 20 / 841.89


def test_images_have_the_width_asked_for_and_never_too_many_pixels(tmp_path: Path) -> None:
    plain = saved(tmp_path, text_pdf([["a"]], size=(300, 600)), "plain.pdf")
    strip = saved(tmp_path, text_pdf([["a"]], size=(10, 14_000)), "strip.pdf")

    assert image_of(plain, width=700).size == (700, 1400)
    assert image_of(plain, width=100_000).width * image_of(plain, width=100_000).height <= MAX_PIXELS
    columns, rows = image_of(strip).size
    assert columns * rows <= MAX_PIXELS
    assert columns / rows == pytest.approx(10 / 14_000, rel=0.05)


def test_colours_stay_and_grey_pages_are_small(tmp_path: Path) -> None:
    grey = Image.open(io.BytesIO(render_page(saved(tmp_path, drawing_pdf()), 1)))

    assert grey.mode == "L"
    assert sorted({value for _, value in grey.getcolors() or []})[0] == 0


def test_u9_an_image_that_claims_ten_thousand_million_pixels_is_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path, huge_image_pdf(100_000))

    assert image_of(path).size == (1400, 1400)


@pytest.mark.parametrize("number", [0, -1, 3])
def test_a_page_that_is_not_there(tmp_path: Path, number: int) -> None:
    path = saved(tmp_path, text_pdf([["a"], ["b"]]))

    for ask in (lambda: render_page(path, number), lambda: locate(path, number, 0, 1)):
        with pytest.raises(ExtractionError) as refusal:
            ask()
        assert refusal.value.code == "no_such_page"
