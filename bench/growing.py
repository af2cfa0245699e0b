"""Two web and two worker processes, a bouncer and Valkey, each on a network of its own: cut and killed in turn.

A client searches and uploads all the while, by whichever web process answers, as behind a proxy. Figures for
each victim: requests that no web process answered, seconds until all is well, and in the end what was lost, which
has to be nothing.
Needs root, `ip netns` and pgbouncer; says so where it may not have them. Up to five minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from bench.figures import circumstances
from bench.portal import BenchError, found_organisation
from config.embedded import PROJECT
from config.embedded.binaries import find_valkey
from tests.environment import environment
from tests.standins.bouncer import PROGRAM, bouncer
from tests.standins.forwarder import forwarder

_BRIDGE, _HERE = "docentbr", "10.213.77.1"
_PLACES = {"web1": 11, "web2": 12, "worker1": 13, "worker2": 14, "bouncer": 15, "valkey": 16}
_PORT = 8000
_AWAY, _WELL_WITHIN = 3.0, 40.0
_PATIENCE = 10.0  # of a client with one web process, before it tries the other


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def address(name: str) -> str:
    return f"10.213.77.{_PLACES[name]}"


def inside(name: str) -> tuple[str, ...]:
    """What stands before a command that is to run there."""
    return ("ip", "netns", "exec", f"docent-{name}")


@contextmanager
def networks() -> Iterator[None]:
    """A network namespace for each process, joined by a bridge."""
    try:
        run("ip", "link", "add", _BRIDGE, "type", "bridge")
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchError("network namespaces are not permitted here") from error
    try:
        run("ip", "addr", "add", f"{_HERE}/24", "dev", _BRIDGE)
        run("ip", "link", "set", _BRIDGE, "up")
        for name, number in _PLACES.items():
            space, outer, inner = f"docent-{name}", f"dv{number}", f"dw{number}"
            run("ip", "netns", "add", space)
            run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner)
            run("ip", "link", "set", inner, "netns", space)
            run("ip", "link", "set", outer, "master", _BRIDGE, "up")
            run(*inside(name), "ip", "addr", "add", f"{address(name)}/24", "dev", inner)
            run(*inside(name), "ip", "link", "set", inner, "up")
            run(*inside(name), "ip", "link", "set", "lo", "up")
        yield
    finally:
        for name in _PLACES:
            with suppress(subprocess.CalledProcessError):
                run("ip", "netns", "del", f"docent-{name}")
        with suppress(subprocess.CalledProcessError):
            run("ip", "link", "del", _BRIDGE)


@dataclass(slots=True)
class Cluster:
    """The processes by name, and how each is begun again."""

    starts: dict[str, Callable[[], subprocess.Popen[bytes]]]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        self.running[name] = self.starts[name]()

    def kill(self, name: str) -> None:
        """It and its children, at once; begun again a moment later, as whatever watches over it would."""
        with suppress(ProcessLookupError):
            os.killpg(self.running[name].pid, 9)
        self.running[name].wait()
        time.sleep(1)
        self.start(name)

    def cut(self, name: str) -> None:
        """Its network is gone for a while."""
        run("ip", "link", "set", f"dv{_PLACES[name]}", "down")
        time.sleep(_AWAY)
        run("ip", "link", "set", f"dv{_PLACES[name]}", "up")

    def stop(self) -> None:
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()


class Client:
    """Asks one thing after another; what one web process does not answer is asked of the other."""

    def __init__(self, token: str) -> None:
        self._headers = {"Authorization": f"Bearer {token}"}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, daemon=True)
        self.accepted: list[str] = []
        self.asked = self.failed = self.second_tries = 0
        self.troubled_at = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask_on(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            if number % 5:
                self._ask(number, "/search/", json={"query": f"clause {number}"})
            else:
                self._upload(number)
            self._over.wait(0.1)

    def _upload(self, number: int) -> None:
        content = f"Clause {number} binds both parties until day {number}.".encode()
        key = {"Idempotency-Key": f"growing-{number}"}
        sent = {"files": (f"clause-{number}.txt", content)}
        answer = self._ask(number, "/documents/", files=sent, headers=key)
        if answer is not None:
            self.accepted.append(answer.json()["results"][0]["id"])

    def _ask(self, number: int, path: str, **sent: Any) -> httpx.Response | None:
        self.asked += 1
        for attempt, name in enumerate([("web1", "web2"), ("web2", "web1")][number % 2]):
            with self.client(name) as client, suppress(httpx.TransportError):
                answer = client.post(path, **sent)
                if answer.is_success:
                    self.second_tries += attempt
                    return answer
            self.troubled_at = time.monotonic()
        self.failed += 1
        return None

    def client(self, name: str) -> httpx.Client:
        base = f"http://{address(name)}:{_PORT}/api/v1"
        timeout = httpx.Timeout(_PATIENCE, connect=1)
        return httpx.Client(base_url=base, headers=self._headers, timeout=timeout, trust_env=False)

    def documents(self) -> dict[str, str]:
        """What has come of each that was accepted."""
        with self.client("web1") as client:
            return {one: client.get(f"/documents/{one}/").json().get("status", "lost") for one in self.accepted}


def well(seconds_since: float, client: Client) -> float | None:
    """Seconds from then until the last trouble, once there has been none for four; None if there still is."""
    limit = time.monotonic() + _WELL_WITHIN
    while time.monotonic() < limit:
        quiet_since = max(client.troubled_at, seconds_since)
        if time.monotonic() - quiet_since > 4 + _AWAY and _both_ready():
            return quiet_since - seconds_since
        time.sleep(0.2)
    return None


def _both_ready() -> bool:
    with suppress(httpx.TransportError):
        urls = [f"http://{address(name)}:{_PORT}/health/ready" for name in ("web1", "web2")]
        return all(httpx.get(url, timeout=3, trust_env=False).is_success for url in urls)
    return False


def processes(variables: dict[str, str], logs: Path) -> dict[str, Callable[[], subprocess.Popen[bytes]]]:
    """How the web and worker processes and Valkey are begun, each in its place."""

    def start(name: str, *command: str) -> Callable[[], subprocess.Popen[bytes]]:
        def begin() -> subprocess.Popen[bytes]:
            with (logs / f"{name}.log").open("ab") as log:
                return subprocess.Popen(
                    [*(inside(name) if name in _PLACES else ()), *command],
                    cwd=PROJECT,
                    env={**os.environ, **variables},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

        return begin

    python, programs = sys.executable, find_valkey()
    celery = [python, "-m", "celery", "-A", "config.celery", "worker", "-c", "1", "--loglevel", "WARNING"]
    work = ["-Q", "work,embed", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    web = [python, "-m", "uvicorn", "config.asgi:application", "--lifespan=on", "--log-level=warning"]
    found = {
        "valkey": start(
            "valkey", str(programs.root / programs.main), "--bind", address("valkey"), "--save", "",
            "--protected-mode", "no",
        ),
    }  # fmt: skip
    for name in ("worker1", "worker2"):
        found[name] = start(name, *celery, *work, f"--hostname={name}@docent")
    for name in ("web1", "web2"):
        found[name] = start(name, *web, f"--host={address(name)}", f"--port={_PORT}")
    # Never disturbed: it gives jobs out again that Valkey has lost.
    beat = ["--pool", "solo", "--beat", f"--schedule={logs / 'beat'}"]
    found["platform"] = start("platform", *celery, "-Q", "platform", *beat)
    return found


def disturb(cluster: Cluster, client: Client) -> Iterator[str]:
    """Cut and kill each in turn; a line of figures for each."""
    for name in _PLACES:
        for way, act in (("cut", cluster.cut), ("killed", cluster.kill)):
            asked, failed, second, since = client.asked, client.failed, client.second_tries, time.monotonic()
            act(name)
            seconds = well(since, client)
            said = "NOT WELL" if seconds is None else f"well after {seconds:.1f} s"
            yield (
                f"{name} {way}: {client.asked - asked} requests, {client.second_tries - second} by the other web"
                f" process, {client.failed - failed} failed, {said}"
            )


def main() -> int:
    if os.geteuid() != 0 or PROGRAM is None:
        print("This needs root for network namespaces, and pgbouncer.", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        own = stack.enter_context(environment())
        stack.enter_context(networks())
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        parts = urlsplit(own.app_url)
        port = stack.enter_context(forwarder(_HERE, (parts.hostname or "", parts.port or 5432)))
        behind = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{_HERE}:{port}").geturl()
        bounced, process = stack.enter_context(
            bouncer(behind, size=10, listen=address("bouncer"), prefix=inside("bouncer"))
        )
        variables = {
            **own.variables,
            "DATABASE_URL": bounced,
            "REDIS_URL": f"redis://{address('valkey')}:6379/0",
            "DOCENT_ALLOWED_HOSTS": "*",
            "DOCENT_WORKERS": "2",
        }
        token = found_organisation({**os.environ, **own.variables}, "bench", 100_000)
        cluster = Cluster(processes(variables, logs), {"bouncer": process})
        stack.callback(cluster.stop)
        for name in cluster.starts:
            cluster.start(name)
        cluster.starts["bouncer"] = lambda: subprocess.Popen(process.args, start_new_session=True)
        return measure(cluster, token)


def measure(cluster: Cluster, token: str) -> int:
    limit = time.monotonic() + 90
    while not _both_ready():
        if time.monotonic() > limit:
            raise BenchError("the web processes do not become ready")
        time.sleep(0.5)
    for name, value in circumstances().items():
        print(f"{name}: {value}")
    bad = 0
    with Client(token) as client:
        time.sleep(3)
        for line in disturb(cluster, client):
            print(line, flush=True)
            bad += "NOT WELL" in line
    limit = time.monotonic() + 60
    while set(ended := client.documents().values()) != {"ready"} and time.monotonic() < limit:
        time.sleep(1)
    lost = sum(one != "ready" for one in ended)
    print(f"{client.asked} requests, {client.failed} failed; {len(client.accepted)} uploads accepted, {lost} lost")
    return 1 if bad or lost else 0


if __name__ == "__main__":
    sys.exit(main())
