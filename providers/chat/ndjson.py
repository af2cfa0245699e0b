"""JSON lines as Ollama streams them."""

from collections.abc import Iterator

from providers.chat.lines import LineCutter, parse_object


class NdjsonReader:
    """Reads the JSON objects that stand one to a line; empty lines are skipped over."""

    def __init__(self) -> None:
        self._lines = LineCutter()

    def feed(self, data: bytes) -> Iterator[dict[str, object]]:
        """The objects that `data` completes, those before a bad line too. Raises MalformedLineError."""
        for line in self._lines.feed(data):
            if line:
                yield parse_object(line)

    def finish(self) -> Iterator[dict[str, object]]:
        """The object on a last line that has no line break. Raises MalformedLineError."""
        if line := self._lines.finish():
            yield parse_object(line)
