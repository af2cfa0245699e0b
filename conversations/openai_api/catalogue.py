"""The models that a token may ask: its documents, what is called a collection, assistants, and models alone."""

from datetime import datetime
from typing import Any

from conversations.chat_models import OwnModels, chooser, own_models
from conversations.openai_api.asking import COLLECTION, EMBEDDER, EVERYTHING, PERSONA
from conversations.selectors.personas import list_personas
from conversations.services.questions_in_passing import model_not_found
from documents.selectors import visible_collections
from tenants.access import Access
from tenants.db import run_in_tenant

_OWNER = "docent"
# Where Open WebUI looks for what it may offer; else it sends tools of its own with every question.
_WITHOUT = ("builtin_tools", "code_interpreter", "image_generation", "vision", "web_search")
_INFO = {"meta": {"capabilities": dict.fromkeys(_WITHOUT, False)}}


async def list_models(access: Access) -> list[dict[str, Any]]:
    """In the order in which a person would choose; those of servers that cannot be reached are missing."""
    ours, own = await run_in_tenant(access.tenant_id, _ours, access)
    by_server = await chooser().list_models(own)
    taken = (COLLECTION, PERSONA)
    plain = [
        _model(one.name.id, one.name.id, owner=one.name.server)
        for listed in by_server.values()
        for one in listed or []
        if not one.name.id.startswith(taken) and one.name.id not in {EVERYTHING, EMBEDDER}
    ]
    return [*ours, *plain]


async def get_model(access: Access, wanted: str) -> dict[str, Any]:
    """Raises `NotFound`. The model for embeddings is no choice for a chat, so it is in no list."""
    if wanted == EMBEDDER:
        return _model(EMBEDDER, "all-MiniLM-L6-v2")
    for model in await list_models(access):
        if model["id"] == wanted:
            return model
    raise model_not_found(wanted)


def _ours(access: Access) -> tuple[list[dict[str, Any]], OwnModels]:
    collections = visible_collections(access).order_by("name", "id")
    personas = list_personas(access).order_by("name", "id")
    ours = [
        _model(EVERYTHING, access.tenant_name),
        *(_model(f"{COLLECTION}{one.slug}", one.name, one.created_at) for one in collections),
        *(_model(f"{PERSONA}{one.slug}", one.name, one.created_at) for one in personas),
    ]
    return ours, own_models()


def _model(name: str, shown: str, made_at: datetime | None = None, *, owner: str = _OWNER) -> dict[str, Any]:
    """`name` is for people: clients that know it show it."""
    created = int(made_at.timestamp()) if made_at else 0
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": owner,
        "name": shown,
        "info": _INFO,
    }
