"""What a line of the log belongs to: a request, an answer, a job. Ids alone, and nobody's words."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from uuid import UUID, uuid4

from tenants.context import find_tenant_id

_NOTHING: Mapping[str, str] = MappingProxyType({})
# Replaced and never changed: threads and tasks that began with one keep it.
_noted: ContextVar[Mapping[str, str]] = ContextVar("docent_noted", default=_NOTHING)
# As proxies make them: UUIDs, hex, base64 for URLs.
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


def note(**ids: UUID | str) -> None:
    """From here on, in this task or thread and what they begin: `request`, `tenant`, `reply`, `job`."""
    _noted.set({**_noted.get(), **{name: str(one) for name, one in ids.items()}})


@contextmanager
def noted(**ids: UUID | str) -> Iterator[None]:
    """The same for a block."""
    token = _noted.set({**_noted.get(), **{name: str(one) for name, one in ids.items()}})
    try:
        yield
    finally:
        _noted.reset(token)


def noted_ids() -> Mapping[str, str]:
    """All that are known here; the tenant is the one in whose name something is done, if anything is."""
    tenant_id = find_tenant_id()
    return _noted.get() if tenant_id is None else {**_noted.get(), "tenant": str(tenant_id)}


def request_id(given: str) -> str:
    """What a client or proxy calls its request, where that is well-formed; else a new id."""
    return given if _WELL_FORMED.fullmatch(given) else uuid4().hex
