"""The headings over and inside passages: what the sections are called that a passage is of."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from documents.chunking import PATH_SEPARATOR
from documents.extraction.outline import Outline
from documents.models import Chunk, Page


@dataclass(frozen=True, slots=True)
class Section:
    """From where on, in code points of the version's text, a passage stands under these headings."""

    start: int
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path[-1]


def sections_of(chunks: Sequence[Chunk]) -> dict[UUID, list[Section]]:
    """The sections of passages in their order, by the passages' ids; the chunks come with their `version`."""
    versions = {one.version_id for one in chunks}
    numbers = {one.page for one in chunks}
    pages = Page.objects.filter(version__in=versions, number__in=numbers)
    told = {
        (version, number): (start, headings)
        for version, number, start, headings in pages.values_list("version_id", "number", "start", "headings")
    }
    return {one.id: _sections(one, *told.get((one.version_id, one.page), (0, None))) for one in chunks}


def _sections(chunk: Chunk, page_start: int, known: Sequence[tuple[int, int]] | None) -> list[Section]:
    """`known` are the places on the page, and the levels, of its headings; None where the text tells."""
    shift = page_start - chunk.start
    levels = None if known is None else tuple((place + shift, level) for place, level in known)
    lines = Outline(chunk.version.media_type).lines(chunk.text, "", levels)
    over = tuple(filter(None, (one.strip() for one in chunk.heading.split(PATH_SEPARATOR))))
    found = [Section(chunk.start, over)] if over else []
    found += [
        Section(chunk.start + line.start, line.path) for line in lines if line.kind == "heading" and line.path
    ]
    return found
