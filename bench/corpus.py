"""Documents to measure on: PDFs as dense as a yearly report, in our own words, the same each time."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

_LINES_A_PAGE = 33  # of 100 characters: yearly reports have about 3,300 a page
_PAGES_A_FILE = 100
_SEED = 20240229

_SUBJECTS = (
    "harbour tariff", "night ferry", "cold store", "pilot station", "seed archive", "tram depot", "river gauge",
    "museum annex", "wind farm", "parcel hub", "training yard", "salt works", "timber port", "signal tower",
    "repair dock", "grain silo", "water tower", "freight desk", "survey vessel", "lock gate",
)  # fmt: skip
_PLACES = (
    "Aldermouth", "Brackenfell", "Corrieholm", "Dunsley", "Eastwick", "Fennmarket", "Garrowby", "Hartlow",
    "Ingleford", "Kelsterne", "Lowmere", "Marrowgate", "Norwell", "Otterburn", "Penhallow", "Quarndon",
)  # fmt: skip
_SENTENCES = (
    "In {year} the {subject} at {place} recorded revenue of {amount} million, {share} per cent more than planned.",
    "The {subject} at {place} employed {count} people in {year}, of whom {share} per cent worked at night.",
    "Maintenance of the {subject} in {place} was put off to {year}: spare parts arrived {count} days late.",
    "An inspection in {year} found {count} defects at the {subject} near {place}; all were repaired.",
    "The board approved {amount} million for the {subject} at {place}, payable over {count} months.",
    "Energy use of the {subject} in {place} fell by {share} per cent after the {year} refit.",
    "Visitors to the {subject} at {place} waited {count} minutes on average in {year}.",
    "Insurance for the {subject} of {place} cost {amount} million and covers the years to {year}.",
)


@dataclass(frozen=True, slots=True)
class Pdf:
    """A file to upload and the number of its pages."""

    name: str
    content: bytes
    pages: int


def pdfs(folder: Path | None, pages: int) -> list[Pdf]:
    """The PDFs of `folder`, or our own of `pages` pages together."""
    if folder is not None:
        return [_read(path) for path in sorted(folder.glob("*.pdf"))]
    words = random.Random(_SEED)
    sizes = [min(_PAGES_A_FILE, pages - done) for done in range(0, pages, _PAGES_A_FILE)]
    return [Pdf(f"report-{2000 + place}.pdf", _pdf(words, size), size) for place, size in enumerate(sizes)]


def questions(count: int) -> list[str]:
    """Questions about our own documents; other reports speak of revenue too."""
    words = random.Random(_SEED + 1)
    return [
        f"What was the revenue of the {words.choice(_SUBJECTS)} in the year {words.randint(2000, 2024)}?"
        for _ in range(count)
    ]


def long_pdf(pages: int, *, seed: int = 1) -> Pdf:
    """One file of so many pages, another one for each seed."""
    return Pdf(f"report-{pages}-pages.pdf", _pdf(random.Random(_SEED + seed), pages), pages)


def _read(path: Path) -> Pdf:
    content = path.read_bytes()
    document = pypdfium2.PdfDocument(content)
    try:
        return Pdf(path.name, content, len(document))
    finally:
        document.close()


def _pdf(words: random.Random, pages: int) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    for number in range(1, pages + 1):
        canvas.setFont("Helvetica-Bold", 13)
        canvas.drawString(60, 790, f"{number}. {words.choice(_PLACES)}: {words.choice(_SUBJECTS)}s")
        text = canvas.beginText(60, 765)
        text.setFont("Helvetica", 9)
        for line in _lines(words):
            text.textLine(line)
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _lines(words: random.Random) -> list[str]:
    lines: list[str] = []
    line = ""
    while len(lines) < _LINES_A_PAGE:
        for word in _sentence(words).split():
            if len(line) + len(word) > 100:
                lines.append(line)
                line = ""
            line = f"{line} {word}".strip()
    return lines[:_LINES_A_PAGE]


def _sentence(words: random.Random) -> str:
    return words.choice(_SENTENCES).format(
        subject=words.choice(_SUBJECTS),
        place=words.choice(_PLACES),
        year=words.randint(2000, 2024),
        amount=f"{words.uniform(0.1, 90):.1f}",
        share=words.randint(1, 40),
        count=words.randint(2, 400),
    )
