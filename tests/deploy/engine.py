"""What an engine would do with the compose file, without one: the same commands, variables, secrets and rights.

Every process gets exactly the environment that its service names, the secrets that it is given, a project that
cannot be written, and no capability. Only paths, ports and the servers' addresses are those of the test.
"""

from __future__ import annotations

import compileall
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from config.embedded import PROJECT, servers
from config.embedded.binaries import find_valkey
from config.embedded.server import free_port
from config.processes import child_of
from tests.config.polling import wait_for
from tests.deploy.manifests import compose, environment_of, image, own_services
from tests.plain import NO_TLS
from tests.processes import Running

HOST = "docent.example.org"
VARIABLES = {"DOCENT_HOST": HOST, "DOCENT_WORKERS": "1"}
LISTENING = ("web", "admin")
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_libc = ctypes.CDLL(None)


class Engine:
    """One installation: `folder` holds what containers would see as their image, volumes and secrets."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.services = own_services(VARIABLES)
        self.ports = {name: free_port(None) for name in LISTENING}
        self.metrics = {name: free_port(None) for name in self.services}
        self.valkey_port = free_port(None)
        self.running: dict[str, Running] = {}
        self._build()
        self._make_secrets(database)

    @property
    def project(self) -> Path:
        """The image's working directory."""
        return self.folder / "app"

    @property
    def secrets(self) -> Path:
        """All of the installation's secrets."""
        return self.folder / "secrets"

    def environment(self, name: str) -> dict[str, str]:
        """What the processes of a service find, its paths led into the test's folder."""
        service = self.services[name]
        given = self.folder / f"given-{name}"
        given.mkdir(exist_ok=True)
        for secret in service["secrets"]:
            shutil.copy(self.secrets / secret, given)
        temporary = self.folder / "tmp"
        places = {"/run/secrets": given, "/var/lib/docent": self.folder / "state", "/app": self.project}
        variables = {}
        for variable, value in environment_of(service).items():
            for inside, outside in {**places, "/tmp": temporary}.items():  # noqa: S108 - the container's
                if value == inside or value.startswith(f"{inside}/"):
                    variables[variable] = f"{outside}{value.removeprefix(inside)}"
                    break
            else:
                variables[variable] = value
        # Containers have a network each.
        more = {"DOCENT_METRICS_PORT": str(self.metrics[name]), "DOCENT_METRICS_HOST": "127.0.0.1"}
        if name in LISTENING:
            more["PORT"] = str(self.ports[name])
        return variables | {"PATH": os.environ["PATH"], "TMPDIR": str(temporary)} | more

    def run(self, name: str, *command: str) -> str:
        """What a command in a container of the service prints; it has to succeed."""
        words = [sys.executable, *command]
        environment = self.environment(name)
        done = subprocess.run(
            words, cwd=self.project, env=environment, preexec_fn=_give_up_rights, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def entry(self, name: str) -> list[str]:
        """The command line of a service, after the interpreter."""
        return [*image().settings["ENTRYPOINT"][1:], *self.services[name]["command"]]

    def start(self, name: str) -> None:
        """Start the service's process."""
        log = self.folder / f"{name}.log"
        prepare = child_of(os.getpid(), signal.SIGTERM)

        def ready_to_run() -> None:
            _give_up_rights()
            prepare()

        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *self.entry(name)],
                cwd=self.project,
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=ready_to_run,  # noqa: PLW1509 - one thread
            )
        self.running[name] = Running(process, log)

    def is_healthy(self, name: str) -> bool:
        """What the health check of its container says."""
        self.running[name].require_life()
        own = self.services[name].get("healthcheck")
        command = own["test"][1:] if own else image().settings["HEALTHCHECK"]
        words = [sys.executable, *command[1:]]
        done = subprocess.run(
            words, cwd=self.project, env=self.environment(name), capture_output=True, check=False
        )
        return done.returncode == 0

    def client(self, name: str) -> httpx.Client:
        """Asks as the proxy does, for somebody who came by TLS."""
        headers = {"Host": HOST if name == "web" else "localhost:8443", "X-Forwarded-Proto": "https"}
        address = f"http://127.0.0.1:{self.ports[name]}"
        return httpx.Client(base_url=address, headers=headers, timeout=60, verify=NO_TLS)

    def stop(self) -> dict[str, int]:
        """Tell every process to end, as an engine does; the codes they end with."""
        for running in self.running.values():
            running.process.send_signal(signal.SIGTERM)
        codes = {name: running.process.wait(60) for name, running in self.running.items()}
        self.running.clear()
        return codes

    def kill(self) -> None:
        """End what is left."""
        for running in self.running.values():
            running.process.kill()
            running.process.wait()

    def _build(self) -> None:
        """The image's files, as the Dockerfile puts them together; then nobody may write there."""
        for folder in ("app", "state", "tmp"):
            (self.folder / folder).mkdir()
        for source in image().sources:
            target = self.project / source
            target.parent.mkdir(exist_ok=True)
            if (PROJECT / source).is_dir():
                shutil.copytree(PROJECT / source, target, ignore=shutil.ignore_patterns("__pycache__", ".docent*"))
            else:
                shutil.copy(PROJECT / source, target)
        variables = {
            "PATH": os.environ["PATH"],
            "DOCENT_DATA": str(self.folder / "built"),
            "DOCENT_STATIC_ROOT": str(self.project / "collected"),
        }
        command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
        subprocess.run(command, cwd=self.project, env=variables, check=True)
        compileall.compile_dir(self.project, quiet=2)
        for path in [self.project, *self.project.rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222)

    def _make_secrets(self, database: str) -> None:
        where = {"DATABASE_HOST": database, "VALKEY_HOST": f"127.0.0.1:{self.valkey_port}"}
        command = [str(PROJECT / "deploy" / "make-secrets"), str(self.secrets)]
        subprocess.run(command, env={**os.environ, **where}, check=True, capture_output=True)


def valkey_command(engine: Engine) -> list[str]:
    """The compose file's, with the program and the place of the test."""
    programs = find_valkey()
    words = [word.replace("/run/secrets", str(engine.secrets)) for word in valkey_service()["command"]]
    return [str(programs.root / programs.main), *words[1:], "--port", str(engine.valkey_port)]


def valkey_service() -> dict[str, Any]:
    """The compose file's Valkey."""
    service: dict[str, Any] = compose(VARIABLES)["services"]["valkey"]
    return service


@contextmanager
def installation(folder: Path, data: Path) -> Iterator[Engine]:
    """Servers, roles, schema and every process; ready when the block begins."""
    addresses = {"REDIS_URL": "redis://another"}
    with ExitStack() as stack:
        stack.enter_context(servers(data, addresses))
        administrator, place = addresses["DATABASE_ADMIN_URL"].rsplit("@", 1)
        engine = Engine(folder, place.removesuffix("/postgres"))
        (engine.secrets / "database_admin_url").write_text(f"{administrator}@{place}\n")
        valkey = subprocess.Popen(
            valkey_command(engine),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            preexec_fn=child_of(os.getpid(), signal.SIGKILL),  # noqa: PLW1509 - one thread
        )
        stack.callback(valkey.wait)
        stack.callback(valkey.terminate)
        stack.callback(engine.kill)
        engine.run("migrate", *engine.entry("migrate"))
        for name in ("web", "worker", "embedder", "platform", "admin"):
            engine.start(name)
        for name in LISTENING:
            wait_for(f"{name} is healthy", lambda name=name: engine.is_healthy(name), within=90)  # type: ignore[misc]
        yield engine


def _give_up_rights() -> None:
    """What `cap_drop: [ALL]` and `no-new-privileges` take away, from root too."""
    for capability in range(41):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
