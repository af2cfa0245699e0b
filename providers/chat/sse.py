"""Server-sent events as servers that speak OpenAI's API stream them."""

from collections.abc import Iterator
from typing import Final

from providers.chat.lines import LineCutter, parse_object

# What stands in the last event instead of an object.
DONE: Final = b"[DONE]"


class SseReader:
    """Reads the JSON objects of the events; `is_done` as soon as the server has said that no more will come.

    Every server that is known writes an event's data on one line, so a line is an object. Comments, by which a
    server says that it lives, and fields other than `data` are skipped over. The data of an event called `error`,
    and of a field of that name, which llama.cpp once wrote, becomes the object's `error` where it is not already.
    """

    def __init__(self) -> None:
        self._lines = LineCutter()
        self._is_error = False
        self.is_done = False

    def feed(self, data: bytes) -> Iterator[dict[str, object]]:
        """The objects that `data` completes, those before a bad line too. Raises MalformedLineError."""
        for line in self._lines.feed(data):
            yield from self._read(line)

    def finish(self) -> Iterator[dict[str, object]]:
        """The object on a last line that has no line break. Raises MalformedLineError."""
        yield from self._read(self._lines.finish())

    def _read(self, line: bytes) -> Iterator[dict[str, object]]:
        field, _, value = line.partition(b":")
        value = value.strip()
        if not line:
            self._is_error = False
        elif field == b"event":
            self._is_error = value == b"error"
        elif field == b"error":
            yield {"error": parse_object(value)}
        elif line.startswith(b"{"):
            # A proxy that gave up writes its error as it is, without any field.
            yield parse_object(line)
        elif field == b"data" and value == DONE:
            self.is_done = True
        elif field == b"data" and value:
            record = parse_object(value)
            yield {"error": record, **record} if self._is_error else record
