"""Every command of the README, run as it stands there, in a copy of the project that starts from nothing.

Only what a reader would have to change too is changed: the port, and the addresses of servers of one's own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from config.embedded import PROJECT, servers
from config.embedded.server import free_port
from tests.config.polling import wait_for
from tests.plain import NO_TLS
from tests.standins.ollama import OllamaStandIn, Reply

README = (PROJECT / "README.md").read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
CONFIGURATION = ("DOCENT_", "DATABASE_", "DJANGO_", "REDIS_", "OLLAMA_")
NOT_COPIED = shutil.ignore_patterns(".venv", ".git", ".docent*", "__pycache__", "tests", ".*_cache", ".env")


def block(beginning: str) -> str:
    """The one block that begins so."""
    (found,) = (text for text in BLOCKS if text.startswith(beginning))
    return found


START = block("make run\n")
TEST = block("make test\n")
API = "".join(block(beginning) for beginning in ("API=", "DOCUMENT=", "CONVERSATION=", "curl -fsS"))
OLLAMA = block("OLLAMA_HOST=")
POSTGRES = block(".venv/bin/python manage.py init")
COMMAND_LINE = block(".venv/bin/python manage.py create_tenant")


class Clone:
    """A copy of the project with the environment installed, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port(None)

    def run(self, commands: str) -> str:
        """What these commands print; every one of them has to succeed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._adapted(commands)],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, command: str) -> Iterator[str]:
        """What `make run` printed by the time the demo can be entered; stopped by Ctrl-C afterwards."""
        printed = self.folder / "output"
        with printed.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", self._adapted(command)],
                cwd=self.folder,
                env=self._environment() | {"PORT": str(self.port)},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_for("the demo is printed", lambda: _shows_demo(process, printed), within=240)
            yield printed.read_text()
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)

    def _adapted(self, commands: str) -> str:
        # The environment is installed already, by whatever means; make would make it anew.
        commands = commands.replace("make run", "exec make -o .venv/base.stamp run")
        return commands.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")

    def _environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith(CONFIGURATION)}


def _shows_demo(process: subprocess.Popen[bytes], printed: Path) -> bool:
    text = printed.read_text()
    assert process.poll() is None, text
    return "demo slug" in text


@pytest.fixture(scope="module")
def clone() -> Iterator[Clone]:
    """A copy where the servers' account may go, as root too."""
    top = Path(tempfile.mkdtemp(prefix="docent-readme-"))
    top.chmod(0o755)
    folder = top / "docent"
    shutil.copytree(PROJECT, folder, ignore=NOT_COPIED)
    (folder / ".venv").symlink_to(sys.prefix)
    yield Clone(folder)
    shutil.rmtree(top)


@pytest.fixture(scope="module")
def started(clone: Clone) -> Iterator[ExitStack]:
    """What the README's first command started, if it was run; closing it is Ctrl-C."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def printed(clone: Clone, started: ExitStack) -> str:
    """Docent, started by the README's first command."""
    return started.enter_context(clone.running(START))


def test_every_command_is_run_by_a_test() -> None:
    tested = API + START + TEST + OLLAMA + POSTGRES + COMMAND_LINE
    assert sum(map(len, BLOCKS)) == len(tested)
    assert not re.search(r"```(?:bash|shell|console)", README)


def test_make_run_prints_what_the_readme_shows(clone: Clone, printed: str) -> None:
    shown = re.findall(r"^  (demo \w+):", README, re.MULTILINE)
    assert shown == ["demo address", "demo email", "demo password", "demo token", "demo slug"]
    assert re.findall(r"^  (demo \w+):", printed, re.MULTILINE) == shown
    assert f"Docent is ready at http://127.0.0.1:{clone.port}\n" in printed


def test_make_test_is_what_continuous_integration_runs() -> None:
    """It runs this very test; to run it from here would never end."""
    assert (PROJECT / ".ci" / "run").read_text().endswith(f"exec {TEST}")


@pytest.mark.usefixtures("printed")
def test_the_api_answers_with_citations(clone: Clone) -> None:
    output = clone.run(API)
    assert '"slug":"demo"' in output.replace(" ", "")
    states = re.findall(r'"status":\s*"(\w+)"', output)
    assert "ready" in states
    assert "failed" not in states
    assert "event: finished" in output
    assert "400" in output
    assert "48 to 52 percent" in output


@pytest.mark.usefixtures("printed")
def test_the_command_line_makes_fills_and_asks_an_organisation(clone: Clone) -> None:
    output = clone.run(COMMAND_LINE)
    assert "/o/acme/" in output
    assert re.search(r"^dct_\w{43}_[\w-]{43}$", output, re.MULTILINE)
    pages = len(list((PROJECT / "docs" / "adr").glob("*.md")))
    assert f"{pages} ready, 0 failed" in output
    assert "[1] " in output


@pytest.mark.usefixtures("printed")
def test_init_prepares_a_database_of_ones_own(clone: Clone) -> None:
    """Against the embedded server, as an administrator would name it."""
    addresses: dict[str, str] = {}
    with servers(clone.folder / ".docent", addresses):
        commands = re.sub(r"postgresql://\S+", f"'{addresses['DATABASE_ADMIN_URL']}'", POSTGRES)
        try:
            clone.run(commands)
            written = (clone.folder / ".env").read_text()
        finally:
            (clone.folder / ".env").unlink(missing_ok=True)
    assert re.findall(r"^(\w+)=postgres", written, re.MULTILINE) == [
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "DATABASE_OPS_URL",
    ]


def test_the_model_server_named_answers(clone: Clone, started: ExitStack) -> None:
    """As a reader goes on: stopped, and started again where everything else stays as it is."""
    started.close()
    with OllamaStandIn(models=("llama3.2",)) as ollama:
        ollama.script(Reply(text="Good morning."))
        with clone.running(OLLAMA.replace("http://127.0.0.1:11434", ollama.url)) as printed:
            token = re.findall(r"^  demo token: (\S+)$", printed, re.MULTILINE)[0]
            address = re.findall(r"Docent is ready at (\S+)", printed)[0]
            answer = httpx.post(
                f"{address}/api/v1/query/",
                json={"query": "Good morning?", "mode": "open"},
                headers={"Authorization": f"Bearer {token}"},
                timeout=30,
                verify=NO_TLS,
            )
    assert answer.json()["response"] == "Good morning."
    assert [request["model"] for request in ollama.requests] == ["llama3.2"]
