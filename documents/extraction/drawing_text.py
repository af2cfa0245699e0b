"""Text of shapes, tables, charts and diagrams (DrawingML, ISO/IEC 29500-1 chapters 20 and 21) as Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lxml import etree

from documents.extraction.office import attribute, child, local, number
from documents.extraction.tables import markdown_cell, markdown_table

_BULLETS = frozenset({"buChar", "buBlip", "buAutoNum", "buNone"})
_MAX_POINTS = 10_000


@dataclass(slots=True)
class _List:
    """The markers of the list so far: how far each level has counted and how wide its marker is."""

    counts: dict[int, int] = field(default_factory=dict)
    widths: dict[int, int] = field(default_factory=dict)

    def item(self, text: str, level: int, numbered: etree._Element | None) -> str:
        self.widths = {other: width for other, width in self.widths.items() if other < level}
        self.counts = {other: count for other, count in self.counts.items() if other <= level}
        marker = "-"
        if numbered is None:
            self.counts.pop(level, None)
        else:
            first = number(attribute(numbered, "startAt"), 1)
            self.counts[level] = self.counts.get(level, first - 1) + 1
            marker = f"{self.counts[level]}."
        indent = " " * sum(self.widths.values())
        self.widths[level] = len(marker) + 1
        hanging = "\n" + indent + " " * (len(marker) + 1)
        return f"{indent}{marker} {hanging.join(text.splitlines())}"


def body_text(body: etree._Element, styles: Sequence[etree._Element | None]) -> str:
    """The paragraphs of a text body; the ones with bullets are list items, nested by level.

    `styles` hold what a paragraph inherits, the nearest first: elements with `lvl1pPr` to `lvl9pPr`.
    """
    parts: list[tuple[bool, str]] = []
    items = _List()
    for paragraph in body.iterchildren("{*}p"):
        if not (text := paragraph_text(paragraph)):
            continue
        properties = child(paragraph, "pPr")
        level = min(max(number(attribute(properties, "lvl")), 0), 8)
        bullet = _bullet([properties, *(child(style, f"lvl{level + 1}pPr") for style in styles)])
        if bullet is None:
            items = _List()
            parts.append((False, f"\\{text}" if text.startswith("#") else text))
        else:
            parts.append((True, items.item(text, level, bullet if local(bullet) == "buAutoNum" else None)))
    return _joined(parts)


def paragraph_text(paragraph: etree._Element) -> str:
    """What a paragraph says, its line breaks kept."""
    return "".join(_pieces(paragraph)).replace("\u00ad", "").replace("\v", "\n").strip()


def line_of(body: etree._Element | None) -> str:
    """A whole text body on one line."""
    paragraphs = () if body is None else body.iterchildren("{*}p")
    return " ".join(" ".join(map(paragraph_text, paragraphs)).split())


def table_text(table: etree._Element) -> str:
    """A table; cells that merging covers are there and empty."""
    return markdown_table(
        [
            [markdown_cell(line_of(child(cell, "txBody"))) for cell in row.iterchildren("{*}tc")]
            for row in table.iterchildren("{*}tr")
        ]
    )


def chart_text(root: etree._Element) -> str:
    """A chart's title and the numbers that it draws, a column a series."""
    chart = child(root, "chart")
    title = line_of(child(chart, "title", "tx", "rich"))
    series = [] if chart is None else list(chart.iter("{*}ser"))
    values = [
        _points(child(one, "val") if child(one, "val") is not None else child(one, "yVal")) for one in series
    ]
    labels: dict[int, str] = {}
    for one in series:
        named = child(one, "cat")
        labels = labels or _points(named if named is not None else child(one, "xVal"))
    rows = [["", *(" ".join(_points(child(one, "tx")).values()) for one in series)]]
    places = sorted({index for points in values for index in points} | set(labels))
    rows += [[labels.get(index, ""), *(points.get(index, "") for points in values)] for index in places]
    table = markdown_table([[markdown_cell(cell) for cell in row] for row in rows]) if series else ""
    return "\n\n".join(filter(None, [title, table]))


def diagram_text(root: etree._Element) -> str:
    """The texts of a diagram's nodes."""
    points = [point for point in root.iter("{*}pt") if attribute(point, "type", "node") == "node"]
    return "\n".join(f"- {text}" for point in points if (text := line_of(child(point, "t"))))


def _pieces(element: etree._Element) -> Iterator[str]:
    for node in element:
        name = local(node)
        if name == "t":
            yield node.text or ""
        elif name == "br":
            yield "\n"
        elif name not in {"pPr", "rPr", "endParaRPr", "Fallback"}:
            yield from _pieces(node)


def _bullet(properties: Sequence[etree._Element | None]) -> etree._Element | None:
    """The nearest word on bullets; None where it is that there is none."""
    for element in properties:
        for inner in () if element is None else element:
            if local(inner) in _BULLETS:
                return None if local(inner) == "buNone" else inner
    return None


def _joined(parts: Sequence[tuple[bool, str]]) -> str:
    """Paragraphs with empty lines between them; none between the items of a list."""
    text, was_item = "", False
    for is_item, part in parts:
        text += (("\n" if is_item and was_item else "\n\n") if text else "") + part
        was_item = is_item
    return text


def _points(element: etree._Element | None) -> dict[int, str]:
    """A chart's cached values by their index."""
    if element is None:
        return {}
    points: dict[int, str] = {}
    for point in element.iter("{*}pt"):
        if len(points) < _MAX_POINTS:
            points.setdefault(number(attribute(point, "idx")), _value(child(point, "v")))
    if not points and (plain := child(element, "v")) is not None:
        points[0] = plain.text or ""
    return points


def _value(element: etree._Element | None) -> str:
    text = "" if element is None else element.text or ""
    try:
        return f"{float(text):.15g}"
    except ValueError:
        return text
