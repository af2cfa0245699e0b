"""The model servers of an installation, as its operator writes them."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

KINDS = ("ollama", "openai")
# The server of `OLLAMA_HOST`, which models without a server's name are on.
DEFAULT_SERVER = "ollama"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
_FIELDS = frozenset({"kind", "url"})


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """One server: `name` is the operator's, `kind` the protocol it speaks."""

    name: str
    kind: str
    url: str

    @property
    def key_name(self) -> str:
        """What its key is called in the environment, after the prefix."""
        return self.name.replace("-", "_").upper()


def parse_servers(text: str) -> tuple[ServerSpec, ...]:
    """Servers of `name=kind+url, …` or `{"name": {"kind": …, "url": …}}`, in the order written.

    Raises `ValueError` with a sentence for whoever wrote it.
    """
    text = text.strip()
    if not text:
        return ()
    given = _of_json(text) if text.startswith("{") else _of_list(text)
    servers = tuple(_spec(name, kind, url) for name, kind, url in given)
    names = [server.name for server in servers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"there are two servers “{name}”")
    return servers


def _of_json(text: str) -> list[tuple[str, Any, Any]]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    found = []
    for name, about in pairs:
        fields = dict(about) if isinstance(about, list) and all(isinstance(one, tuple) for one in about) else {}
        if fields.keys() != _FIELDS:
            raise ValueError(f"the server “{name}” needs “kind” and “url”, and nothing else")
        found.append((name, fields["kind"], fields["url"]))
    return found


def _of_list(text: str) -> list[tuple[str, Any, Any]]:
    found: list[tuple[str, Any, Any]] = []
    for entry in filter(None, map(str.strip, text.split(","))):
        name, equals, rest = entry.partition("=")
        kind, plus, url = rest.partition("+")
        if not equals or not plus:
            raise ValueError(f"“{name}” is not written as name=kind+url")
        found.append((name.strip(), kind.strip(), url.strip()))
    return found


def _spec(name: str, kind: Any, url: Any) -> ServerSpec:
    if not _NAME.fullmatch(name):
        raise ValueError(f"“{name}” is no name for a server: use up to 31 small letters, digits, - and _")
    if name == DEFAULT_SERVER:
        raise ValueError(f"“{name}” is the server of OLLAMA_HOST: give another name")
    if kind not in KINDS:
        raise ValueError(f"“{name}” is of the unknown kind “{kind}”: it can be {' or '.join(KINDS)}")
    if not isinstance(url, str) or not _is_url(url):
        raise ValueError(f"the address of “{name}” is not one like https://models.example.org/v1")
    return ServerSpec(name, kind, url.rstrip("/"))


def _is_url(url: str) -> bool:
    """An address alone: a key in it would be shown wherever addresses are."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_plain = not (parts.query or parts.fragment or parts.username or parts.password)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and has_port and is_plain
