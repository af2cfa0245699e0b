"""The installation's own secrets: independent random values, each in a file that only its owner reads."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, fields
from pathlib import Path

from config.locks import exclusive

_BYTES = {"django_key": 48}  # Django counts characters, and warns below fifty
_FORMER = "former"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Secrets:
    """Each value: base64url of 256 bits or more from the system's generator; fit for a URL."""

    django_key: str
    task_key: str
    vault_key: str
    audit_key: str
    owner_password: str
    app_password: str
    ops_password: str
    superuser_password: str
    valkey_password: str


def load_secrets(data: Path) -> Secrets:
    """Read ``<data>/secrets/``, making what is missing. Processes that start at once read the same values."""
    folder = data / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = [field.name for field in fields(Secrets)]
    if not all((folder / name).exists() for name in names):
        with exclusive(folder / ".lock"):
            for name in names:
                if not (folder / name).exists():
                    write_private(folder / name, secrets.token_urlsafe(_BYTES.get(name, 32)))
    return Secrets(**{name: (folder / name).read_text() for name in names})


def former_secrets(data: Path, name: str) -> list[str]:
    """What the secret `name` was before, the newest first."""
    return former_among(data / "secrets", name)


def former_among(folder: Path, name: str) -> list[str]:
    """The same of a folder of secrets that was given."""
    paths = (folder / _FORMER).glob(f"{name}.*")
    return [path.read_text() for path in sorted(paths, key=lambda path: -int(path.suffix[1:]))]


def renew_secret(data: Path, name: str) -> None:
    """A new value in the place of the secret, which is kept among the former ones before it goes."""
    folder = data / "secrets"
    with exclusive(folder / ".lock"):
        (folder / _FORMER).mkdir(mode=0o700, exist_ok=True)
        number = max((int(path.suffix[1:]) for path in (folder / _FORMER).glob(f"{name}.*")), default=0) + 1
        write_private(folder / _FORMER / f"{name}.{number}", (folder / name).read_text())
        write_private(folder / name, secrets.token_urlsafe(32))


def forget_former_secrets(data: Path, name: str) -> int:
    """Remove them; returns how many there were."""
    paths = list((data / "secrets" / _FORMER).glob(f"{name}.*"))
    for path in paths:
        path.unlink()
    return len(paths)


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 that is there whole or not at all, also after a power cut."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
