"""Lines of the log that nobody but Docent writes: what people send stands in them too."""

import json
import logging
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from tenants.observing.log_context import noted_ids
from tenants.observing.trace_spans import trace_ids

# Beside the control characters: line ends that terminals know, and what turns the direction of reading round.
_ESCAPED = {"Cc", "Cf", "Zl", "Zp", "Cs"}
# What PostgreSQL adds to an error, to its end: the row's values, which may have lines of their own.
_VALUES = re.compile(
    r"\n(?:DETAIL|CONTEXT|QUERY|STATEMENT|LINE \d+):.*?(?=\n\n(?:The above|During handling)|\Z)", re.DOTALL
)


def escaped(text: str) -> str:
    """Control characters as Python writes them: what a terminal would obey, or take for the next line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        one.encode("unicode_escape").decode() if unicodedata.category(one) in _ESCAPED else one for one in text
    )


class EscapedFormatter(logging.Formatter):
    """One record, one line; of what follows, an exception's way here, each line is indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = escaped(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _indented(super().formatStack(stack_info))


class JsonFormatter(logging.Formatter):
    """One record, one line, one object: what happened, and the ids of what it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": escaped(record.getMessage()),
            **noted_ids(),
            **trace_ids(),
        }
        if record.exc_info:
            told["exception"] = _lines(self.formatException(record.exc_info))
        if record.stack_info:
            told["stack"] = _lines(record.stack_info)
        return json.dumps(told, ensure_ascii=False)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        return without_values(super().formatException(ei))


class PathsAlone(logging.Filter):
    """Of addresses that were asked for, the path: what people search for stands behind the question mark."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                one.partition("?")[0] if isinstance(one, str) and one.startswith("/") else one
                for one in record.args
            )
        return True


def without_values(text: str) -> str:
    """What a database says of an error, without the values that it names: they are what people wrote."""
    return _VALUES.sub("", text)


def _lines(text: str) -> list[str]:
    return [escaped(line) for line in text.split("\n")]


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in _lines(without_values(text)))
