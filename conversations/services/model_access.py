"""Writes: how an organisation uses the operator's model servers."""

import re
from collections.abc import Callable
from typing import Any, TypedDict

from django.utils.translation import gettext

from conversations.chat_models import LONGEST_NAME, Server, key_purpose, list_servers, sealed_key
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.models import ModelAccess, Tenant
from tenants.permissions import Action

# What is sent in a header: printable, without blanks.
_KEY = re.compile(r"[!-~]{8,500}")
_MOST_ALLOWED = 200


def rewrap_secrets(rewrap: Callable[[bytes, str], bytes]) -> None:
    """Registered with `on_keys_rotated`."""
    for row in ModelAccess.objects.exclude(sealed_secret=b"").select_for_update().order_by("id"):
        row.sealed_secret = rewrap(bytes(row.sealed_secret), key_purpose(row.server))
        row.save(update_fields=["sealed_secret"])


class Changes(TypedDict, total=False):
    """What is to be different. An empty key takes the organisation's away; allowed None is all models."""

    key: str
    is_enabled: bool
    allowed_models: list[str] | None
    default_model: str


def require_server(name: str, *, pointer: str = "/server") -> Server:
    """One of the operator's list, for a name in a body."""
    server = list_servers().get(name)
    if server is None:
        raise InvalidInput.at(pointer, "There is no such model server.", "unknown_server")
    return server


def set_model_access(*, access: Access, server: str, changes: Changes) -> ModelAccess:
    """Change what the organisation says about one server. Raises `InvalidInput`.

    A default model here takes the place of one on another server.
    """
    access.require(Action.MANAGE_TENANT)
    known = require_server(server)
    cleaned = _cleaned(known, changes)
    with tenant_atomic(access.tenant_id):
        # Where there is no row yet, nothing else makes two that set the first one follow one another.
        Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        row: ModelAccess = ModelAccess.objects.filter(server=server).first() or ModelAccess(server=server)
        if "key" in cleaned:
            key = cleaned.pop("key")
            row.sealed_secret = sealed_key(key, tenant_id=access.tenant_id, server=server) if key else b""
        for name, value in cleaned.items():
            setattr(row, name, value)
        _require_default_allowed(row, changes)
        if row.default_model:
            ModelAccess.objects.exclude(id=row.id).exclude(default_model="").update(default_model="")
        row.save()
        facts: dict[str, Any] = {
            "server": server,
            "changed": sorted(changes),
            "is_enabled": row.is_enabled,
            "has_key": bool(row.sealed_secret),
            "default_model": row.default_model,
            "allowed_models": row.allowed_models,
        }
        record(access, "model_access.set", target_kind="model_access", target_id=row.id, **facts)
    return row


def _cleaned(server: Server, changes: Changes) -> dict[str, Any]:
    cleaned: dict[str, Any] = dict(changes)
    if "key" in changes:
        cleaned["key"] = _clean_key(server, changes["key"])
    if "default_model" in changes:
        model = changes["default_model"].strip()
        cleaned["default_model"] = _clean_model("/default_model", server, model) if model else ""
    allowed = changes.get("allowed_models")
    if allowed is not None:
        cleaned["allowed_models"] = _clean_allowed(server, allowed)
    return cleaned


def _clean_key(server: Server, key: str) -> str:
    key = key.strip()
    if key and not server.takes_keys:
        raise InvalidInput.at(
            "/key", gettext("{label} takes no keys.").format(label=server.label), "takes_no_keys"
        )
    if key and not _KEY.fullmatch(key):
        raise InvalidInput.at("/key", "A key has 8 to 500 characters and no blanks.", "invalid_key")
    return key


def _clean_allowed(server: Server, names: list[str]) -> list[str]:
    pointers = (f"/allowed_models/{number}" for number in range(len(names)))
    allowed = sorted({_clean_model(pointer, server, name) for pointer, name in zip(pointers, names, strict=True)})
    if not allowed:
        detail = gettext("Allow at least one model, or disable the server.")
        raise InvalidInput.at("/allowed_models", detail, "required")
    if len(allowed) > _MOST_ALLOWED:
        raise InvalidInput.at(
            "/allowed_models",
            gettext("Name at most {most} models.").format(most=_MOST_ALLOWED),
            "too_many",
        )
    return allowed


def _clean_model(pointer: str, server: Server, name: str) -> str:
    name = name.strip()
    if not name or len(f"{server.name}/{name}") > LONGEST_NAME or not name.isprintable():
        raise InvalidInput.at(
            pointer,
            gettext("A model's name has 1 to {longest_name} characters.").format(longest_name=LONGEST_NAME),
            "invalid_model",
        )
    return name


def _require_default_allowed(row: ModelAccess, changes: Changes) -> None:
    if not row.default_model or row.allowed_models is None or row.default_model in row.allowed_models:
        return
    if "allowed_models" in changes and "default_model" not in changes:
        detail = gettext("“{default_model}” is the default model: choose another one first, or allow it.").format(
            default_model=row.default_model
        )
        raise InvalidInput.at("/allowed_models", detail, "default_not_allowed")
    raise InvalidInput.at(
        "/default_model", "The default model must be among those allowed.", "default_not_allowed"
    )
