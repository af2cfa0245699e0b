"""Charts: geometry by a library, looks by the style sheet, nothing that the content policy would refuse."""

from __future__ import annotations

import re
from datetime import date

import pytest
from lxml import etree

from config.embedded import PROJECT
from tenants.limits.usage import GroupBy, UsageQuery, UsageRow
from tenants.presentation.charts import bars, columns
from tenants.views.usage_charts import usage_charts

SERIES = {"Asked": [1, 0, 12_000], "Read": [5, 5, 0]}
HOSTILE = '<script>alert(1)</script>" onload="x'


def shown(value: float) -> str:
    return f"{value:,.0f}"


@pytest.mark.parametrize("draw", [columns, bars])
def test_a_chart_is_one_picture_with_words_and_holds_no_style_and_no_script(draw: object) -> None:
    assert callable(draw)
    tree = etree.fromstring(draw(HOSTILE, [HOSTILE, "b", "c"], SERIES, shown=shown))
    assert (tree.get("role"), tree.get("aria-label")) == ("img", HOSTILE)
    names = {etree.QName(one).localname for one in tree.iter()}
    assert names == {"svg", "g", "rect", "path", "text", "title"}
    attributes = {str(name) for one in tree.iter() for name in one.attrib}
    assert not {one for one in attributes if one in {"style", "id", "href"} or one.startswith("on")}
    titles = [one.text for one in tree.iter("{*}title")]
    assert "c: 12,000 (Asked)" in titles
    assert len(titles) == 6


def test_every_class_that_the_style_sheet_colours_is_there() -> None:
    drawn = columns("Chart", ["a", "b"], {"Asked": [1, 2], "Read": [3, 4]}, shown=shown)
    style = (PROJECT / "static/css/charts.css").read_text()
    coloured = {
        one for rule in re.findall(r"\.usage-chart ([^{]*)\{", style) for one in re.findall(r"\.([\w-]+)", rule)
    }
    present = {one for names in re.findall(r'class="([^"]*)"', drawn) for one in names.split()}
    assert coloured - {"usage-chart"} <= present


def test_days_without_use_are_columns_too_and_names_are_the_greatest_twelve() -> None:
    days = UsageQuery(date(2026, 3, 1), date(2026, 3, 10))
    charts = usage_charts(days, [UsageRow("2026-03-04", "2026-03-04", 3, 70, 9)])
    assert [one.keys for one in charts] == [(), ("Answer tokens", "Prompt tokens")]
    assert [one.svg.count("<rect") for one in charts] == [10, 20]
    models = UsageQuery(date(2026, 3, 1), date(2026, 3, 10), GroupBy.MODEL)
    rows = [UsageRow(f"m{n}", f"m{n}", 1, 1, 1) for n in range(20)]
    assert usage_charts(models, rows)[0].svg.count("<rect") == 12
    assert usage_charts(models, []) == []
