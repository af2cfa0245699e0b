"""Charts as SVG inside a page: pygal draws them, the page's own style sheet colours them.

Under the portal's policy no style stands in an element or in a `<style>`, so all that pygal says of looks is taken
out; its class names stay. A table beside the chart has the same figures for whoever does not see it.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

import pygal
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from lxml import etree
from pygal.style import Style

# About as wide as it is shown beside another one, so that its letters are as large as the page's small ones.
_WIDTH, _HEIGHT, _ROW = 360, 190, 26
_AXIS = 44
_LETTERS = Style(label_font_size=11, major_label_font_size=11)
# Labels that stand side by side without touching.
_MOST_LABELS = 4
_LONGEST_LABEL = 18
_UNWANTED = {"defs", "style", "script", "title"}
_UNWANTED_CLASSES = {"titles", "text-overlay", "tooltip-overlay", "overlay", "background"}


def columns(
    words: str, labels: Sequence[str], series: Mapping[str, Sequence[int]], *, shown: Callable[[float], str]
) -> SafeString:
    """A column for each label, its parts on each other; `words` say what it shows, `shown` writes a value."""
    chart = pygal.StackedBar(
        **_looks(shown),
        height=_HEIGHT,
        x_labels_major_every=ceil(len(labels) / _MOST_LABELS),
        show_minor_x_labels=False,
        truncate_label=-1,
    )
    return _drawn(chart, words, labels, series, shown)


def bars(
    words: str, labels: Sequence[str], series: Mapping[str, Sequence[int]], *, shown: Callable[[float], str]
) -> SafeString:
    """The same lying down, the first label on top: for names, which are longer than days."""
    chart = pygal.HorizontalStackedBar(**_looks(shown), height=_AXIS + _ROW * len(labels))
    turned = {name: list(reversed(values)) for name, values in series.items()}
    return _drawn(chart, words, list(reversed(labels)), turned, shown)


def _looks(shown: Callable[[float], str]) -> dict[str, Any]:
    return {
        "width": _WIDTH,
        "style": _LETTERS,
        "margin": 8,
        "spacing": 6,
        "show_legend": False,
        "js": (),
        "css": (),
        "classes": ("chart",),
        "no_prefix": True,
        "disable_xml_declaration": True,
        # Whole numbers alone, and few of them.
        "order_min": 0,
        "max_scale": 5,
        "min_scale": 2,
        "value_formatter": shown,
    }


def _drawn(
    chart: Any,
    words: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[int]],
    shown: Callable[[float], str],
) -> SafeString:
    chart.x_labels = [Truncator(one).chars(_LONGEST_LABEL) for one in labels]
    for name, values in series.items():
        said = [f"{label}: {shown(value)} ({name})" for label, value in zip(labels, values, strict=True)]
        chart.add(name, [{"value": one, "label": of} for one, of in zip(values, said, strict=True)])
    root = chart.render_tree()
    for element in list(root.iter()):
        _strip(element)
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.set("aria-label", words)
    etree.cleanup_namespaces(root)
    # Safe: what is text in it was escaped when it became a tree.
    return mark_safe(etree.tostring(root, encoding="unicode"))  # noqa: S308


def _strip(element: Any) -> None:
    """Take out what says how it looks or does something; of a bar's notes its label becomes its title."""
    parent = element.getparent()
    if parent is None:
        return
    classes = set((element.get("class") or "").split())
    name = etree.QName(element).localname if isinstance(element.tag, str) else ""
    if not name or name in _UNWANTED or classes & _UNWANTED_CLASSES or element.get("visibility") == "hidden":
        parent.remove(element)
    elif name == "desc" and "label" in classes:
        element.tag = element.tag.replace("desc", "title")
        element.attrib.clear()
    elif name == "desc":
        parent.remove(element)
    element.attrib.pop("style", None)
