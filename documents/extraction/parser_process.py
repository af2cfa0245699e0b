"""One parser process: how it is started, listened to and ended, and why it ended when it did."""

import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import IO, Any

from documents.extraction.types import ErrorCode, ExtractionError, Limits

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one page's text or image; a parser that says more at once is killed."""

LONGEST_LIFE = 85.0
"""Seconds after which a parser is not waited for any longer, however little of them it was waited for."""

# Text recognition maps more libraries than fit the usual bound; what it writes to is bounded all the same.
_RECOGNITION_MEMORY, _RECOGNITION_DATA = 1024 * 1024 * 1024, 400 * 1024 * 1024
_SINGLE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

_READ = 1 << 18
_PIPE = 1 << 20  # so that a parser is hardly ever kept waiting by its reader
_ALLOCATION_FAILED = frozenset({signal.SIGTRAP, signal.SIGABRT, signal.SIGILL})

# The interpreter is started without site packages and without the current folder: it is told these two paths.
_BOOTSTRAP = "import sys; sys.path += sys.argv[2:]; from documents.extraction.worker import main; main()"
_OPTIONS = ("-I", "-S", "-B", "-X", "utf8", "-c", _BOOTSTRAP)
_PROJECT = Path(__file__).resolve().parents[2]


class ParserProcess:
    """A parser and the lines it answers with.

    `seconds` bounds the waiting for it, and its processor time; `recognises` gives it what text recognition
    needs.
    """

    def __init__(
        self,
        request: dict[str, Any],
        path: Path,
        limits: Limits,
        *,
        allow_unisolated: bool,
        seconds: float | None = None,
        recognises: bool = False,
    ) -> None:
        """Start it; nothing is read yet."""
        self._limits = limits
        self.seconds_left = limits.seconds if seconds is None else seconds
        self._received = bytearray()
        self._began = time.monotonic()
        terms = {
            "parent": os.getpid(),
            "memory": _RECOGNITION_MEMORY if recognises else limits.memory,
            "data": _RECOGNITION_DATA if recognises else limits.memory,
            "seconds": self.seconds_left,
            "allow_unisolated": allow_unisolated,
        }
        with path.open("rb") as file:
            # the opened file is handed over: in its namespace the parser may have no right to open it
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own request
                [sys.executable, *_OPTIONS, json.dumps(request | terms), str(_PROJECT), *_library_paths()],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_SINGLE_THREAD if recognises else {},
                cwd="/",
                start_new_session=True,
                pipesize=_PIPE,
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
                raise too_large_text(self._limits)
            self._receive()
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def _receive(self) -> None:
        """More bytes, or the error that there are none. Only this waiting is counted against the limit."""
        began = time.monotonic()
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        is_ready = poll.poll(max(0.0, min(self.seconds_left, self._began + LONGEST_LIFE - began)) * 1000)
        self.seconds_left -= time.monotonic() - began
        if not is_ready:
            raise timeout(self._limits)
        data = os.read(self._output.fileno(), _READ)
        if not data:
            raise _ended(self._process.wait(), self._limits)
        self._received += data


@cache
def can_recognise() -> bool:
    """Whether the extra for text recognition is installed."""
    return all(importlib.util.find_spec(library) is not None for library in ("rapidocr", "onnxruntime"))


@cache
def _library_paths() -> tuple[str, ...]:
    """The folders that hold what the parsers import."""
    folders = set()
    for library in ("pypdfium2", "lxml", "selectolax", "PIL"):
        spec = importlib.util.find_spec(library)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(library)
        folders.add(str(Path(spec.origin).parents[1]))
    if can_recognise() and (spec := importlib.util.find_spec("rapidocr")) and spec.origin:
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
        return timeout(limits)
    if status == -signal.SIGKILL:  # not by us: by the kernel, of all processes this one first
        return ExtractionError(
            "out_of_memory", "The server ran out of memory while it read the file. Try again when it is less busy."
        )
    if -status in _ALLOCATION_FAILED:
        return _out_of_memory(limits)
    return _crashed(f"signal {-status}" if status < 0 else f"exit status {status}")


def timeout(limits: Limits) -> ExtractionError:
    """Reading takes too long."""
    return ExtractionError(
        "timeout",
        f"Reading the file took longer than {limits.seconds:g} seconds. Split the document.",
    )


def too_large_text(limits: Limits) -> ExtractionError:
    """There is more text than anybody needs."""
    return ExtractionError(
        "too_large_text", f"The document has more than {limits.characters:,} characters of text. Split it."
    )


def _out_of_memory(limits: Limits) -> ExtractionError:
    return ExtractionError(
        "out_of_memory",
        f"Reading the file needs more than {limits.memory // 2**20} MB of memory. Split the document.",
    )


def _crashed(reason: str) -> ExtractionError:
    return ExtractionError(
        "parser_crashed", f"The file makes its reader fail ({reason}). Export it anew, then upload that file."
    )
