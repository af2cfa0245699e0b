"""Writes the blocks of a Word document onto its pages, as Markdown."""

from dataclasses import dataclass, field

from documents.extraction.saved_text import save_string
from documents.extraction.tables import markdown_row, markdown_rule
from documents.extraction.word_text import Block, Break, Note, Row


@dataclass(slots=True)
class PageWriter:
    """One page at a time: `put` what is on it, then `take` its text.

    With `notes_at_end` footnotes stand at the page's end, else after the block that refers to them.
    """

    notes_at_end: bool
    _parts: list[str] = field(default_factory=list)
    _notes: list[Note] = field(default_factory=list)
    _last: str = ""
    _indents: dict[int, int] = field(default_factory=dict)
    _header: Row | None = None
    _breaks_are_known: bool = False
    size: int = 0

    def put(self, part: Block | Row) -> None:
        """Write a block or a table's row."""
        if isinstance(part, Row):
            self._row(part)
        else:
            self._block(part)
        self._notes.extend(part.notes)

    def end_table(self) -> None:
        """The next row belongs to another table."""
        self._header = None

    def breaks(self, kind: Break) -> bool:
        """Whether a page ends here. Word says twice that one does: in words, and where it laid it out."""
        is_empty = not self._parts
        if kind is Break.EXPLICIT:
            return True
        if kind is Break.BEFORE:
            return not is_empty
        return not (is_empty and self._breaks_are_known)

    def take(self, *, by: Break | None = None) -> str:
        """The page's text; the writer goes on with an empty one, begun by a break of that kind."""
        self._flush_notes()
        text = "".join(self._parts)
        self._parts, self._last, self._indents, self.size = [], "", {}, 0
        self._breaks_are_known = by in {Break.EXPLICIT, Break.BEFORE}
        return text

    def _block(self, block: Block) -> None:
        self.end_table()
        if block.kind != "item":
            if not self.notes_at_end:
                self._flush_notes()
            self._indents = {}
            self._write(block.text, "block")
            return
        indent = " " * sum(width for level, width in self._indents.items() if level < block.level)
        self._indents = {level: width for level, width in self._indents.items() if level < block.level}
        self._indents[block.level] = len(block.marker) + 1
        hanging = "\n" + indent + " " * (len(block.marker) + 1)
        self._write(f"{indent}{block.marker} {hanging.join(block.text.splitlines())}", "item")

    def _row(self, row: Row) -> None:
        if self._header is None:
            if not self.notes_at_end:
                self._flush_notes()
            self._header, self._indents = row, {}
            self._write(f"{markdown_row(row.cells, row.width)}\n{markdown_rule(row.width)}", "block")
            self._last = "row"
            return
        if self._last != "row":  # the table goes on, on a new page
            header = markdown_row(self._header.cells, self._header.width)
            self._write(f"{header}\n{markdown_rule(self._header.width)}", "block")
            self._last = "row"
        self._write(markdown_row(row.cells, self._header.width), "row")

    def _write(self, text: str, kind: str) -> None:
        text = save_string(text)
        if self._parts:
            self._parts.append("\n" if kind == self._last != "block" else "\n\n")
        self._parts.append(text)
        self._last = kind
        self.size += len(text)

    def _flush_notes(self) -> None:
        for note in self._notes:
            self._write(f"[{note.sign}] {note.text}", "block")
        self._notes = []
