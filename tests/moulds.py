"""People and organisations at once: rows that Docent's services made are put into place again under other ids.

The first of a name in a process is made as ever. For the next ones what came of it is inserted, with ids of
their own and the present time: one statement in the place of forty, before most of the tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.apps import apps
from django.db import connection
from django.utils import timezone

from tenants.access import decode_token_id, encode_token_id, hash_secret, new_secret
from tenants.db import tenant_atomic
from tenants.isolation.catalog import tenant_models
from tenants.models import Tenant, User
from tests.people import Person

_MOMENT = r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00"
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CHANGING = re.compile(f'"({_MOMENT}|{_ID})"')


@dataclass(frozen=True)
class _Mould:
    """The rows of an organisation, or of somebody who came to one, as one statement; and who that is."""

    person: Person
    tenant_id: UUID
    owner_id: UUID
    statement: str
    ids: Sequence[str]
    moments: Sequence[str]

    def put(self, tenant_id: UUID, others: Mapping[UUID, UUID]) -> Person:
        """Insert them all; `others` says who is meant now by ids that are not among the rows."""
        ids = {one: str(uuid4()) for one in self.ids}
        ids |= {str(old): str(new) for old, new in {self.tenant_id: tenant_id, **others}.items()}
        # In their order, and after all that was there before.
        now = timezone.now()
        times = {one: str(now - timedelta(microseconds=age)) for age, one in enumerate(reversed(self.moments))}
        new = ids | times
        _, token, old_secret = self.person.token.split("_", 2)
        secret = new_secret()  # else what others said to the same server would hold it
        statement = self.statement.replace(hash_secret(old_secret).hex(), hash_secret(secret).hex())
        with tenant_atomic(tenant_id), connection.cursor() as cursor:
            cursor.execute(_CHANGING.sub(lambda found: f'"{new.get(found[1], found[1])}"', statement))
        user = User.objects.get(pk=ids[str(self.person.user.pk)])
        _, token_id = decode_token_id(token) or (None, "")
        token = encode_token_id(tenant_id, UUID(ids[str(token_id)]))
        return Person(user, self.person.slug, f"dct_{token}_{secret}")


_moulds: dict[str, _Mould] = {}


def founded(name: str, make: Callable[[], Person]) -> Person:
    """The owner of a new organisation that has nothing but what it starts with."""
    if name in _moulds:
        return _moulds[name].put(uuid4(), {})
    person = make()
    tenant_id = person.access.tenant_id
    _moulds[name] = _mould(person, tenant_id, str(tenant_id), person.user.pk)
    return person


def joined(name: str, owner: Person, make: Callable[[], Person]) -> Person:
    """Somebody new in the owner's organisation."""
    tenant_id = Tenant.objects.only("id").get(slug=owner.slug).id
    if name in _moulds:
        return _moulds[name].put(tenant_id, {_moulds[name].owner_id: owner.user.pk})
    person = make()
    _moulds[name] = _mould(person, tenant_id, str(person.user.pk), owner.user.pk)
    return person


def _mould(person: Person, tenant_id: UUID, mentioned: str, owner_id: UUID) -> _Mould:
    """Of the person and all rows of the organisation that mention this id."""
    tables = {model._meta.db_table: f"tenant_id = '{tenant_id}'" for model in tenant_models().values()}
    tables |= {"tenants_tenant": f"id::text = '{mentioned}'", "tenants_user": f"id = '{person.user.pk}'"}
    queries = [f"SELECT '{name}', to_jsonb(r)::text FROM {name} r WHERE {which}" for name, which in tables.items()]
    with tenant_atomic(tenant_id), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(queries))
        found = [(table, row) for table, row in cursor if table == "tenants_user" or mentioned in row]
    rows = {table: [row for other, row in found if other == table] for table, _ in found}
    ids = [json.loads(row)["id"] for _, row in found]
    statement = "; ".join(_insert(table, values) for table, values in rows.items())
    moments = sorted(set(re.findall(_MOMENT, statement)), key=datetime.fromisoformat)
    return _Mould(person, tenant_id, owner_id, statement, ids, moments)


def _insert(table: str, rows: Sequence[str]) -> str:
    [model] = [one for one in apps.get_models() if one._meta.db_table == table]
    # What the database generates is left to it.
    stored = [field for field in model._meta.local_concrete_fields if not field.generated]
    names = ", ".join(f'"{field.column}"' for field in stored)
    values = f"[{', '.join(rows)}]".replace("'", "''")
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_recordset(NULL::{table}, '{values}')"
