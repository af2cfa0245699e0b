"""Files that attack their reader: each fails alone, in time, with words, and leaves nothing behind."""

import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from documents.extraction import (
    PDF,
    PLAIN_TEXT,
    ExtractionError,
    Limits,
    extract,
    iter_pages,
    network_isolation,
)
from documents.extraction.types import HTML
from tests.config.polling import wait_for
from tests.documents.pdfs import (
    drawing_pdf,
    endless_pdf,
    inflating_pdf,
    many_pages_pdf,
    saved,
    text_pdf,
    xref_loop_pdf,
)

PROJECT = Path(__file__).resolve().parents[2]
ROOMY = 4 * 2**30  # so that time runs out first


def parsers() -> list[psutil.Process]:
    """This process's parsers, dead ones that nobody waited for included; it has other children too."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() == psutil.STATUS_ZOMBIE or any("extraction.worker" in word for word in child.cmdline())
    ]


def error_of(path: Path, media_type: str = PDF, limits: Limits | None = None) -> ExtractionError:
    with pytest.raises(ExtractionError) as failure:
        extract(path, media_type, limits=limits or Limits())
    assert failure.value.detail.endswith(".")
    assert parsers() == []
    return failure.value


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: text_pdf([["secret"]], password="hush"), "encrypted_pdf"),
        (lambda: text_pdf([["cut off"]])[:400], "corrupt_pdf"),
        (lambda: b"%PDF-1.7\n", "corrupt_pdf"),
        (drawing_pdf, "no_text"),
        (lambda: many_pages_pdf(10_001), "too_many_pages"),
        (lambda: inflating_pdf(megabytes=700), "out_of_memory"),
        (endless_pdf, "out_of_memory"),
    ],
    ids=["encrypted", "truncated", "headless", "scanned", "pages", "inflating", "endless"],
)
def test_u3_a_pdf_that_cannot_be_read_says_why(tmp_path: Path, make: Callable[[], bytes], code: str) -> None:
    path, began = saved(tmp_path, make()), time.monotonic()

    assert error_of(path).code == code
    assert time.monotonic() - began < 20


def test_u3_a_library_that_gets_no_memory_is_no_crash(tmp_path: Path) -> None:
    """Of HTML's library this is only seen by how much memory the parser has used."""
    path = saved(tmp_path, b"<b>x</b>" * 6_000_000, "many.html")

    assert error_of(path, HTML).code == "out_of_memory"


def test_positive_twins_of_the_hostile_pdfs_are_read(tmp_path: Path) -> None:
    def first_text(contents: bytes) -> str:
        return extract(saved(tmp_path, contents), PDF).pages[0].text

    assert first_text(text_pdf([["no password needed"]], password="")) == "no password needed"
    assert first_text(endless_pdf(depth=1)) == "word"
    assert first_text(xref_loop_pdf()) == "word"


def test_limits_count_pages_and_characters(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([["twenty characters 20"]] * 3))

    assert len(extract(path, PDF, limits=Limits(pages=3, characters=62)).pages) == 3
    assert error_of(path, limits=Limits(pages=2)).code == "too_many_pages"
    assert error_of(path, limits=Limits(characters=61)).code == "too_large_text"


def test_u3_time_runs_out_and_the_parser_is_gone(tmp_path: Path) -> None:
    path = saved(tmp_path, endless_pdf())
    began = time.monotonic()

    error = error_of(path, limits=Limits(seconds=0.6, memory=ROOMY))

    assert (error.code, error.detail) == (
        "timeout",
        "Reading the file took longer than 0.6 seconds. Split the document.",
    )
    assert time.monotonic() - began < 5


def test_u3_a_parser_that_hangs_is_killed(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([["some words " * 8] * 30] * 60))

    with iter_pages(path, PDF, limits=Limits(seconds=2)) as pages:
        next(pages)
        (parser,) = parsers()
        parser.suspend()
        with pytest.raises(ExtractionError) as failure:
            list(pages)

    assert failure.value.code == "timeout"
    assert parsers() == []


def test_a_slow_reader_does_not_use_up_the_time_of_the_parser(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([["some words " * 8] * 30] * 60))

    with iter_pages(path, PDF, limits=Limits(seconds=2)) as pages:
        first = next(pages)
        time.sleep(2.1)
        assert len([first, *pages]) == 60


@pytest.mark.parametrize(
    ("contents", "code"),
    [
        (b"Readable at first. " * 1000 + b"\0\1\2\3" * 100_000, "not_text"),
        (b"\x81\x8d\x8f\x90\x9d" * 100 + b"\0", "not_text"),
        (" \n\t\n".encode("utf-16"), "no_text"),
        (b"x" * 1001, "too_large_text"),
    ],
    ids=["turns binary", "binary", "blank", "large"],
)
def test_text_that_cannot_be_read_says_why(tmp_path: Path, contents: bytes, code: str) -> None:
    path = saved(tmp_path, contents, "file.txt")

    assert error_of(path, PLAIN_TEXT, Limits(characters=1000)).code == code


def test_an_empty_file_fails_with_words(tmp_path: Path) -> None:
    assert error_of(saved(tmp_path, b"")).code == "empty_file"


def test_neighbours_are_not_disturbed(tmp_path: Path) -> None:
    """Threads parse good and bad files at once; each gets its own result."""
    good = [saved(tmp_path, text_pdf([[f"file {n}"]]), f"good{n}.pdf") for n in range(3)]
    bad = saved(tmp_path, text_pdf([["cut"]])[:300], "bad.pdf")
    hungry = saved(tmp_path, inflating_pdf(700), "hungry.pdf")

    def outcome(path: Path) -> str:
        try:
            return extract(path, PDF).pages[0].text
        except ExtractionError as error:
            return error.code

    with ThreadPoolExecutor(max_workers=5) as pool:
        results = list(pool.map(outcome, [good[0], bad, good[1], hungry, good[2]]))

    assert results == ["file 0", "corrupt_pdf", "file 1", "out_of_memory", "file 2"]


def test_leaving_early_ends_the_parser(tmp_path: Path) -> None:
    path = saved(tmp_path, text_pdf([["some words " * 8] * 30] * 60))

    with iter_pages(path, PDF) as pages:
        next(pages)
        assert len(parsers()) == 1

    assert parsers() == []


def test_u5_a_parser_has_no_network_no_environment_and_little_of_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks at a parser from outside while it waits for its reader."""
    monkeypatch.setenv("DOCENT_TEST_SECRET", "hush")
    path = saved(tmp_path, text_pdf([["some words " * 8] * 30] * 60))

    with iter_pages(path, PDF, limits=Limits(seconds=45)) as pages:
        next(pages)
        (parser,) = parsers()
        folder = Path(f"/proc/{parser.pid}")
        limits = {
            line[:26].strip(): line[26:].split()[:2] for line in (folder / "limits").read_text().splitlines()
        }
        status = dict(
            line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line
        )
        namespaces = [Path(f"/proc/{pid}/ns/net").readlink() for pid in (parser.pid, os.getpid())]

        assert parser.environ() == {}
        assert limits["Max address space"] == [str(512 * 2**20)] * 2
        assert limits["Max data size"] == [str(512 * 2**20)] * 2
        assert limits["Max cpu time"] == ["45", "46"]
        assert limits["Max file size"] == ["0", "0"]
        assert limits["Max core file size"] == ["0", "0"]
        assert limits["Max open files"] == ["32", "32"]
        assert status["Seccomp"] == "2"
        assert (namespaces[0] != namespaces[1]) is (network_isolation() == "namespace")
        assert os.getpgid(parser.pid) == parser.pid


CONNECT = """
import json, os, socket, sys
from documents.extraction import isolation
entered = getattr(isolation, sys.argv[1])() if sys.argv[1] else True
def attempt(deed):
    try:
        deed()
        return "done"
    except OSError as error:
        return type(error).__name__
def leave():
    if os.fork() == 0:
        os._exit(0)
print(json.dumps([
    bool(entered),
    attempt(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=5)),
    attempt(leave),
    attempt(lambda: os.execv("/bin/true", ["true"])) if sys.argv[1] == "refuse_sockets" else "",
]))
"""


@pytest.mark.parametrize(
    ("step", "connecting", "forking"),
    [
        ("", "done", "done"),
        ("refuse_sockets", "PermissionError", "PermissionError"),
        ("isolate_network", "PermissionError", "PermissionError"),
        ("enter_empty_network", "OSError", "done"),
    ],
)
def test_u5_each_wall_stands_by_itself(step: str, connecting: str, forking: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        result = run_python(CONNECT, step, str(server.getsockname()[1]))
    entered, connected, forked, executed = json.loads(result.stdout)

    if step == "enter_empty_network" and network_isolation() != "namespace":
        assert (entered, connected) == (False, "done")  # this system forbids it: the filter stands alone
    else:
        assert (entered, connected, forked) == (True, connecting, forking)
    assert executed == ("PermissionError" if step == "refuse_sockets" else "")


TAKEN_OVER = """
import json, os, sys
from documents.extraction import formats, worker
sys.path.append(sys.argv[1])
formats.PARSER_MODULES["text/evil"] = "evil"
request = {"operation": "pages", "media_type": "text/evil", "memory": 2**30, "data": 2**30, "seconds": 9}
sys.argv = ["worker", json.dumps(request | {"parent": os.getppid(), "allow_unisolated": False})]
worker.main()
"""

EVIL = """
import os, socket
from documents.extraction.formats import ParsedDocument, ParsedPage

def attempt(deed):
    try:
        return deed()
    except OSError as error:
        return type(error).__name__

def open_document(file):
    deeds = [
        lambda: open("{secret}").read(),
        lambda: os.write(os.open("{folder}/new", os.O_WRONLY | os.O_CREAT), b"x"),
        lambda: socket.socket().fileno(),
        os.fork,
        lambda: os.execv("/bin/true", ["true"]),
        lambda: "späte".encode("cp1250").decode("cp1250"),
        lambda: file[:].decode(),
    ]
    pages = (ParsedPage(str(attempt(deed)), 0, 0, 1) for deed in deeds)
    return ParsedDocument(None, None, pages)
"""


def test_u5_a_parser_that_is_taken_over_can_only_read_its_file(tmp_path: Path) -> None:
    """Runs the parser process with a parser that tries what an exploit would try."""
    modules, private = tmp_path / "modules", tmp_path / "private"
    modules.mkdir()
    private.mkdir()
    secret = saved(private, b"hush", "secret")
    saved(modules, EVIL.format(secret=secret, folder=private).encode(), "evil.py")
    can_hide = run_python("from documents.extraction import isolation; print(isolation.hide_files([]))").stdout

    with saved(tmp_path, b"its own file").open("rb") as file:
        result = subprocess.run(
            [sys.executable, "-c", TAKEN_OVER, str(modules)],
            cwd=PROJECT,
            stdin=file,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    answers = [json.loads(line) for line in result.stdout.splitlines()]

    reading, writing = ("PermissionError", "PermissionError") if can_hide == "True\n" else ("hush", "OSError")
    assert [answer["text"] for answer in answers if "text" in answer] == [
        reading,
        writing,
        *["PermissionError"] * 3,
        "späte",
        "its own file",
    ], result.stdout + result.stderr
    assert {path.read_bytes() for path in private.iterdir()} <= {b"hush", b""}


FORBIDDEN = """
import sys
from pathlib import Path
from documents.extraction import ExtractionError, extract, isolation, network_isolation
path, machine, *names = sys.argv[1:]
architecture, numbers = {
    "x86_64": (0xC000003E, {"unshare": 272, "prctl": 157}),
    "aarch64": (0xC00000B7, {"unshare": 97, "prctl": 167}),
}[machine]
assert isolation._install(isolation._filter_program(architecture, tuple(numbers[name] for name in names)))
print(network_isolation())
for allowed in (False, True):
    try:
        print(extract(Path(path), "application/pdf", allow_unisolated=allowed).pages[0].text)
    except ExtractionError as error:
        print(error.code)
"""


@pytest.mark.parametrize(
    ("forbidden", "outcome"),
    [
        (["unshare"], ["seccomp", "words", "words"]),
        (["unshare", "prctl"], ["None", "sandbox_unavailable", "words"]),
    ],
)
def test_u5_where_nothing_can_isolate_a_parser_none_runs(
    tmp_path: Path, forbidden: list[str], outcome: list[str]
) -> None:
    """In a process whose kernel refuses one way or both, as in a tight container."""
    path = saved(tmp_path, text_pdf([["words"]]))

    result = run_python(FORBIDDEN, str(path), platform.machine(), *forbidden)

    assert result.stdout.split() == outcome, result.stderr


ORPHAN = """
import sys
from pathlib import Path
from documents.extraction import Limits, extract
extract(Path(sys.argv[1]), "application/pdf", limits=Limits(memory=8 * 2**30))
"""


def test_F1_a_killed_worker_leaves_no_parser_behind(tmp_path: Path) -> None:
    path = saved(tmp_path, endless_pdf())
    with subprocess.Popen([sys.executable, "-c", ORPHAN, str(path)], cwd=PROJECT) as worker:
        watched = psutil.Process(worker.pid)
        # the parser has finished its own preparations when it uses memory for the file
        wait_for(
            "the parser has taken memory",
            lambda: any(child.memory_info().rss > 60 * 2**20 for child in watched.children()),
        )
        (parser,) = watched.children()
        worker.kill()

    wait_for(
        "the parser has ended",
        lambda: not parser.is_running() or parser.status() == psutil.STATUS_ZOMBIE,
        within=10,
    )
