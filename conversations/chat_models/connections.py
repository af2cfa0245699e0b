"""Servers spoken to, each with one key, and what they said of their models lately."""

import asyncio
import hashlib
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from django.conf import settings
from django.utils.module_loading import import_string

from conversations.chat_models.servers import LONGEST_NAME, Server, list_servers
from conversations.metrics import PROVIDER_ERRORS, RESTING
from providers.chat.base import ChatDelta, ChatModel, ChatRequest, ModelInfo, ModelServer
from providers.chat.breaker import Breakers, Guarded, Rules
from providers.chat.ollama import OllamaChat
from providers.errors import ProviderError
from tenants.metrics import on_sample
from tenants.observing.trace_spans import span_aside

FRESH_SECONDS = 10.0
# What a model is changes only when it is pulled anew.
_DESCRIBED_SECONDS = 600.0
# One that is configured may be busy; one that merely might be there must not keep anybody waiting.
_PATIENCE, _IMPATIENCE = 5.0, 1.0
_MOST_DESCRIBED = 1000
# Keys of organisations come and go.
_MOST_KEPT = 256


class Provider(ChatModel, ModelServer, Protocol):
    """What speaks to a server: it answers, and tells of its models."""


class Addressed:
    """One model of a server. Requests, and who reads of them, call it by its id; the server hears its own name."""

    def __init__(self, chat: ChatModel, model: str, *, server: str) -> None:
        self.name = chat.name
        self._chat = chat
        self._model = model
        self._server = server

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        about = {"gen_ai.provider.name": self._server, "gen_ai.request.model": self._model}
        with span_aside("model", about):
            try:
                async with aclosing(self._chat.stream(replace(request, model=self._model))) as deltas:
                    async for delta in deltas:
                        yield delta
            except ProviderError as error:
                PROVIDER_ERRORS.labels(self._server, error.code).inc()
                raise


class _Together:
    """A hundred questions at once ask a server once what they all want to know. Tasks belong to one event loop."""

    def __init__(self) -> None:
        self._asking: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Task[None]]]
        self._asking = WeakKeyDictionary()

    async def ask(self, what: str, ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
        tasks = self._asking.setdefault(asyncio.get_running_loop(), {})
        task = tasks.get(what)
        if task is None:
            task = tasks[what] = asyncio.create_task(ask())
            task.add_done_callback(lambda _task: tasks.pop(what, None))
        # Whoever gives up waiting takes it from nobody else.
        await asyncio.shield(task)


class Connection:
    """One server with one key. Remembers for ten seconds which models it has, and longer what they are."""

    def __init__(self, server: Server, key: str) -> None:
        self.server = server
        self.provider = _provider(server, key)
        self._guarded: ChatModel = self.provider
        self.breakers = Breakers(Rules(rest=settings.DOCENT_MODEL_REST))
        if settings.DOCENT_MODEL_REST:
            self._guarded = Guarded(self.provider, server=server.name, breakers=self.breakers)
        self._listed: list[ModelInfo] | None = None
        self._listed_at = float("-inf")
        self._described: dict[str, tuple[float, bool, ModelInfo]] = {}
        self._together = _Together()

    def to(self, model: str) -> ChatModel:
        """One of its models, however the request calls it; one that fails and fails is left alone."""
        return Addressed(self._guarded, model, server=self.server.name)

    async def list_models(self) -> list[ModelInfo] | None:
        """Those that can chat; None when the server cannot be asked."""
        if time.monotonic() - self._listed_at > FRESH_SECONDS:
            await self._together.ask("", self._list)
        return self._listed

    async def describe(self, model: str, *, freshly: bool = False) -> ModelInfo:
        """What the model is; `freshly`, whether it is loaded too. A server that does not say leaves it open."""
        known_at, is_answer, known = self._described.get(model, (float("-inf"), False, ModelInfo(name=model)))
        lasts = _DESCRIBED_SECONDS if is_answer and not freshly else FRESH_SECONDS
        if time.monotonic() - known_at < lasts:
            return known
        await self._together.ask(model, lambda: self._describe(model))
        return self._described[model][2] if model in self._described else known

    async def _list(self) -> None:
        found = await self.provider.probe(timeout=_PATIENCE if self.server.is_configured else _IMPATIENCE)
        self._listed = None if found is None else [one for one in found if self._can_be_named(one.name)]
        # Whoever starts a server or pulls a model should not have to wait: nothing is not remembered.
        has_something = bool(self._listed) or not self.server.is_configured
        self._listed_at = time.monotonic() if has_something else float("-inf")

    async def _describe(self, model: str) -> None:
        try:
            info, is_answer = await self.provider.describe(model), True
        except ProviderError:
            # Whoever asks the model hears what is wrong.
            info, is_answer = ModelInfo(name=model), False
        if len(self._described) >= _MOST_DESCRIBED:
            self._described.clear()
        self._described[model] = (time.monotonic(), is_answer, info)

    def _can_be_named(self, model: str) -> bool:
        """Names that nobody can keep or read are left out."""
        return model.isprintable() and len(f"{self.server.name}/{model}") <= LONGEST_NAME

    def forget(self) -> None:
        """A model has come or gone."""
        self._listed_at = float("-inf")
        self._described.clear()


class Connections:
    """One for each server and key, made when first needed. A key never serves another's requests."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Server, bytes], Connection] = OrderedDict()
        on_sample(self._sample)

    def to(self, server: Server, key: str) -> Connection:
        # By its digest: what is kept to look things up by is not kept as it is.
        place = (server, hashlib.sha256(key.encode()).digest())
        connection = self._kept.get(place)
        if connection is None:
            connection = self._kept[place] = Connection(server, key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(place)
        return connection

    def _sample(self) -> None:
        resting = Counter(dict.fromkeys(list_servers(), 0))
        for connection in list(self._kept.values()):
            resting[connection.server.name] += connection.breakers.open()
        for name, number in resting.items():
            RESTING.labels(name).set(number)

    def forget(self, server: str) -> None:
        """A model has come to that server or gone, whoever asks for it."""
        for connection in list(self._kept.values()):
            if connection.server.name == server:
                connection.forget()


def _provider(server: Server, key: str) -> Provider:
    times = {
        "first_token_timeout": settings.DOCENT_FIRST_TOKEN_TIMEOUT,
        "idle_timeout": settings.DOCENT_IDLE_TIMEOUT,
    }
    if server.kind == "ollama":
        return OllamaChat(server.url, **times)
    # Imported by whoever uses it: its library takes half a second of processor and memory in every process.
    provider = import_string("providers.chat.openai.OpenAIChat")
    made: Provider = provider(server.url, api_key=key, name=server.name, **times)
    return made
