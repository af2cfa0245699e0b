"""Typeset the demo's PDFs from `sources/`: `python config/demo_documents/build.py`.

Run by hand when a source changes; the PDFs are part of the repository. The same source gives the same
bytes, so an unchanged document is recognised as a duplicate. A thematic break (`---`) begins a new page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

_HERE = Path(__file__).parent
_MARGIN = 24 * mm
_INK, _ACCENT, _RULE = colors.HexColor("#1f2328"), colors.HexColor("#7a3b2e"), colors.HexColor("#d8cfc4")
_BODY = ParagraphStyle("body", fontName="Times-Roman", fontSize=13, leading=18, spaceAfter=9, textColor=_INK)
_CELL = ParagraphStyle("cell", parent=_BODY, fontName="Helvetica", fontSize=11, leading=15, spaceAfter=0)
_HEAD = ParagraphStyle("head", parent=_CELL, fontName="Helvetica-Bold")
_ITEM = ParagraphStyle("item", parent=_BODY, leftIndent=14, bulletIndent=2, spaceAfter=4)
_HEADINGS = {
    "h1": ParagraphStyle(
        "h1", fontName="Helvetica-Bold", fontSize=26, leading=34, spaceAfter=10, textColor=_ACCENT
    ),
    "h2": ParagraphStyle("h2", fontName="Helvetica-Bold", fontSize=16, leading=21, spaceBefore=12, spaceAfter=6),
    "h3": ParagraphStyle("h3", fontName="Helvetica-Bold", fontSize=13, leading=17, spaceBefore=8, spaceAfter=4),
}
_TABLE = TableStyle(
    [
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, _ACCENT),
        ("LINEBELOW", (0, 1), (-1, -1), 0.3, _RULE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
)


def build(source: Path, target: Path) -> None:
    """Typeset one Markdown file as PDF, A4."""
    text = source.read_text(encoding="utf-8")
    tree = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text))
    document = _Numbered(
        str(target),
        pagesize=A4,
        title=text.splitlines()[0].removeprefix("# "),
        author="Wrenfield Museum",
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        invariant=1,
    )
    document.build([flowable for node in tree.children for flowable in _flowables(node)])


class _Numbered(SimpleDocTemplate):  # type: ignore[misc] # reportlab has no types
    """Writes the page's number when the page is full, so that it comes last in the text too."""

    def afterPage(self) -> None:  # noqa: N802 - reportlab's name
        self.canv.setFont("Helvetica", 9)
        self.canv.drawRightString(A4[0] - _MARGIN, _MARGIN / 2, str(self.page))


def _flowables(node: SyntaxTreeNode) -> Iterator[Flowable]:
    if node.type == "hr":
        yield PageBreak()
    elif node.type == "heading":
        yield Paragraph(_text(node), _HEADINGS[node.tag])
    elif node.type == "paragraph":
        yield Paragraph(_text(node), _BODY)
    elif node.type == "bullet_list":
        for item in node.children:
            yield Paragraph(_text(item.children[0]), _ITEM, bulletText="•")
        yield Spacer(1, 6)
    elif node.type == "table":
        yield _table([row for part in node.children for row in part.children])
        yield Spacer(1, 10)
    else:
        raise ValueError(f"The sources do not use {node.type}.")


def _table(rows: Sequence[SyntaxTreeNode]) -> Table:
    styles = [_HEAD, *[_CELL] * (len(rows) - 1)]
    cells = [
        [Paragraph(_text(cell), style) for cell in row.children] for row, style in zip(rows, styles, strict=True)
    ]
    return Table(cells, style=_TABLE, hAlign="LEFT", repeatRows=1)


def _text(node: SyntaxTreeNode) -> str:
    """The words of a block, as reportlab's paragraphs take them; the sources use no inline markup."""
    return node.children[0].content.replace("&", "&amp;").replace("<", "&lt;")


if __name__ == "__main__":
    for source in sorted((_HERE / "sources").glob("*.md")):
        build(source, _HERE / f"{source.stem}.pdf")
