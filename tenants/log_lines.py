"""Lines of the log that nobody but Docent writes: what people send stands in them too."""

import logging
import unicodedata
from typing import Any

# Beside the control characters: line ends that terminals know, and what turns the direction of reading round.
_ESCAPED = {"Cc", "Cf", "Zl", "Zp", "Cs"}


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


def _indented(text: str) -> str:
    return "\n".join(f"  {escaped(line)}" for line in text.split("\n"))
