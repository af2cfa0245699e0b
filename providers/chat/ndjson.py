"""JSON lines as a model server streams them: read in spite of harmless differences, never without bounds."""

import codecs
import json
from collections.abc import Iterator

MAX_LINE_BYTES = 1_000_000


class MalformedLineError(ValueError):
    """A line is too long, is no JSON or is no object."""


class NdjsonReader:
    """Cuts bytes, in whatever pieces they arrive, into the JSON objects that stand one to a line.

    CRLF, empty lines and byte order marks are skipped over. A character may be split between two pieces:
    only whole lines are decoded. Not more than `MAX_LINE_BYTES` and one piece are ever held.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[dict[str, object]]:
        """The objects that `data` completes, those before a bad line too. Raises MalformedLineError."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from _parse(line)
        if len(rest) > MAX_LINE_BYTES:
            raise MalformedLineError("a line is too long")
        self._rest = rest

    def finish(self) -> Iterator[dict[str, object]]:
        """The object on a last line that has no line break. Raises MalformedLineError."""
        rest, self._rest = self._rest, b""
        yield from _parse(rest)


def _parse(line: bytes) -> Iterator[dict[str, object]]:
    line = line.removeprefix(codecs.BOM_UTF8).strip()
    if not line:
        return
    if len(line) > MAX_LINE_BYTES:
        raise MalformedLineError("a line is too long")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedLineError("a line is not JSON") from error
    if not isinstance(value, dict):
        raise MalformedLineError("a line is not a JSON object")
    yield value
