"""``manage.py up``: everything Docent needs on one machine, from the servers to the demo log-in.

It does without Django: this process stays as long as Docent runs, and what it starts loads Django itself.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config.embedded import PROJECT, EmbeddedServerError, Servers, servers
from config.locks import open_lock, try_lock
from config.processes import child_of, end_carriers
from config.secrets import write_private
from config.supervisor import Program, Supervisor

_MARKER = "DOCENT_UP"  # in the environment of everything that `up` starts: names its state folder
_PRIVILEGED = ("DATABASE_OWNER_URL", "DATABASE_OPS_URL", "DATABASE_ADMIN_URL")
OPERATOR = "DOCENT_PLATFORM_ADMIN"  # asks for `/admin/`, and makes the process that finds it serve that alone
_ROOT_IS_FINE = "ignore:::celery.platforms"  # it warns of root because of pickle; our messages are JSON only
_READY_WITHIN = 90.0  # seconds
_METRICS_PORT = "9464"  # as others that serve /metrics by themselves; 0 in the environment: none
_QUICK, _CALM = 0.05, 1.0  # seconds between two looks
_UNSENT_BYTES = 80 * 1024  # of one connection; the kernel doubles it for its own needs
_GONE_AFTER = 45.0  # seconds in which a peer takes nothing of what it was sent, or does not say so
# The web server's connections are those that let go who takes nothing. It keeps idle ones longer than proxies in
# front of it do, which then close them: a server that does may do so while a request is on its way.
CONNECTIONS = (
    "--http=config.connections:HttpConnection",
    "--ws=config.connections:SocketConnection",
    "--timeout-keep-alive=75",
)
_TRIES = 3  # crashes of one program before the first answer: then it will not start at all


class StartError(Exception):
    """Docent cannot start here; the message is the one line that a person needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    host: str
    port: int
    workers: int
    demo: bool
    admin_port: int | None = None

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - compared only
        return f"http://{host}:{self.port}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options, for this module and for Django's ``help``."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", default=os.environ.get("PORT") or "8000", type=int, help="port ($PORT or 8000)")
    parser.add_argument("--workers", default=1, type=int, metavar="N", help="web processes (1)")
    parser.add_argument(
        "--admin-port", type=int, metavar="N", help=f"port of /admin/ with {OPERATOR}=1 (the next)"
    )
    parser.add_argument("--no-demo", dest="demo", action="store_false", help="no demo organisation")


def main(arguments: Sequence[str], data: Path) -> int:
    """Run the command; ``data`` is the state folder. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="manage.py up", description="Start Docent and everything it needs.")
    add_arguments(parser)
    parsed = parser.parse_args(arguments)
    # Only one process finds it in its environment: the others would serve nothing else.
    is_asked = os.environ.pop(OPERATOR, "").lower() in {"1", "true", "yes", "on"}
    admin_port = (parsed.admin_port or parsed.port + 1) if is_asked else None
    options = Options(
        host=parsed.host, port=parsed.port, workers=parsed.workers, demo=parsed.demo, admin_port=admin_port
    )
    return run(options, data)


def run(options: Options, data: Path) -> int:
    """Start everything, stay until Ctrl-C, stop everything. Returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        with _alone(data), listen(options) as listener:
            end_carriers(_MARKER, str(data))
            with servers(data, environ := dict(os.environ)) as embedded:
                environ |= {_MARKER: str(data), "PYTHONUNBUFFERED": "1"}
                environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
                environ.setdefault("DOCENT_PUBLIC_URL", options.address)
                environ.setdefault("DOCENT_METRICS_PORT", _METRICS_PORT)
                _prepare(environ, data)
                started = programs(options, environ, data, listener.fileno())
                supervisor = Supervisor(started, write=_write, grace=_drain(environ) + 15)
                code = supervisor.run(_Progress(options, environ, embedded, supervisor).tick)
            _write("Docent has stopped.")
            return code
    except (StartError, EmbeddedServerError) as error:
        _write(f"docent: {error}")
        return 1
    except KeyboardInterrupt:
        return 0


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Keep a second `up` out of the state folder for the length of the block."""
    try:
        data.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        lock = open_lock(data / "up.lock")
    except PermissionError as error:
        raise StartError(f"this user may not write to {data}: remove it or set DOCENT_DATA") from error
    try:
        if not try_lock(lock, fcntl.LOCK_EX):
            raise StartError(f"it already runs with the state folder {data}; stop it or set DOCENT_DATA")
        yield
    finally:
        os.close(lock)


def listen(options: Options) -> socket.socket:
    """The listening socket that the web processes share; it holds the port while one is started again."""
    try:
        listener = socket.create_server((options.host, options.port), backlog=2048)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        message = f"cannot listen on {options.host} port {options.port}: {reason}; choose another with PORT="
        raise StartError(message) from error
    tune(listener)
    return listener


def tune(listener: socket.socket) -> None:
    """Set what each connection inherits."""
    # uvicorn takes an inherited socket for a local one and would leave it out: the
    # second small piece of an answer then waits 40 ms for the receipt of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Of what nobody reads the kernel would keep megabytes, and for a quarter of an hour.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT_BYTES)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * _GONE_AFTER))


def _prepare(environ: Mapping[str, str], data: Path) -> None:
    """Bring schema and static files up to date, side by side; each is skipped when its sources are unchanged.

    Only the embedded database is trusted to stand where it was left: another may have been restored.
    """
    embedded = "DATABASE_ADMIN_URL" in environ and "DATABASE_URL" not in os.environ
    tasks = [
        _Task(
            "collectstatic",
            data / "static.mark",
            _fingerprint("static/**/*", "*/static/**/*", "config/static.py"),
            _unprivileged(environ),
        ),
    ]
    if "DATABASE_OWNER_URL" in environ:
        owner = _unprivileged(environ) | {"DATABASE_OWNER_URL": environ["DATABASE_OWNER_URL"]}
        mark = data / "servers" / "postgres.migrated" if embedded else None
        tasks.append(_Task("migrate", mark, _fingerprint("*/migrations/*.py"), owner))
    running = [(task, task.start()) for task in tasks if not task.is_done()]
    for task, process in running:
        output, _ = process.communicate()
        if process.returncode != 0:
            raise StartError(f"{task.command} failed:\n{output.decode(errors='replace').rstrip()}")
        task.mark_done()


@dataclass(frozen=True, slots=True)
class _Task:
    """A management command that need not run again while its sources are the same."""

    command: str
    mark: Path | None
    fingerprint: str
    environ: Mapping[str, str]

    def is_done(self) -> bool:
        return self.mark is not None and self.mark.exists() and self.mark.read_text() == self.fingerprint

    def mark_done(self) -> None:
        if self.mark is not None:
            write_private(self.mark, self.fingerprint)

    def start(self) -> subprocess.Popen[bytes]:
        return _manage(
            self.environ,
            self.command,
            "--no-input",
            "--skip-checks",
            "--verbosity=0",
            stderr=subprocess.STDOUT,
        )


def _fingerprint(*patterns: str) -> str:
    """One hash over our own files of these patterns and over the lock file, which stands for others'."""
    digest = hashlib.sha256((PROJECT / "requirements" / "base.txt").read_bytes())
    for path in sorted(path for pattern in patterns for path in PROJECT.glob(pattern) if path.is_file()):
        digest.update(f"\0{path.relative_to(PROJECT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _manage(environ: Mapping[str, str], *arguments: str, stderr: int | None = None) -> subprocess.Popen[bytes]:
    """Start a management command that dies with this process; its output is for the caller."""
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, str(PROJECT / "manage.py"), *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
        umask=0o077,
        preexec_fn=child_of(os.getpid(), signal.SIGKILL),  # noqa: PLW1509 - one thread
    )


def _unprivileged(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the addresses that lead past the tenants' boundary."""
    return {name: value for name, value in environ.items() if name not in _PRIVILEGED}


def programs(options: Options, environ: Mapping[str, str], data: Path, descriptor: int) -> list[Program]:
    """The processes that make up Docent; `platform` alone gets the owner's and ops' addresses.

    `descriptor` is that of the socket on which web processes listen.
    """
    application = _unprivileged(environ)
    platform = {name: value for name, value in environ.items() if name != "DATABASE_ADMIN_URL"}
    web = [
        sys.executable, "-m", "uvicorn", "config.asgi:application", "--lifespan=on", *CONNECTIONS,
        "--log-level=warning", "--no-server-header", f"--timeout-graceful-shutdown={_drain(environ) + 10:.0f}",
        "--ws-ping-interval=20", "--ws-ping-timeout=20", "--ws-max-size=1048576",
        "--no-proxy-headers",  # DOCENT_TRUSTED_PROXIES says whom to believe
        # To deflate an answer's small frames takes as much processor as all else that is done with its tokens.
        "--ws-per-message-deflate=false",
    ]  # fmt: skip
    worker = [
        sys.executable, "-W", _ROOT_IS_FINE, "-m", "celery", "--quiet", "--app=config", "worker",
        "--loglevel=WARNING", "--without-mingle", "--without-gossip", "--without-heartbeat",
    ]  # fmt: skip
    concurrency = environ.get("DOCENT_WORKERS") or 1
    work = ["--hostname=work@%h", "--queues=work", "--pool=prefork", f"--concurrency={concurrency}"]
    schedule = f"--schedule={data / 'beat'}"
    beat = ["--hostname=platform@%h", "--queues=platform", "--pool=solo", "--beat", schedule]
    # Each web process allows its share of the calls while Valkey is away.
    shared = application | {"DOCENT_WEB_PROCESSES": str(options.workers)}
    return [
        *(
            Program(name=name, command=[*web, f"--fd={descriptor}"], environ=shared, descriptors=(descriptor,))
            for name in _numbered("web", options.workers)
        ),
        Program(name="worker", command=[*worker, *work], environ=application),
        *_embedders(int(environ.get("DOCENT_EMBED_WORKERS") or 1), worker, application),
        Program(name="platform", command=[*worker, *beat], environ=platform),
        *_operators_program(options, web, application),
    ]


def _drain(environ: Mapping[str, str]) -> float:
    """Seconds that answers have to end when a web process is told to; soon after, its connections are closed."""
    return float(environ.get("DOCENT_DRAIN_SECONDS") or 30)


def _embedders(count: int, worker: Sequence[str], environ: Mapping[str, str]) -> list[Program]:
    """What keeps the embedding model in memory: each a single process, without a parent that does nothing.

    They send webhooks besides: threads that only wait would do no good to a process that starts others.
    """
    sending = {**environ, "DOCENT_SENDS_WEBHOOKS": "1"}
    return [
        Program(
            name=name, command=[*worker, f"--hostname={name}@%h", "--queues=embed", "--pool=solo"], environ=sending
        )
        for name in _numbered("embedder", count)
    ]


def _numbered(name: str, count: int) -> list[str]:
    """The names of so many processes; a single one goes without a number."""
    return [name] if count == 1 else [f"{name}{number}" for number in range(1, count + 1)]


def _operators_program(options: Options, web: Sequence[str], environ: Mapping[str, str]) -> list[Program]:
    """`/admin/` in a process of its own, for this machine alone, if it was asked for."""
    if options.admin_port is None:
        return []
    command = [*web, "--host=127.0.0.1", f"--port={options.admin_port}"]
    return [Program(name="admin", command=command, environ={**environ, OPERATOR: "1"})]


class _Progress:
    """What happens while the programs run: the first healthy answer, the demo, servers that were killed."""

    def __init__(
        self, options: Options, environ: Mapping[str, str], embedded: Servers, supervisor: Supervisor
    ) -> None:
        self._options = options
        self._environ = _unprivileged(environ)
        self._embedded = embedded
        self._supervisor = supervisor
        self._probe = _Probe(options)
        self._deadline = time.monotonic() + _READY_WITHIN
        self._ready = False
        self._demo: subprocess.Popen[bytes] | None = None

    def tick(self) -> float:
        """Look after all of it; the seconds until the next look."""
        self._revive_servers()
        if not self._ready:
            self._wait_for_web()
        elif self._demo is not None and self._demo.poll() is not None:
            self._show_demo(self._demo)
            self._demo = None
        return _QUICK if not self._ready or self._demo else _CALM

    def _revive_servers(self) -> None:
        try:
            for name in self._embedded.ensure():
                _write(f"docent: {name} had been killed and runs again")
        except EmbeddedServerError as error:
            _write(f"docent: {error}")

    def _wait_for_web(self) -> None:
        crashed = [name for name, times in self._supervisor.crashes.items() if times >= _TRIES]
        if self._probe.healthy():
            self._ready = True
            _write(f"Docent is ready at {self._options.address}")
            if self._options.admin_port is not None:
                _write(f"  platform administration: http://127.0.0.1:{self._options.admin_port}/admin/")
            if self._options.demo:
                self._demo = _manage(self._environ, "ensure_demo")
        elif crashed or time.monotonic() > self._deadline:
            _write(f"docent: {crashed[0] if crashed else 'web'} does not start; its last lines above say why")
            self._supervisor.stop(1)

    def _show_demo(self, demo: subprocess.Popen[bytes]) -> None:
        """Print the demo's log-in and token, which the command leaves as one line of JSON."""
        output, _ = demo.communicate()
        if demo.returncode == 0:
            for name, value in json.loads(output.splitlines()[-1]).items():
                _write(f"  demo {name.replace('_', ' ')}: {value}")


class _Probe:
    """Asks /health/live without ever waiting for the answer."""

    def __init__(self, options: Options) -> None:
        self._target = urlsplit(options.address)
        self._connection: socket.socket | None = None

    def healthy(self) -> bool:
        """Whether an answer has come since the question was put, and was 200."""
        try:
            if self._connection is None:
                self._connection = socket.create_connection((self._target.hostname, self._target.port), timeout=1)
                request = f"GET /health/live HTTP/1.1\r\nHost: {self._target.netloc}\r\nConnection: close\r\n\r\n"
                self._connection.sendall(request.encode())
                self._connection.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            answer = self._connection.recv(64)
        except BlockingIOError:
            return False
        except OSError:
            answer = b""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        return answer.startswith(b"HTTP/1.1 200 ")


def _write(line: str) -> None:
    """One line to standard output, which may be gone: Docent runs on without it."""
    with suppress(BrokenPipeError):
        print(line, flush=True)  # noqa: T201 - this command speaks to a terminal


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(os.environ["DOCENT_DATA"])))
