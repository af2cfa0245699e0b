"""Lines as a model server streams them: read in spite of harmless differences, never without bounds."""

import codecs
import json
from collections.abc import Iterator

MAX_LINE_BYTES = 1_000_000


class MalformedLineError(ValueError):
    """A line is too long, is no JSON or is no object."""


class LineCutter:
    """Cuts bytes, in whatever pieces they arrive, into lines without their ends.

    CRLF and byte order marks are taken off, empty lines stay. A character may be split between two pieces: only
    whole lines are handed out. Not more than `MAX_LINE_BYTES` and one piece are ever held.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that `data` completes. Raises MalformedLineError after those before the bad one."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield _bare(line)
        if len(rest) > MAX_LINE_BYTES:
            raise MalformedLineError("a line is too long")
        self._rest = rest

    def finish(self) -> bytes:
        """The last line, where it has no line break."""
        rest, self._rest = self._rest, b""
        return _bare(rest)


def _bare(line: bytes) -> bytes:
    line = line.removeprefix(codecs.BOM_UTF8).strip()
    if len(line) > MAX_LINE_BYTES:
        raise MalformedLineError("a line is too long")
    return line


def parse_object(line: bytes) -> dict[str, object]:
    """The JSON object that a line is. Raises MalformedLineError."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedLineError("a line is not JSON") from error
    if not isinstance(value, dict):
        raise MalformedLineError("a line is not a JSON object")
    return value
