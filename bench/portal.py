"""A whole Docent to measure: started as people start it, in a state folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.corpus import Pdf
from config.embedded import PROJECT

_READY_WITHIN = 120.0
_INGESTED_WITHIN = 1800.0
_POLL = 0.2
# A short wait is measured exactly; of a long one looking more often would take from what is measured.
_SHORTEST_POLL, _LONGEST_POLL, _POLL_GROWTH = 0.05, 1.0, 1.3
MODEL_FIRST_TOKEN = 0.0
"""Seconds that the model server is told to take for its first token."""


class BenchError(Exception):
    """Something that was to be measured did not work."""


@dataclass(frozen=True, slots=True)
class Portal:
    """`url` of the web server, `model_url` of the model server, `token` of an owner of the organisation `slug`."""

    url: str
    model_url: str
    token: str
    data: Path
    process: subprocess.Popen[bytes]
    slug: str = "bench"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def client(self) -> httpx.Client:
        """One program's connection; like most programs it keeps it open."""
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=self.headers, timeout=120, trust_env=False)

    def pids(self) -> set[int]:
        """Every process that `up` started, itself and the servers' keepers and their children included."""
        keepers = [int(path.read_text()) for path in (self.data / "servers").glob("*.pid")]
        return _descendants({self.process.pid, *keepers})

    def processor_seconds(self) -> float:
        """What all of them, and those of their children that are over, have used so far."""
        ticks = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):  # gone meanwhile: its parent has counted it
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def portal(
    *, workers: int = 1, rate: int = 100_000, model: str | None = None, more: Mapping[str, str] | None = None
) -> Iterator[Portal]:
    """`manage.py up --no-demo` and a stand-in model server, stopped and removed afterwards.

    `rate` is the organisation's calls a second and person: by default more than anything makes. `model` is the
    address of another model server, `more` are further variables of its environment.
    """
    server = model_server() if model is None else nullcontext(model)
    with tempfile.TemporaryDirectory(prefix="docent-bench-") as folder, server as model_url:
        data = Path(folder)
        data.chmod(0o711)  # the database server may run under another account
        environ = {**environment_of(data), "OLLAMA_HOST": model_url, "DOCENT_CHAT_MODEL": "", **(more or {})}
        url = f"http://127.0.0.1:{free_port()}"
        command = [sys.executable, "manage.py", "up", "--no-demo", "--port", url.rpartition(":")[2]]
        command += ["--workers", str(workers)]
        with (data / "up.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=log, stderr=log)
        try:
            _wait_until_ready(url, process, data / "up.log")
            token = found_organisation(environ, "bench", rate)
            yield Portal(url, model_url, token, data, process)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)


def environment_of(data: Path) -> dict[str, str]:
    """What commands find that are to work on this Docent: no servers but its own."""
    others = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_OPS_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
    environ = {name: value for name, value in os.environ.items() if name not in others}
    return {**environ, "DOCENT_DATA": str(data)}


def new_organisation(running: Portal, slug: str, *, rate: int = 100_000) -> str:
    """One more; returns a token of its owner."""
    return found_organisation(environment_of(running.data), slug, rate)


def found_organisation(environ: dict[str, str], slug: str, rate: int) -> str:
    owner = f"{slug}@example.org"
    manage(environ, "create_tenant", slug.title(), "--slug", slug, "--owner", owner, "--rate", str(rate))
    return manage(environ, "create_token", "--tenant", slug, "--user", owner, "--name", "bench")


@dataclass(frozen=True, slots=True)
class Upload:
    """`seconds` from the first byte sent to the last passage searchable, on a clock and of all processors.

    `stages` adds up the documents' own times.
    """

    seconds: float
    processor_seconds: float
    stages: dict[str, float]


def upload(running: Portal, files: Sequence[Pdf]) -> Upload:
    """Upload files, and wait until all are searchable."""
    with running.client() as client:
        begun, used = time.perf_counter(), running.processor_seconds()
        documents: list[str] = []
        for file in files:
            response = client.post("/documents/", files={"files": (file.name, file.content, "application/pdf")})
            response.raise_for_status()
            documents.append(response.json()["results"][0]["id"])
        timings = [_wait_until_ingested(client, document, begun + _INGESTED_WITHIN) for document in documents]
        seconds, used = time.perf_counter() - begun, running.processor_seconds() - used
    return Upload(seconds, used, {stage: sum(one[stage] for one in timings) for stage in timings[0]})


def ask(client: httpx.Client, question: str) -> dict[str, Any]:
    """Ask in a new conversation and wait for the whole answer."""
    conversation = client.post("/conversations/", json={}).raise_for_status().json()["id"]
    response = client.post(f"/conversations/{conversation}/messages/", json={"content": question})
    message: dict[str, Any] = response.raise_for_status().json()
    if message["status"] != "finished":
        raise BenchError(f"the answer is {message['status']}: {message['error']}")
    return message


def _wait_until_ingested(client: httpx.Client, document: str, deadline: float) -> dict[str, float]:
    """The document's seconds by stage, when it is ready."""
    poll = _SHORTEST_POLL
    while True:
        found = client.get(f"/documents/{document}/").raise_for_status().json()
        if found["status"] == "ready":
            timings: dict[str, float] = found["timings"]
            return timings
        if found["status"] in {"failed", "cancelled"} or time.perf_counter() > deadline:
            raise BenchError(f"{found['name']} is {found['status']}: {found['error']}")
        time.sleep(poll)
        poll = min(_LONGEST_POLL, poll * _POLL_GROWTH)


@contextmanager
def model_server() -> Iterator[str]:
    """A server that speaks Ollama's protocol, in a process of its own; its address."""
    command = [
        sys.executable, "-m", "tests.standins.ollama", "--port", "0", "--tokens-per-second", "200",
        "--answer-tokens", "20", "--first-token-after", str(MODEL_FIRST_TOKEN),
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health/ready", timeout=5, trust_env=False).is_success:
                return
        time.sleep(_POLL)
    raise BenchError(f"Docent does not start:\n{log.read_text()}")


def manage(environ: dict[str, str], *arguments: str) -> str:
    """Run a management command; the last line that it prints."""
    command = [sys.executable, "manage.py", *arguments]
    result = subprocess.run(command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return result.stdout.strip().splitlines()[-1]


def free_port() -> int:
    """One that nothing listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _descendants(roots: set[int]) -> set[int]:
    children: dict[int, set[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, set()).add(int(folder.name))
    found: set[int] = set()
    waiting = set(roots)
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting |= children.get(pid, set()) - found
    return found


def sse_events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """The events of a `text/event-stream`, as they arrive."""
    for line in response.iter_lines():
        if line.startswith("data: "):
            event: dict[str, Any] = json.loads(line.removeprefix("data: "))
            yield event
