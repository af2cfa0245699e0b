"""Which rows are a conversation's own, by the catalog: what a later version adds is archived too.

A message's parts are all rows that would go with it, but for what is not kept.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db.models import CASCADE, Field, ForeignKey, GeneratedField

from conversations.models import Conversation, Message, MessageChunk, Share, Thoughts
from tenants.isolation.catalog import tenant_models
from tenants.models import TenantKey, TenantModel

_PERSONS = frozenset({"author_id", "created_by_id", "user_id"})
# Pieces and vectors are made anew when the messages are back. A share that is still read keeps its conversation
# from being archived; the others are over. Thoughts repeat documents, of whose words a record has only quotes.
NOT_KEPT = frozenset({MessageChunk, Share, Thoughts})
# Whose it is, the reader of a record knows; what else a row of the conversation says stays in the database.
_LEFT_OUT = {Conversation: {"author_id", "archived_at"}, Message: {"conversation"}}


@cache
def parts() -> Mapping[str, tuple[type[TenantModel], str]]:
    """By their name in a record: the model and the key by which its rows hang on a message."""
    found = {}
    for model in tenant_models().values():
        keys = [
            field
            for field in model._meta.local_fields
            if isinstance(field, TenantKey)
            and field.related_model is Message
            and field.remote_field.on_delete is CASCADE
        ]
        if keys and model is not Message and model not in NOT_KEPT:
            found[_plural(str(model._meta.model_name))] = (model, keys[0].name)
    return dict(sorted(found.items()))


def _plural(name: str) -> str:
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def columns(model: type[TenantModel], *, apart_from: frozenset[str] = frozenset()) -> "list[Field[Any, Any]]":
    """What a record says of a row, but for the tenant and what is computed."""
    left_out = {"tenant", *_LEFT_OUT.get(model, ()), *apart_from}
    return [
        field
        for field in model._meta.concrete_fields
        if field.name not in left_out and not isinstance(field, GeneratedField)
    ]


def persons(model: type[TenantModel]) -> list[str]:
    """The columns that hold people's ids."""
    return [one.name for one in model._meta.concrete_fields if one.name in _PERSONS]


def is_key(field: "Field[Any, Any]") -> bool:
    return isinstance(field, ForeignKey)
