"""Tables as GitHub's Markdown writes them: the first row is the header, a line of dashes below it."""

from collections.abc import Sequence


def markdown_cell(text: str) -> str:
    """A cell's text on one line, its bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def markdown_row(cells: Sequence[str], width: int = 0) -> str:
    """One row of cells that went through `markdown_cell`, filled up to `width` columns."""
    filled = [*cells, *[""] * (width - len(cells))]
    return "| " + " | ".join(filled) + " |"


def markdown_rule(width: int) -> str:
    """The line below the header."""
    return "|" + " --- |" * width


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """All rows, as wide as the widest; "" when there is none."""
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    lines = [markdown_row(row, width) for row in rows]
    return "\n".join([lines[0], markdown_rule(width), *lines[1:]])
