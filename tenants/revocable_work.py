"""What this process keeps open in somebody's name, so that it closes when their authority ends or changes.

A request is looked at when it comes. A socket, a stream of events, a wait for an answer and a reply being
written outlive that look: each holds a `Door`. `tenants.revocations` shuts them. All of this belongs to the
process's event loop; nothing here is for other threads.
"""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self, TypeVar

from tenants.access import Access
from tenants.errors import DocentError, NotAuthenticated, PermissionRefused
from tenants.models import Revocation

T = TypeVar("T")
Reason = Revocation.Reason

# Longer than an `Access` is on its way from the database to the door that it opens.
_REMEMBERED_SECONDS = 60.0
# Longer than it takes to make an `Access` of the rows that were read.
_MARGIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The log-in behind a page's socket: when it goes, the socket goes, and nothing else of the person's."""

    session_sha256: str
    expires_at: datetime


def session_digest(session_key: str) -> str:
    """By what a `Revocation` names a session: the key itself would let whoever reads the row log in."""
    return hashlib.sha256(session_key.encode()).hexdigest()


class Door:
    """One open thing. `shut` is called at most once, with the reason; `closed_by` keeps that reason.

    With `survives_change` only the end of the authority shuts it.
    """

    def __init__(
        self,
        access: Access,
        shut: Callable[[Reason], object],
        *,
        login: Login | None = None,
        survives_change: bool = False,
    ) -> None:
        self.access = access
        self.login = login
        self.closed_by: Reason | None = None
        self._shut = shut
        self._survives_change = survives_change

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def open(self) -> None:
        """From now on it is shut with the authority; at once, if that went after it had been looked at."""
        _open.add(self)
        for heard_at, revocation in _heard:
            if heard_at >= self.access.resolved_at - _MARGIN_SECONDS:
                self.hear(revocation)

    def leave(self) -> None:
        """Whatever was open is over. Leaving twice does no harm."""
        _open.discard(self)

    def hear(self, revocation: Revocation) -> None:
        """Shut, if it is about this door."""
        if self._is_meant(revocation):
            self.shut(Reason(revocation.reason))

    def shut(self, reason: Reason) -> None:
        if self.closed_by is None and not (self._survives_change and reason is Reason.CHANGED):
            self.closed_by = reason
            self._shut(reason)

    def is_expired(self, now: datetime) -> bool:
        """Whether the token or the log-in has come to its end by itself."""
        ends = (self.access.expires_at, self.login.expires_at if self.login else None)
        return any(end is not None and end <= now for end in ends)

    def _is_meant(self, revocation: Revocation) -> bool:
        """What the revocation names, all of it, is this door's; naming nothing, it means nobody."""
        access = self.access
        pairs = (
            (revocation.tenant_id, access.tenant_id),
            (revocation.user_id, access.user_id),
            (revocation.token_id, access.token_id or access.site_id),
            (revocation.session_sha256, self.login and self.login.session_sha256),
        )
        named = [(revoked, own) for revoked, own in pairs if revoked]
        return bool(named) and all(revoked == own for revoked, own in named)


_open: set[Door] = set()
_heard: deque[tuple[float, Revocation]] = deque()


def shut_doors(revocation: Revocation) -> None:
    """Shut every door that it means, and those that are just being opened."""
    now = time.monotonic()
    while _heard and _heard[0][0] < now - _REMEMBERED_SECONDS:
        _heard.popleft()
    _heard.append((now, revocation))
    for door in list(_open):
        door.hear(revocation)


def shut_expired_doors(now: datetime) -> None:
    """Shut every door whose token or log-in has expired."""
    for door in list(_open):
        if door.is_expired(now):
            door.shut(Reason.ENDED)


async def while_allowed(access: Access, work: Awaitable[T]) -> T:
    """What `work` comes to; `NotAuthenticated` or `PermissionRefused` when the authority goes first."""
    waiting = asyncio.ensure_future(work)
    with Door(access, lambda _reason: waiting.cancel()) as door:
        try:
            return await waiting
        except asyncio.CancelledError:
            if door.closed_by is None:
                raise
            raise _refusal(door.closed_by) from None


async def each_while_allowed(access: Access, parts: AsyncIterator[T]) -> AsyncIterator[T]:
    """The parts of a stream, which just ends when the authority goes."""
    closed = asyncio.get_running_loop().create_future()
    with Door(access, closed.set_result):
        while not closed.done():
            part = asyncio.ensure_future(anext(parts))
            try:
                await asyncio.wait([part, closed], return_when=asyncio.FIRST_COMPLETED)
                if closed.done():
                    return
                yield part.result()
            except StopAsyncIteration:
                return
            finally:
                part.cancel()


def _refusal(reason: Reason) -> DocentError:
    if reason is Reason.CHANGED:
        return PermissionRefused("Your role or your rights were changed while you waited. Ask again.")
    return NotAuthenticated("Your access has ended while you waited.")
