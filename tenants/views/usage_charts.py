"""The pictures above the table of usage: questions, and tokens read and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.formats import date_format, number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenants.limits.usage import GroupBy, UsageQuery, UsageRow
from tenants.presentation.charts import bars, columns

# More names than these nobody reads off a picture; the table has them all.
_MOST_BARS = 12


@dataclass(frozen=True, slots=True)
class Chart:
    """`keys` name the parts of its columns, in the order of their colours; none where there is one part."""

    title: str
    svg: SafeString
    keys: tuple[str, ...] = ()


def usage_charts(query: UsageQuery, rows: Sequence[UsageRow]) -> list[Chart]:
    """Of the same rows as the table: a column for each day, or the greatest users first."""
    if not rows:
        return []
    draw, labels, counts = (
        (bars, *_of_names(rows)) if query.group is not GroupBy.DAY else (columns, *_of_days(query, rows))
    )
    asked, read, written = (list(one) for one in zip(*counts, strict=True))
    questions, tokens = _("Questions"), _("Tokens")
    parts = {_("Answer tokens"): written, _("Prompt tokens"): read}
    whole = {
        questions: (number_format(sum(asked), force_grouping=True), {questions: asked}),
        tokens: (number_format(sum(read) + sum(written), force_grouping=True), parts),
    }
    return [
        Chart(
            title=title,
            svg=draw(
                _("Chart: {title}, {total} together. The table below has every figure.").format(
                    title=title, total=total
                ),
                labels,
                series,
                shown=_shown,
            ),
            keys=tuple(series) if len(series) > 1 else (),
        )
        for title, (total, series) in whole.items()
    ]


def _of_days(query: UsageQuery, rows: Sequence[UsageRow]) -> tuple[list[str], list[tuple[int, int, int]]]:
    """Every day that is asked for, oldest first, whether anything was used or not."""
    used = {row.key: _counts(row) for row in rows}
    days = [query.first + timedelta(days=number) for number in range((query.last - query.first).days + 1)]
    return [_day(one) for one in days], [used.get(one.isoformat(), (0, 0, 0)) for one in days]


def _of_names(rows: Sequence[UsageRow]) -> tuple[list[str], list[tuple[int, int, int]]]:
    most = rows[:_MOST_BARS]
    return [row.label for row in most], [_counts(row) for row in most]


def _counts(row: UsageRow) -> tuple[int, int, int]:
    return row.questions, row.prompt_tokens, row.completion_tokens


def _day(day: date) -> str:
    return date_format(day, "j M")


def _shown(value: float) -> str:
    return str(number_format(round(value), force_grouping=True))
