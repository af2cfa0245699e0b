"""What lies over the cells of a sheet: text boxes and charts (ISO/IEC 29500-1, 20.5)."""

from collections.abc import Iterator

from lxml import etree

from documents.extraction.drawing_text import body_text, chart_text, line_of
from documents.extraction.office import Package, attribute, child
from documents.extraction.types import ExtractionError


def drawn_text(package: Package, sheet: str, *, has_cells: bool) -> str:
    """The texts in their order; of a chart among cells the title alone, because its numbers are in the cells.

    A drawing that is damaged is left out.
    """
    try:
        return "\n\n".join(
            text
            for drawing in package.related(sheet, "drawing")
            for text in _texts(package, drawing, has_cells=has_cells)
            if text
        )
    except ExtractionError:
        return ""


def _texts(package: Package, drawing: str, *, has_cells: bool) -> Iterator[str]:
    charts = package.relations(drawing)
    root = package.tree(drawing)
    for element in root.iter("{*}txBody", "{*}chart"):
        if etree.QName(element).localname == "txBody":
            yield body_text(element, [child(element, "lstStyle")])
            continue
        relation = charts.get(attribute(element, "id"))
        if relation is not None and relation.target in package:
            chart = package.tree(relation.target)
            yield line_of(child(chart, "chart", "title", "tx", "rich")) if has_cells else chart_text(chart)
