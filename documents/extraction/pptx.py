"""PowerPoint presentations (ISO/IEC 29500): page n is slide n, the hidden ones too, with the speaker's notes."""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lxml import etree

from documents.extraction.drawing_text import body_text, chart_text, diagram_text, line_of, table_text
from documents.extraction.formats import ParsedDocument, ParsedPage
from documents.extraction.office import Package, attribute, child, local, no_text
from documents.extraction.saved_text import save_string
from documents.extraction.types import ExtractionError

_TITLES = frozenset({"title", "ctrTitle"})
_LEFT_OUT = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})
_WITH_BULLETS = frozenset({"body", "obj", ""})  # "" is what says nothing of its type: content
_NO_TITLE = frozenset({"PowerPoint Presentation", "PowerPoint-Präsentation", "Présentation PowerPoint"})
_NON_VISUAL = ("nvSpPr", "nvPicPr", "nvGraphicFramePr", "nvGrpSpPr")


@dataclass(slots=True)
class _Deck:
    package: Package
    layouts: dict[str, etree._Element] = field(default_factory=dict)

    def tree(self, name: str) -> etree._Element:
        """A layout or master, which many slides share."""
        if name not in self.layouts:
            self.layouts[name] = self.package.tree(name)
        return self.layouts[name]


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Open a PPTX; its slides are read one by one.

    Raises what `open_container` raises, the pages too, and `no_text` at their end.
    """
    package = Package(file)
    title, properties = package.describe()
    slides = _slides(package)
    if (not title or title in _NO_TITLE) and slides:
        title = _first_title(package.tree(slides[0]))
    return ParsedDocument(
        title=title or None, page_count=len(slides), pages=_pages(package, slides), properties=properties
    )


def _slides(package: Package) -> list[str]:
    """The slides' parts, in order."""
    relations = package.relations(package.main())
    ids = [_relation_id(e) for e in package.tree(package.main()).iter("{*}sldId")]
    return [relations[id_].target for id_ in ids if id_ in relations]


def _relation_id(element: etree._Element) -> str:
    """`r:id`, which stands beside an `id` of the element's own."""
    return next((str(value) for key, value in element.items() if str(key).endswith("}id")), "")


def _first_title(slide: etree._Element) -> str:
    shapes = (shape for shape in slide.iter("{*}sp") if _placeholder(shape)[0] in _TITLES)
    return next((save_string(line_of(child(shape, "txBody"))) for shape in shapes), "")


def _pages(package: Package, slides: Sequence[str]) -> Iterator[ParsedPage]:
    deck, has_text = _Deck(package), False
    for index, name in enumerate(slides, 1):
        slide = package.tree(name)
        parts = _slide_parts(deck, name, slide)
        notes = [text for note in package.related(name, "notesSlide") for text in _notes(package.tree(note))]
        if notes:
            parts += ["Notes:", *notes]
        text = save_string("\n\n".join(parts))
        has_text = has_text or bool(text)
        label = "Hidden slide" if slide.get("show") in {"0", "false"} else ""
        yield ParsedPage(text, 0.0, 0.0, index / len(slides), label)
    if not has_text:
        raise no_text()


def _slide_parts(deck: _Deck, name: str, slide: etree._Element) -> list[str]:
    """The slide's texts, its title first."""
    layout = next(iter(deck.package.related(name, "slideLayout")), "")
    master = next(iter(deck.package.related(layout, "slideMaster")), "") if layout else ""
    titles: list[str] = []
    others: list[str] = []
    for shape in _shapes(child(slide, "cSld", "spTree")):
        kind, _ = _placeholder(shape)
        if kind in _LEFT_OUT:
            continue
        if kind in _TITLES and (title := line_of(child(shape, "txBody"))):
            titles.append(f"# {title}")
        elif kind not in _TITLES and (text := _shape_text(deck, name, shape, layout, master)):
            others.append(text)
    return titles + others


def _shapes(tree: etree._Element | None) -> Iterator[etree._Element]:
    """The shapes of a slide in their order, those in groups too."""
    for element in () if tree is None else tree:
        if local(element) in {"grpSp", "AlternateContent", "Choice"}:
            yield from _shapes(element)
        elif local(element) in {"sp", "cxnSp", "pic", "graphicFrame", "contentPart"}:
            yield element


def _placeholder(shape: etree._Element) -> tuple[str | None, str]:
    """The type and index of the placeholder that a shape fills; None where it fills none."""
    for name in _NON_VISUAL:
        mark = child(shape, name, "nvPr", "ph")
        if mark is not None:
            return attribute(mark, "type"), attribute(mark, "idx", "0")
    return None, ""


def _shape_text(deck: _Deck, name: str, shape: etree._Element, layout: str, master: str) -> str:
    kind = local(shape)
    if kind == "graphicFrame":
        return _graphic_text(deck.package, name, shape)
    if kind == "pic":
        return " ".join(attribute(child(shape, "nvPicPr", "cNvPr"), "descr").split())
    body = child(shape, "txBody")
    if body is None:
        return ""
    return body_text(body, [child(body, "lstStyle"), *_inherited(deck, shape, layout, master)])


def _inherited(deck: _Deck, shape: etree._Element, layout: str, master: str) -> Iterator[etree._Element | None]:
    """Where a placeholder's paragraphs have their bullets from: the layout's, then the master's own styles."""
    kind, index = _placeholder(shape)
    if kind is None or not layout:
        return
    for other in deck.tree(layout).iter("{*}sp"):
        other_kind, other_index = _placeholder(other)
        if other_kind is not None and other_index == index:
            yield child(other, "txBody", "lstStyle")
    if master and kind in _WITH_BULLETS:
        yield child(deck.tree(master), "txStyles", "bodyStyle")


def _graphic_text(package: Package, name: str, frame: etree._Element) -> str:
    """A table, a chart or a diagram; one that is damaged is left out."""
    data = child(frame, "graphic", "graphicData")
    table = child(data, "tbl")
    if table is not None:
        return table_text(table)
    relations = package.relations(name)
    for mark, key, read in (("chart", "id", chart_text), ("relIds", "dm", diagram_text)):
        relation = relations.get(attribute(child(data, mark), key))
        if relation is not None and relation.target in package:
            try:
                return read(package.tree(relation.target))
            except ExtractionError:
                return ""
    return ""


def _notes(root: etree._Element) -> list[str]:
    """What the speaker wrote below the slide."""
    bodies = [child(shape, "txBody") for shape in root.iter("{*}sp") if _placeholder(shape)[0] == "body"]
    return [text for body in bodies if body is not None and (text := body_text(body, [child(body, "lstStyle")]))]
