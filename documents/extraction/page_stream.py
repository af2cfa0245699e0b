"""The pages of one file, read by one parser process after another where one may not read them all.

No parser lives longer than 90 seconds. A PDF is read in turns: each process stops in time and says from which
page the next one goes on. Text recognition has processes of its own, which only files with pictures cost.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from documents.extraction.formats import IN_TURNS, Turn
from documents.extraction.parser_process import LONGEST_LIFE, ParserProcess, can_recognise, timeout, too_large_text
from documents.extraction.types import ErrorCode, ExtractionError, Limits, PageText

TURN_SECONDS = 40.0
"""After so long a process begins no other page."""

_FAULTS_OF_A_PAGE: frozenset[ErrorCode] = frozenset({"timeout", "out_of_memory", "parser_crashed"})


class PageStream:
    """The pages of a file while it is being parsed: an iterator, and a context manager that kills the parser.

    `title`, `page_count` (None where the format does not know) and `properties` are there from the start, some
    properties only at the end; `progress` grows from 0 to 1 with the pages. Iterating raises
    `ExtractionError`; the pages before it were sound.
    """

    def __init__(self, path: Path, media_type: str, *, limits: Limits, allow_unisolated: bool) -> None:
        """Start the parser and wait until it has opened the file; raises `ExtractionError`."""
        self.progress = 0.0
        self._path = path
        self._media_type = media_type
        self._limits = limits
        self._allow_unisolated = allow_unisolated
        self._seconds_left = limits.seconds
        self._recognition_left = limits.recognition
        self._next_start = 0
        self._next_number = 1
        self._is_done = False
        self._has_text, self._pictures = False, 0  # since the turn began
        self._turn: Turn | None = None
        if media_type in IN_TURNS:
            may_recognise = limits.recognition > 0 and can_recognise()
            self._turn = Turn(seconds=TURN_SECONDS, recognition="wanted" if may_recognise else "off")
        self._parser = self._start()
        opened = self._parser.answer()
        self.title: str | None = opened["title"]
        self.page_count: int | None = opened["page_count"]
        self.properties: dict[str, str] = opened["properties"]
        self._check(pages=self.page_count or 0, characters=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[PageText]:
        return self

    def __next__(self) -> PageText:
        while not self._is_done:
            try:
                answer = self._parser.answer()
            except ExtractionError as error:
                self._go_on_after(error)
                continue
            if "done" not in answer:
                return self._page(answer)
            self._end_turn(answer)
        raise StopIteration

    def close(self) -> None:
        """End the parser, finished or not."""
        self._parser.kill()

    def _page(self, answer: dict[str, Any]) -> PageText:
        page = _page_of(answer, number=self._next_number, start=self._next_start)
        self._check(pages=page.number, characters=page.end)
        self._has_text = self._has_text or bool(page.text.strip())
        self._pictures += answer["is_picture"]
        self._next_number += 1
        self._next_start = page.end + 1  # the form feed between two pages
        self.progress = answer["progress"]
        return page

    def _end_turn(self, answer: dict[str, Any]) -> None:
        self.close()
        self.properties |= answer["properties"]
        self._take_stock()
        if answer["turn"] is None:
            self._is_done = True
        else:
            self._begin(Turn(**answer["turn"]))

    def _take_stock(self) -> None:
        """Count what the turn's waiting has used up; each kind of work has its own time."""
        if self._is_recognising:
            self._recognition_left -= min(LONGEST_LIFE, self._recognition_left) - self._parser.seconds_left
        else:
            self._seconds_left = self._parser.seconds_left

    def _go_on_after(self, error: ExtractionError) -> None:
        """Try a page whose recognition fails once more, in a fresh process; then pass its picture over."""
        self._take_stock()
        page, turn = self._next_number, self._turn
        if turn is None or not self._is_recognising or error.code not in _FAULTS_OF_A_PAGE:
            raise error
        if self._recognition_left <= 0 or turn.passed_over == page:
            raise error
        self._begin(
            replace(
                turn,
                first=page,
                passed_over=page if turn.first == page else 0,
                has_text=turn.has_text or self._has_text,
                pictures=turn.pictures + self._pictures,
            )
        )

    def _begin(self, turn: Turn) -> None:
        self._turn, self._has_text, self._pictures = turn, False, 0
        if self._is_recognising and self._recognition_left <= 0:
            raise ExtractionError(
                "timeout",
                f"Recognising the text of the scan took longer than {self._limits.recognition:g} seconds."
                " Split the document.",
            )
        if not self._is_recognising and self._seconds_left <= 0:
            raise timeout(self._limits)
        self._parser = self._start()
        self._parser.answer()  # title and properties, which are known

    @property
    def _is_recognising(self) -> bool:
        return self._turn is not None and self._turn.recognition == "on"

    def _start(self) -> ParserProcess:
        request = {
            "operation": "pages",
            "media_type": self._media_type,
            "turn": asdict(self._turn) if self._turn else None,
        }
        seconds = min(LONGEST_LIFE, self._recognition_left) if self._is_recognising else self._seconds_left
        return ParserProcess(
            request,
            self._path,
            self._limits,
            allow_unisolated=self._allow_unisolated,
            seconds=seconds,
            recognises=self._is_recognising,
        )

    def _check(self, *, pages: int, characters: int) -> None:
        error = _oversize(self._limits, pages, characters)
        if error is not None:
            self.close()
            raise error


def _page_of(answer: dict[str, Any], *, number: int, start: int) -> PageText:
    return PageText(
        number=number,
        start=start,
        end=start + len(answer["text"]),
        text=answer["text"],
        width=answer["width"],
        height=answer["height"],
        label=answer["label"],
        is_recognised=answer["is_recognised"],
        headings=headings if (headings := answer["headings"]) is None else tuple(map(tuple, headings)),
    )


def _oversize(limits: Limits, pages: int, characters: int) -> ExtractionError | None:
    if pages > limits.pages:
        return ExtractionError("too_many_pages", f"The document has more than {limits.pages:,} pages. Split it.")
    return too_large_text(limits) if characters > limits.characters else None
