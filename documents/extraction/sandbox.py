"""Parsing in a process of its own, killed when it takes too long, too much or more than it may.

Every file gets a fresh interpreter (about 60 ms) without network, secrets or Django. Nothing that a file
does to its reader reaches the caller: it comes back as an `ExtractionError`. All functions block; they may be
called from any thread, also from several at once.
"""

import base64
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from documents.extraction.isolation import NetworkIsolation
from documents.extraction.outline import page_blocks
from documents.extraction.types import (
    PDF,
    Block,
    ErrorCode,
    Extraction,
    ExtractionError,
    Limits,
    PageText,
    Rect,
)

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one page's text or image; a parser that says more at once is killed."""

_READ = 1 << 18
_DEFAULT_LIMITS = Limits()
_ALLOCATION_FAILED = frozenset({signal.SIGKILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGILL})

# The interpreter is started without site packages and without the current folder: it is told these two paths.
_BOOTSTRAP = "import sys; sys.path += sys.argv[2:]; from documents.extraction.worker import main; main()"
_PROJECT = Path(__file__).resolve().parents[2]


class PageStream:
    """The pages of a file while it is being parsed: an iterator, and a context manager that kills the parser.

    `title` and `page_count` (None where the format does not know) are there from the start; `progress` grows
    from 0 to 1 with the pages. Iterating raises `ExtractionError`; the pages before it were sound.
    """

    def __init__(
        self, path: Path, media_type: str, *, limits: Limits = _DEFAULT_LIMITS, allow_unisolated: bool = False
    ) -> None:
        """Start the parser and wait until it has opened the file; raises `ExtractionError`."""
        self.progress = 0.0
        self._limits = limits
        self._next_start = 0
        self._next_number = 1
        self._is_done = False
        self._parser = _Parser(
            {"operation": "pages", "media_type": media_type}, path, limits, allow_unisolated=allow_unisolated
        )
        opened = self._parser.answer()
        self.title: str | None = opened["title"]
        self.page_count: int | None = opened["page_count"]
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
        if self._is_done:
            raise StopIteration
        answer = self._parser.answer()
        if "done" in answer:
            self._is_done = True
            self.close()
            raise StopIteration
        page = PageText(
            number=self._next_number,
            start=self._next_start,
            end=self._next_start + len(answer["text"]),
            text=answer["text"],
            width=answer["width"],
            height=answer["height"],
        )
        self._check(pages=page.number, characters=page.end)
        self._next_number += 1
        self._next_start = page.end + 1  # the form feed between two pages
        self.progress = answer["progress"]
        return page

    def close(self) -> None:
        """End the parser, finished or not."""
        self._parser.kill()

    def _check(self, *, pages: int, characters: int) -> None:
        if pages > self._limits.pages:
            self.close()
            raise ExtractionError(
                "too_many_pages", f"The document has more than {self._limits.pages:,} pages. Split it."
            )
        if characters > self._limits.characters:
            self.close()
            raise _too_large_text(self._limits)


def iter_pages(
    path: Path, media_type: str, *, limits: Limits = _DEFAULT_LIMITS, allow_unisolated: bool = False
) -> PageStream:
    """The pages one by one as they are parsed, so that the first can be indexed before the last is read."""
    return PageStream(path, media_type, limits=limits, allow_unisolated=allow_unisolated)


def extract(
    path: Path, media_type: str, *, limits: Limits = _DEFAULT_LIMITS, allow_unisolated: bool = False
) -> Extraction:
    """The whole document at once; raises `ExtractionError`."""
    with iter_pages(path, media_type, limits=limits, allow_unisolated=allow_unisolated) as stream:
        pages = tuple(stream)
    blocks: list[Block] = []
    for page in pages:
        blocks.extend(page_blocks(page))
    return Extraction(pages=pages, blocks=tuple(blocks), media_type=media_type, title=stream.title)


def render_page(
    path: Path,
    page: int,
    *,
    width: int = 1400,
    limits: Limits = _DEFAULT_LIMITS,
    allow_unisolated: bool = False,
) -> bytes:
    """Page `page` (from 1) of a PDF as a PNG `width` pixels wide; raises `ExtractionError`."""
    request = {"operation": "render", "media_type": PDF, "page": page, "width": width}
    answer = _ask(request, path, limits, allow_unisolated=allow_unisolated)
    return base64.b64decode(answer["image"])


def locate(
    path: Path,
    page: int,
    start: int,
    end: int,
    *,
    limits: Limits = _DEFAULT_LIMITS,
    allow_unisolated: bool = False,
) -> list[Rect]:
    """Where characters [start, end) of that PDF page's saved text stand, one rectangle a line.

    The offsets count within the page, not within the version's text. Raises `ExtractionError`.
    """
    request = {"operation": "locate", "media_type": PDF, "page": page, "start": start, "end": end}
    answer = _ask(request, path, limits, allow_unisolated=allow_unisolated)
    return [Rect(**rect) for rect in answer["rects"]]


@cache
def network_isolation() -> NetworkIsolation | None:
    """What keeps parsers off the network on this machine; None: nothing does, and parsing is refused."""
    answer = _ask({"operation": "probe"}, Path(os.devnull), _DEFAULT_LIMITS, allow_unisolated=True)
    isolated_by: NetworkIsolation | None = answer["isolated_by"]
    return isolated_by


def _ask(request: dict[str, Any], path: Path, limits: Limits, *, allow_unisolated: bool) -> dict[str, Any]:
    """The single answer to a request."""
    parser = _Parser(request, path, limits, allow_unisolated=allow_unisolated)
    try:
        return parser.answer()
    finally:
        parser.kill()


class _Parser:
    """One parser process and the lines it answers with."""

    def __init__(self, request: dict[str, Any], path: Path, limits: Limits, *, allow_unisolated: bool) -> None:
        self._limits = limits
        self._seconds_left = limits.seconds
        self._received = bytearray()
        terms = {
            "parent": os.getpid(),
            "memory": limits.memory,
            "seconds": limits.seconds,
            "allow_unisolated": allow_unisolated,
        }
        command = [
            sys.executable,
            "-I",
            "-S",
            "-B",
            "-X",
            "utf8",
            "-c",
            _BOOTSTRAP,
            json.dumps(request | terms),
        ]
        with path.open("rb") as file:
            # the opened file is handed over: in its namespace the parser may have no right to open it
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own request
                [*command, str(_PROJECT), *_library_paths()],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )

    def answer(self) -> dict[str, Any]:
        """The next answer. Whatever goes wrong ends the process and is raised as `ExtractionError`."""
        try:
            answer: dict[str, Any] = json.loads(self._line())
        except ExtractionError:
            self.kill()
            raise
        if "error" in answer:
            self.kill()
            raise _reported(answer["error"], self._limits)
        return answer

    def kill(self) -> None:
        """End the process with everything it may have started."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._output.close()

    @property
    def _output(self) -> IO[bytes]:
        if self._process.stdout is None:
            raise ValueError("the parser was started without a pipe")
        return self._process.stdout

    def _line(self) -> bytes:
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if searched > MAX_ANSWER:
                raise _too_large_text(self._limits)
            self._receive()
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def _receive(self) -> None:
        """More bytes, or the error that there are none. Only this waiting is counted against the limit."""
        began = time.monotonic()
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        is_ready = poll.poll(max(0.0, self._seconds_left) * 1000)
        self._seconds_left -= time.monotonic() - began
        if not is_ready:
            raise _timeout(self._limits)
        data = os.read(self._output.fileno(), _READ)
        if not data:
            raise _ended(self._process.wait(), self._limits)
        self._received += data


@cache
def _library_paths() -> tuple[str, ...]:
    """The folders that hold what the parsers import."""
    folders = set()
    for library in ("pypdfium2", "charset_normalizer"):
        spec = importlib.util.find_spec(library)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(library)
        folders.add(str(Path(spec.origin).parents[1]))
    return tuple(sorted(folders))


def _reported(error: dict[str, Any], limits: Limits) -> ExtractionError:
    code: ErrorCode = error["code"]
    if code == "out_of_memory":
        return _out_of_memory(limits)
    if code == "parser_crashed":
        return _crashed(error["reason"])
    return ExtractionError(code, error["detail"])


def _ended(status: int, limits: Limits) -> ExtractionError:
    """Why a process that answered nothing more is gone; negative statuses are signals."""
    if status == -signal.SIGXCPU:
        return _timeout(limits)
    if -status in _ALLOCATION_FAILED:
        return _out_of_memory(limits)
    return _crashed(f"signal {-status}" if status < 0 else f"exit status {status}")


def _timeout(limits: Limits) -> ExtractionError:
    return ExtractionError(
        "timeout",
        f"Reading the file took longer than {limits.seconds:g} seconds. Split the document.",
    )


def _out_of_memory(limits: Limits) -> ExtractionError:
    return ExtractionError(
        "out_of_memory",
        f"Reading the file needs more than {limits.memory // 2**20} MB of memory. Split the document.",
    )


def _too_large_text(limits: Limits) -> ExtractionError:
    return ExtractionError(
        "too_large_text", f"The document has more than {limits.characters:,} characters of text. Split it."
    )


def _crashed(reason: str) -> ExtractionError:
    return ExtractionError(
        "parser_crashed", f"The file makes its reader fail ({reason}). Export it anew, then upload that file."
    )
