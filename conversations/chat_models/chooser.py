"""Which model answers: the one asked for, the organisation's, the operator's, an Ollama that happens to run here,
else quoting."""

import asyncio
from dataclasses import dataclass, replace
from functools import cache
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext

from conversations.chat_models.connections import Connection
from conversations.chat_models.directory import Directory
from conversations.chat_models.own import OwnModels, own_models
from conversations.chat_models.servers import LONGEST_NAME, ModelName, Server, list_servers, parse_name
from conversations.chat_models.words import model_in_words, no_model
from providers.chat.base import ChatModel, ModelInfo
from providers.chat.extractive import ExtractiveChat
from providers.chat.fallback import WithFallback
from providers.errors import ProviderError
from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.errors import InvalidInput

EXTRACTIVE = ExtractiveChat.name
_NONE_ALLOWED = "No model server has a model that your organisation may use."
Asker = Access | UUID | OwnModels


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider and the model to ask it for, by the name that people know it by; `name` says where it is.

    `context_tokens` is the longest prompt with its answer: what the model takes, and no more than the operator
    lets one use.
    """

    provider: ChatModel
    model: str
    context_tokens: int
    name: ModelName | None = None

    @property
    def is_model(self) -> bool:
        """Whether it writes; without a model passages are quoted."""
        return self.name is not None


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that an organisation may use."""

    name: ModelName
    info: ModelInfo
    context_tokens: int
    is_default: bool


class ModelChooser:
    """One for each process."""

    def __init__(self) -> None:
        self.directory = Directory()

    async def choose(self, asker: Asker, wanted: str = "") -> Choice:
        """The model for the next answer. Raises `ProviderError` when it may not be used, or no server has any."""
        own = await _own(asker)
        try:
            name = parse_name(wanted) if wanted and wanted != EXTRACTIVE else await self._default(own)
        except ProviderError:
            name = _fallback(own)
            if name is None:
                raise
        if name is None:
            return _quoting()
        if not own.allows(name):
            raise ProviderError("model_error", _not_there(name.id), permanent=True)
        return await self._choice(own, name)

    async def require(self, asker: Asker, wanted: str, *, pointer: str = "/model") -> None:
        """Raise `InvalidInput` for a model that the organisation has not; where nobody can tell, it is let by."""
        if not wanted:
            return
        own, name = await _own(asker), parse_name(wanted)
        if wanted == EXTRACTIVE:
            is_known = await self.quotes(own)
        else:
            is_known = (
                len(wanted) <= LONGEST_NAME and own.allows(name) and await self.directory.may_have(own, name)
            )
        if not is_known:
            raise InvalidInput.at(pointer, _not_there(wanted[:LONGEST_NAME]), "unknown_model")

    async def quotes(self, own: OwnModels) -> bool:
        """Whether there is no model, so that passages are quoted."""
        try:
            return await self._default(own) is None
        except ProviderError:
            return False

    async def list_models(self, asker: Asker) -> dict[str, list[Listed] | None]:
        """By server, those that the organisation may use; None for a server that cannot be asked."""
        own = await _own(asker)
        servers = [one for one in list_servers().values() if own.about(one.name).is_enabled]
        default = await self._find_default(own)
        found = await asyncio.gather(*(self._described(own, server, default) for server in servers))
        return {server.name: listed for server, listed in zip(servers, found, strict=True)}

    async def name(self, asker: Asker) -> str:
        """What would answer now, for people to read, or what is wrong."""
        try:
            own = await _own(asker)
            name = await self._default(own)
            if name is None:
                return no_model()
            server = list_servers()[name.server]
            info = await self.directory.connection(own, server).describe(name.model, freshly=True)
        except ProviderError as error:
            return error.detail
        return model_in_words(name.model, server.label, info, usable_context(info))

    async def choose_alone(self, own: OwnModels, name: ModelName) -> Choice:
        """This model and no other in its place."""
        connection = self.directory.connection(own, list_servers()[name.server])
        info = await connection.describe(name.model)
        return Choice(connection.to(name.model), name.id, usable_context(info), name)

    async def _choice(self, own: OwnModels, name: ModelName) -> Choice:
        first, other = await self.choose_alone(own, name), _fallback(own)
        if other is None or other == name:
            return first
        try:
            second = await self.choose_alone(own, other)
        except ProviderError:
            return first
        provider = WithFallback(
            first.provider, second.provider, model=second.model, context_tokens=second.context_tokens
        )
        return replace(first, provider=provider)

    async def _default(self, own: OwnModels) -> ModelName | None:
        """The organisation's or the operator's, else the first there is; None where nothing is configured."""
        operators = parse_name(settings.DOCENT_CHAT_MODEL) if settings.DOCENT_CHAT_MODEL else None
        for name in (own.default, operators):
            if name is not None and own.allows(name):
                return name
        unreachable, is_configured = False, False
        for server in list_servers().values():
            if not own.about(server.name).is_enabled:
                continue
            is_configured = is_configured or server.is_configured
            listed = await self.directory.listed(own, server)
            unreachable = unreachable or (listed is None and server.is_configured)
            for one in listed or []:
                if own.allows(name := ModelName(server.name, one.name)):
                    return name
        if unreachable:
            raise ProviderError("model_unreachable", "The model server cannot be reached.", permanent=False)
        if is_configured:
            has_any = any(one.allowed is not None for one in own.servers.values())
            detail = _NONE_ALLOWED if has_any else "The model server has no model installed."
            raise ProviderError("model_error", detail, permanent=True)
        return None

    async def _find_default(self, own: OwnModels) -> ModelName | None:
        try:
            return await self._default(own)
        except ProviderError:
            return None

    async def _described(self, own: OwnModels, server: Server, default: ModelName | None) -> list[Listed] | None:
        try:
            connection = self.directory.connection(own, server)
        except ProviderError:
            return None
        listed = await connection.list_models()
        if listed is None:
            return None
        names = [(ModelName(server.name, one.name), one) for one in listed]
        allowed = [(name, one) for name, one in names if own.allows(name)]
        # A server that says all of it in its list is not asked for each.
        infos = await asyncio.gather(
            *(_whole(connection, one) if server.keeps_models else _as_is(one) for _, one in allowed)
        )
        return [
            Listed(name, info, usable_context(info), is_default=name.is_same(default))
            for (name, _), info in zip(allowed, infos, strict=True)
        ]


def usable_context(info: ModelInfo) -> int:
    """How much of its window is used."""
    most: int = settings.DOCENT_MODEL_CONTEXT
    return min(info.context_tokens or most, most)


async def _whole(connection: Connection, listed: ModelInfo) -> ModelInfo:
    known = await connection.describe(listed.name, freshly=True)
    return ModelInfo(
        name=listed.name,
        context_tokens=known.context_tokens or listed.context_tokens,
        is_loaded=listed.is_loaded if known.is_loaded is None else known.is_loaded,
        size_bytes=listed.size_bytes or known.size_bytes,
        parameters=known.parameters or listed.parameters,
    )


async def _as_is(listed: ModelInfo) -> ModelInfo:
    return listed


async def _own(asker: Asker) -> OwnModels:
    if isinstance(asker, OwnModels):
        return asker
    return await run_in_tenant(asker if isinstance(asker, UUID) else asker.tenant_id, own_models)


def _quoting() -> Choice:
    return Choice(ExtractiveChat(), EXTRACTIVE, settings.DOCENT_MODEL_CONTEXT)


def _fallback(own: OwnModels) -> ModelName | None:
    """The operator's, where the organisation may use it."""
    name = parse_name(settings.DOCENT_FALLBACK_MODEL) if settings.DOCENT_FALLBACK_MODEL else None
    return name if name is not None and own.allows(name) else None


def _not_there(wanted: str) -> str:
    return gettext("There is no model “{wanted}” here that your organisation may use.").format(wanted=wanted)


@cache
def chooser() -> ModelChooser:
    return ModelChooser()
