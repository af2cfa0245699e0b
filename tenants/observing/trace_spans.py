"""Spans of traces, for an installation that collects them; elsewhere nothing is loaded or done for it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

Value = str | int | float | bool


class Span(Protocol):
    """OpenTelemetry's, as far as it is used here. What people write is no attribute of any."""

    def set_attribute(self, key: str, value: Value) -> None: ...
    def update_name(self, name: str) -> None: ...
    def end(self) -> None: ...


class Spans(Protocol):
    """OpenTelemetry's tracer."""

    def start_span(self, name: str, *, attributes: Mapping[str, Value]) -> Any: ...
    def start_as_current_span(
        self,
        name: str,
        *,
        attributes: Mapping[str, Value],
        record_exception: bool,
        set_status_on_exception: bool,
    ) -> AbstractContextManager[Any]: ...


_spans: Spans | None = None
_ids: Callable[[], Mapping[str, str]] = dict


def trace_by(spans: Spans | None, ids: Callable[[], Mapping[str, str]] = dict) -> None:
    """Have spans made from here on; `ids` says which trace is going on. None: no more."""
    global _spans, _ids
    _spans, _ids = spans, ids


def trace_ids() -> Mapping[str, str]:
    """`trace` and `span` of what is going on here, if it is traced."""
    return _ids()


@contextmanager
def span(name: str, attributes: Mapping[str, Value] | None = None) -> Iterator[Span | None]:
    """A span for the block, and the parent of those within it; None where nobody collects any.

    Of an exception its kind is told and not its words, which may be people's.
    """
    if _spans is None:
        yield None
        return
    begun = _spans.start_as_current_span(
        name, attributes=attributes or {}, record_exception=False, set_status_on_exception=False
    )
    with begun as made, _telling_errors(made):
        yield made


@contextmanager
def span_aside(name: str, attributes: Mapping[str, Value] | None = None) -> Iterator[Span | None]:
    """The same for a generator, in whose pauses others have their own: it is nobody's parent."""
    if _spans is None:
        yield None
        return
    made = _spans.start_span(name, attributes=attributes or {})
    try:
        with _telling_errors(made):
            yield made
    finally:
        made.end()


@contextmanager
def _telling_errors(made: Span) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        made.set_attribute("error.type", getattr(error, "code", None) or type(error).__name__)
        raise
