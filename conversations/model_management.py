"""Models and their servers as people and programs manage them: asked of the servers, noted here."""

import asyncio
from functools import partial
from typing import Any

from django.utils.translation import gettext

from conversations import model_pulls
from conversations.chat_models import (
    EXTRACTIVE,
    Listed,
    ModelName,
    OwnModels,
    Server,
    chooser,
    list_servers,
    own_models,
    parse_name,
)
from conversations.models import ModelPull
from conversations.services.model_access import Changes, require_server, set_model_access
from conversations.services.model_pulls import (
    begin_pull,
    may_manage_models,
    note_deleted,
    require_manages_models,
)
from providers.errors import ProviderError
from tenants.access import Access
from tenants.db import run_in_tenant, run_unit
from tenants.errors import Conflict, InvalidInput, NotFound
from tenants.permissions import Action
from tenants.prices import price_of

# Of a short key its end would be too much of it.
_TOLD, _LONG_ENOUGH = 4, 16


async def model_views(access: Access, own: OwnModels) -> list[dict[str, Any]]:
    """The models that a person may ask, as programs read them."""
    by_server = await chooser().list_models(own)
    is_manager = may_manage_models(access)
    views = [_view(one, is_manager=is_manager) for listed in by_server.values() for one in listed or []]
    if not views and await chooser().quotes(own):
        views.append(_quoting())
    return views


async def server_views(access: Access) -> list[dict[str, Any]]:
    """The operator's servers, as admins read them."""
    access.require(Action.MANAGE_TENANT)
    own = await run_in_tenant(access.tenant_id, own_models)
    servers = list(list_servers().values())
    names = await asyncio.gather(*(chooser().directory.names_on(own, server) for server in servers))
    is_manager = may_manage_models(access)
    return [
        _server_view(own, server, has, is_manager=is_manager) for server, has in zip(servers, names, strict=True)
    ]


async def set_models(access: Access, server: str, changes: Changes) -> None:
    """Change how the organisation uses a server. A default model that it does not have raises `InvalidInput`."""
    access.require(Action.MANAGE_TENANT)
    known = require_server(server)
    wanted = changes.get("default_model", "")
    if wanted and "allowed_models" not in changes and "key" not in changes:
        own = await run_in_tenant(access.tenant_id, own_models)
        await chooser().directory.require_listed(
            own, ModelName(known.name, wanted.strip()), pointer="/default_model"
        )
    await run_unit(partial(set_model_access, access=access, server=server, changes=changes))


async def delete_model(access: Access, model: str) -> None:
    """Raises `NotFound` for a model that the server does not have, `Conflict` where it cannot do it."""
    require_manages_models(access)
    own = await run_in_tenant(access.tenant_id, own_models)
    name = parse_name(model)
    server = _keeper(name.server, "/model")
    connection = chooser().directory.connection(own, server)
    connection.forget()
    listed = await connection.list_models()
    if listed is None:
        raise Conflict("The model server cannot be reached.", code="model_unreachable")
    if not name.is_among(one.name for one in listed):
        raise NotFound("There is no such model.")
    try:
        await connection.provider.delete(name.model)
    except ProviderError as error:
        raise Conflict(error.detail, code=error.code) from error
    finally:
        chooser().directory.forget(server.name)
    await run_unit(partial(note_deleted, access=access, name=name))


async def pull_model(access: Access, model: str, server: str = "") -> ModelPull:
    """Begin to fetch a model, or join those who wait for it."""
    require_manages_models(access)
    model = model.strip()
    name = ModelName(server, model) if server else parse_name(model)
    _keeper(name.server, "/server")
    if not model or not model.isprintable() or " " in model:
        raise InvalidInput.at("/model", "This is no model's name.", "invalid_model")
    own = await run_in_tenant(access.tenant_id, own_models)
    begun = await run_unit(partial(begin_pull, access=access, name=name))
    if begun.is_new:
        model_pulls.start(own, begun.pull.id, name)
    return begun.pull


def _keeper(name: str, pointer: str) -> Server:
    server = require_server(name, pointer=pointer)
    if not server.keeps_models:
        detail = gettext(
            "Models of {label} are its provider's: they are neither fetched nor deleted here."
        ).format(label=server.label)
        raise InvalidInput.at(pointer, detail, "not_managed")
    return server


def _view(one: Listed, *, is_manager: bool) -> dict[str, Any]:
    price = price_of(one.name.id)
    return {
        "id": one.name.id,
        "server": one.name.server,
        "name": one.name.model,
        "context_tokens": one.context_tokens,
        "is_loaded": one.info.is_loaded,
        "size_bytes": one.info.size_bytes,
        "parameters": one.info.parameters,
        "is_default": one.is_default,
        "price": None if price is None else price.view(),
        "can_delete": is_manager and list_servers()[one.name.server].keeps_models,
    }


def _quoting() -> dict[str, Any]:
    return {
        "id": EXTRACTIVE,
        "server": "",
        "name": EXTRACTIVE,
        "context_tokens": 0,
        "is_loaded": None,
        "size_bytes": None,
        "parameters": "",
        "is_default": True,
        "price": None,
        "can_delete": False,
    }


def _server_view(own: OwnModels, server: Server, has: list[str] | None, *, is_manager: bool) -> dict[str, Any]:
    about = own.about(server.name)
    return {
        "server": server.name,
        "kind": server.kind,
        "is_enabled": about.is_enabled,
        # One that is not used is not asked.
        "is_reachable": has is not None if about.is_enabled else None,
        "models": has,
        "takes_keys": server.takes_keys,
        "can_pull": is_manager and server.keeps_models,
        "key": _key_view(own, server),
        "allowed_models": None if about.allowed is None else sorted(about.allowed),
        "default_model": about.default_model or None,
    }


def _key_view(own: OwnModels, server: Server) -> dict[str, Any]:
    """The operator's key is none of an organisation's business, not even its end."""
    is_own = bool(own.about(server.name).sealed_key)
    ends_with = ""
    if is_own:
        try:
            key = own.key_of(server)
        except ProviderError:
            key = ""
        ends_with = key[-_TOLD:] if len(key) >= _LONG_ENOUGH else ""
    return {"is_set": is_own or bool(server.key), "ends_with": ends_with, "is_own": is_own}
