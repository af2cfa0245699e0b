"""The text of replies while they are written, in Valkey: there first, and shown only then.

So readers at other processes are as near to it as those at the one that writes, and what anybody was shown
is known when that process dies. Pieces have their place in the text, so none is there twice. Valkey keeps it
until the reply is stored, an hour at most. While Valkey is away the text is shown all the same: readers elsewhere
then have what Postgres has, and a process that dies takes the last second with it.
"""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

import redis.asyncio as asynchronous
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from conversations.events import Queued, StageChanged
from conversations.valkey import ValkeyAway, valkey

logger = logging.getLogger(__name__)

# Between two pieces of a text: up to 25 a second, fewer where many are written, for each piece costs the same.
_MERGE_SECONDS, _MERGE_SECONDS_EACH, _LONGEST_MERGE = 0.04, 0.002, 0.12
_TIMEOUT_SECONDS = 0.25
_KEPT_SECONDS = 3600
# 0: what stands before this piece is not there, for Valkey has forgotten it.
_PUT = """
local done = {}
for i, key in ipairs(KEYS) do
  local place, piece = ARGV[2 * i], ARGV[2 * i + 1]
  done[i] = 0
  if redis.call('STRLEN', key) >= tonumber(place) then
    redis.call('SETRANGE', key, place, piece)
    redis.call('EXPIRE', key, ARGV[1])
    done[i] = 1
  end
end
return done
"""


class Draft(Protocol):
    """A text that grows, and how much of it may be shown."""

    text: str
    stage: StageChanged | None

    def show(self, length: int) -> None: ...


@dataclass(slots=True)
class Copy:
    """What Valkey has of a draft: so many characters, which are so many bytes."""

    draft: Draft
    key: str
    length: int = 0
    size: int = 0
    stage: StageChanged | None = None
    # Nobody has read a word of it.
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What Valkey has of a reply from a byte on. Without any of it the reply is over, or has not begun."""

    text: str
    size: int
    stage: StageChanged | None

    @property
    def is_there(self) -> bool:
        return bool(self.size) or self.stage is not None


def key_of(tenant_id: UUID, message_id: UUID) -> str:
    return f"t:{tenant_id}:reply:{message_id}"


class Publisher:
    """Brings what this process writes to Valkey, all replies at once, at a measured pace; first words at once."""

    def __init__(self) -> None:
        self._waiting: dict[str, Copy] = {}
        self._new: dict[str, Copy] = {}
        self._has_new = asyncio.Event()
        self._over: list[str] = []
        self._work: asyncio.Task[None] | None = None

    def publish(self, copy: Copy) -> None:
        """Its text or its stage has changed."""
        if not copy.is_new:
            self._waiting[copy.key] = copy
        else:
            self._new[copy.key] = copy
            self._has_new.set()
        self._begin()

    def forget(self, copy: Copy) -> None:
        """The reply is stored, or nobody will: whoever follows it looks there."""
        self._waiting.pop(copy.key, None)
        self._new.pop(copy.key, None)
        self._over += [copy.key, f"{copy.key}:stage"]
        self._begin()

    def _begin(self) -> None:
        if self._work is None:
            self._work = asyncio.create_task(self._run(), name="mirror")

    async def _run(self) -> None:
        try:
            while self._waiting or self._new or self._over:
                began = time.monotonic()
                copies, self._waiting = [*self._waiting.values(), *self._take_new()], {}
                over, self._over = self._over, []
                await _show(copies, over)
                await self._greet(began + min(_MERGE_SECONDS + len(copies) * _MERGE_SECONDS_EACH, _LONGEST_MERGE))
        finally:
            self._work = None

    async def _greet(self, until: float) -> None:
        """Until then those alone who begin."""
        while (left := until - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._has_new.wait()
            except TimeoutError:
                return
            await _show(self._take_new(), [])

    def _take_new(self) -> list[Copy]:
        self._has_new.clear()
        new, self._new = list(self._new.values()), {}
        return new


async def _show(copies: Sequence[Copy], over: Sequence[str]) -> None:
    lengths = [len(copy.draft.text) for copy in copies]
    await _put(copies, over)
    for copy, length in zip(copies, lengths, strict=True):
        copy.draft.show(length)
        copy.is_new = not length


async def _put(copies: Sequence[Copy], over: Sequence[str]) -> None:
    pieces = [(copy, copy.draft.text[copy.length :], copy.draft.stage) for copy in copies]
    try:
        if over:
            await valkey().ask(lambda client: client.delete(*over))
        if pieces:
            done = await valkey().ask(lambda client: _send(client, pieces))
            forgotten = [copy for (copy, *_), is_there in zip(pieces, done, strict=True) if not is_there]
            for copy in forgotten:
                copy.length, copy.size, copy.stage = 0, 0, None
            whole = [(copy, copy.draft.text, copy.draft.stage) for copy in forgotten]
            if whole:
                await valkey().ask(lambda client: _send(client, whole))
    except ValkeyAway:
        return
    except Exception:
        # Whoever reads here goes on reading.
        logger.exception("replies could not be told to other processes")


async def _send(client: asynchronous.Redis, pieces: Sequence[tuple[Copy, str, StageChanged | None]]) -> list[bool]:
    """Whether each piece has found its place."""
    keys = [copy.key for copy, *_ in pieces]
    placed = [part for copy, piece, _ in pieces for part in (str(copy.size), _bytes(piece))]
    async with client.pipeline(transaction=False) as pipe:
        pipe.eval(_PUT, len(keys), *keys, str(_KEPT_SECONDS), *placed)
        for copy, _, stage in pieces:
            if stage is not None and stage is not copy.stage:
                pipe.set(f"{copy.key}:stage", json.dumps(asdict(stage)), ex=_KEPT_SECONDS)
        done = [bool(answer) for answer in (await pipe.execute())[0]]
    for is_there, (copy, piece, stage) in zip(done, pieces, strict=True):
        copy.stage = stage
        if is_there:
            copy.length, copy.size = copy.length + len(piece), copy.size + len(_bytes(piece))
    return done


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


async def read_on(tenant_id: UUID, message_id: UUID, *, size: int = 0) -> Seen | None:
    """What is there after so many bytes; None while Valkey cannot be asked."""
    key = key_of(tenant_id, message_id)

    async def ask(client: asynchronous.Redis) -> tuple[bytes, bytes | None]:
        async with client.pipeline(transaction=False) as pipe:
            pipe.getrange(key, size, -1)
            pipe.get(f"{key}:stage")
            rest, stage = await pipe.execute()
            return rest, stage

    try:
        rest, stage = await valkey().ask(ask)
    except ValkeyAway:
        return None
    return Seen(rest.decode(errors="ignore"), size + len(rest), _stage_of(stage))


def _stage_of(kept: bytes | None) -> StageChanged | None:
    if kept is None:
        return None
    told: dict[str, Any] = json.loads(kept)
    return Queued(**told) if "position" in told else StageChanged(**told)


def recover_text(tenant_id: UUID, message_id: UUID) -> str:
    """What was written of a reply whose process died, as far as Valkey knows."""
    try:
        text: bytes = _client().get(key_of(tenant_id, message_id)) or b""  # type: ignore[assignment]
    except (RedisError, OSError):
        return ""
    return text.decode(errors="ignore")


def drop_text(tenant_id: UUID, message_id: UUID) -> None:
    """What it was recovered for is stored."""
    key = key_of(tenant_id, message_id)
    with suppress(RedisError, OSError):
        _client().delete(key, f"{key}:stage")


_publishers: WeakKeyDictionary[asyncio.AbstractEventLoop, Publisher] = WeakKeyDictionary()


def publisher() -> Publisher:
    """This event loop's."""
    loop = asyncio.get_running_loop()
    if loop not in _publishers:
        _publishers[loop] = Publisher()
    return _publishers[loop]


@cache
def _client() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        socket_timeout=_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
