"""From the pages of one document, in their order, to its passages: masked, outlined and cut."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from documents.chunking import chunk_page
from documents.extraction.outline import Outline
from documents.extraction.types import Headings
from documents.masking import Masker, MaskingRules
from providers.embedding.base import Embedder
from providers.visible_text import legible, plain


class CutPage(Protocol):
    """What cutting asks of a page, saved or just read: its number from 1, and its place in the version's text."""

    @property
    def number(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def headings(self) -> Headings | None: ...


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage, numbered from 0 through the document. `start` and `end` count in the version's text.

    `text` is what stands there, as long as there, but for what is masked and what keeps words from being found:
    letters that only look like others, signs that nobody sees, spaces that are none to the database.
    """

    number: int
    page: int
    start: int
    end: int
    heading: str
    text: str


@dataclass(slots=True, kw_only=True)
class Cutter:
    """Makes passages of the pages that it is given one after the other; `masked` counts what it has hidden."""

    title: str
    media_type: str
    size: int
    overlap: int
    embedder: Embedder
    rules: MaskingRules
    masked: Counter[str] = field(init=False, default_factory=Counter)
    _next_number: int = field(init=False, default=0)
    _masker: Masker = field(init=False)
    _outline: Outline = field(init=False)

    def __post_init__(self) -> None:
        self._masker = Masker(self.rules)
        self._outline = Outline(self.media_type)

    def cut(self, page: CutPage) -> list[Passage]:
        """The next page's passages. Raises `PatternTimeout`."""
        text, counts = self._masker.mask(legible(page.text))
        self.masked += counts
        spans = chunk_page(
            text,
            self._outline.lines(text, self._masker.mask(plain(page.label)).text, page.headings),
            page_start=page.start,
            title=self.title,
            count_tokens=self.embedder.count_tokens,
            size=self.size,
            overlap=self.overlap,
            max_tokens=self.embedder.max_tokens,
        )
        first, self._next_number = self._next_number, self._next_number + len(spans)
        return [
            Passage(
                number=number,
                page=page.number,
                start=span.start,
                end=span.end,
                heading=plain(span.heading),
                text=text[span.start - page.start : span.end - page.start],
            )
            for number, span in enumerate(spans, start=first)
        ]
