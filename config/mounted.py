"""Secrets that are given as files, as container engines and clusters mount them.

Nothing here makes one: what several machines share must come from one place.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping, Sequence
from dataclasses import fields
from pathlib import Path

from config.secrets import Secrets

_FAMILIES = ("DATABASE_", "DOCENT_", "REDIS_")
_SUFFIX = "_FILE"
# What every process of Docent needs; the others belong to one process each.
_NEEDED = ("django_key", "task_key", "vault_key")


class MissingSecretError(Exception):
    """A secret that should have been given is not there; the message names its file."""


def take_files(environ: MutableMapping[str, str] = os.environ) -> None:
    """Put the content of the file that ``NAME_FILE`` names into ``NAME``, for Docent's own variables.

    A variable that stands there itself wins. Raises MissingSecretError for a file that cannot be read.
    """
    for variable in [name for name in environ if name.endswith(_SUFFIX) and name.startswith(_FAMILIES)]:
        path = environ.pop(variable)
        if path:
            environ.setdefault(variable.removesuffix(_SUFFIX), _content(Path(path)))


def mounted_secrets(folder: Path, needed: Sequence[str] = _NEEDED) -> Secrets:
    """The installation's secrets in ``folder``; those that this process is not given are empty.

    Raises MissingSecretError when a ``needed`` one is missing or empty.
    """
    values = {}
    for field in fields(Secrets):
        path = folder / field.name
        values[field.name] = _content(path) if field.name in needed or path.exists() else ""
    return Secrets(**values)


def _content(path: Path) -> str:
    try:
        content = path.read_text().strip()
    except OSError as error:
        raise MissingSecretError(f"the secret {path} cannot be read: {error.strerror}") from error
    if not content:
        raise MissingSecretError(f"the secret {path} is empty")
    return content
