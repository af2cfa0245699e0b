"""Random reads and writes of one organisation through the ORM and in plain SQL, each result looked at."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, models, transaction

from conversations.models import Conversation, Message, Role, Status
from documents.models import Chunk, Collection, Document, Page
from tenants.context import NoActiveTenant, TenantConflict, tenant_context
from tenants.db import tenant_atomic
from tenants.models import ApiToken, AuditEvent, Group, GroupMember, Membership

_READ: tuple[type[models.Model], ...] = (
    Collection, Document, Page, Chunk, Conversation, Message, Group, GroupMember, Membership, ApiToken, AuditEvent,
)  # fmt: skip
_STRANGE = {
    "collections": Collection,
    "documents": Document,
    "conversations": Conversation,
    "messages": Message,
    "groups": Group,
    "tokens": ApiToken,
}
# Rows of one's own making that are left standing in a job; more are deleted first.
_MOST_PASSING = 10


class _Mishap(Exception):
    """Raised in the middle of a unit: nothing that it wrote may stay."""


@dataclass(frozen=True, slots=True)
class Side:
    """An organisation as a job knows it: its word, those of the others, and the others' rows by kind."""

    slug: str
    tenant_id: str
    mark: str
    author: str
    foreign_marks: Sequence[str]
    foreign_tenant: str
    strangers: Mapping[str, Sequence[str]]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Desk:
    """Works in one organisation's name; `done` counts operations by name, `violations` are sentences.

    Desks on several threads may share both: a count may get lost there, a sentence does not.
    """

    side: Side
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    passing: list[models.Model] = field(default_factory=list)

    def unit(self) -> None:
        """One transaction of a few operations, or something that takes its own."""
        if self.rng.random() < 0.15:
            self.rng.choice((roll_back, stand_outside, step_into_another))(self)
        else:
            with tenant_atomic(self.tenant_id):
                self.operate()

    def operate(self) -> None:
        """A few operations, inside a unit of the caller's."""
        for _ in range(self.rng.randint(1, 5)):
            [operation] = self.rng.choices(_OPERATIONS, _WEIGHTS)
            operation(self)

    def leave(self) -> None:
        """Delete what is left of one's own making."""
        with tenant_atomic(self.tenant_id):
            while self.passing:
                drop(self)

    @property
    def tenant_id(self) -> UUID:
        return UUID(self.side.tenant_id)

    def text(self) -> str:
        return f"Passing {self.side.mark} {self.rng.getrandbits(80):x}"

    def stranger(self) -> tuple[type[models.Model], str]:
        kind = self.rng.choice(sorted(self.side.strangers))
        return _STRANGE[kind], self.rng.choice(self.side.strangers[kind])

    def look(self, operation: str, model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> None:
        """Every row is the organisation's own, and no other's word stands in it."""
        self.done[operation] += 1
        for row in rows:
            text = str(row)
            if str(row["tenant_id"]) != self.side.tenant_id or any(
                mark in text for mark in self.side.foreign_marks
            ):
                self._accuse(operation, model, text[:300])

    def expect(self, operation: str, holds: bool, model: type[models.Model], what: str) -> None:  # noqa: FBT001
        self.done[operation] += 1
        if not holds:
            self._accuse(operation, model, what)

    def _accuse(self, operation: str, model: type[models.Model], what: str) -> None:
        self.violations.append(f"{self.side.slug}, {operation} of {model.__name__}: {what}")


def read_rows(desk: Desk) -> None:
    """A slice of any table by the ORM."""
    model = desk.rng.choice(_READ)
    start = desk.rng.randrange(10)
    rows = list(_of(model).order_by("id").values()[start : start + 20])
    desk.look("read rows", model, rows)


def read_plainly(desk: Desk) -> None:
    """The same in SQL that names no tenant: the database's lock alone."""
    model = desk.rng.choice(_READ)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {model._meta.db_table} OFFSET %s LIMIT 20", [desk.rng.randrange(10)])
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    desk.look("read in SQL", model, rows)


def look_for_stranger(desk: Desk) -> None:
    """Another organisation's row by its id: by the ORM in two ways, and in SQL."""
    model, stranger = desk.stranger()
    found = _of(model).filter(pk=stranger).exists() or _of(model).filter(pk__in=[stranger]).count()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {model._meta.db_table} WHERE id = %s", [stranger])
        [count] = cursor.fetchone() or [0]
    desk.expect("look for a stranger", not found and not count, model, stranger)


def change_stranger(desk: Desk) -> None:
    """Write to another organisation's row, or delete it: nothing is there to write to."""
    model, stranger = desk.stranger()
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET id = id WHERE id = %s", [stranger])
        changed = cursor.rowcount
        cursor.execute(f"DELETE FROM {table} WHERE id = %s", [stranger])
        changed += cursor.rowcount
    changed += _of(model).filter(pk=stranger).update(id=stranger)
    desk.expect("change a stranger", not changed, model, stranger)


def give_away(desk: Desk) -> None:
    """Write a row in another organisation's name: the database refuses, and the unit goes on."""
    is_refused = False
    try:
        with transaction.atomic():
            Group.objects.create(tenant_id=UUID(desk.side.foreign_tenant), name=desk.text())
    except DatabaseError:
        is_refused = True
    desk.expect("give away", is_refused, Group, desk.side.foreign_tenant)


def make(desk: Desk) -> None:
    """A row with the organisation's word, found again at once."""
    if len(desk.passing) >= _MOST_PASSING:
        drop(desk)
        return
    row = _made(desk)
    desk.passing.append(row)
    model = type(row)
    again = _of(model).filter(pk=row.pk).values()
    desk.look("make", model, list(again))
    desk.expect("make", len(again) == 1 and desk.side.mark in str(again), model, str(row.pk))


def change(desk: Desk) -> None:
    if not desk.passing:
        return
    row = desk.rng.choice(desk.passing)
    column = "title" if isinstance(row, Conversation) else "name"
    changed = _of(type(row)).filter(pk=row.pk).update(**{column: desk.text()})
    desk.expect("change", changed == 1, type(row), str(row.pk))


def drop(desk: Desk) -> None:
    if not desk.passing:
        return
    row = desk.passing.pop(desk.rng.randrange(len(desk.passing)))
    gone, _ = _of(type(row)).filter(pk=row.pk).delete()
    desk.expect("delete", gone >= 1, type(row), str(row.pk))


def roll_back(desk: Desk) -> None:
    """A unit that fails in the middle leaves nothing, and the next one works."""
    made: list[models.Model] = []
    with suppress(_Mishap), tenant_atomic(desk.tenant_id):
        made.append(_made(desk))
        raise _Mishap
    with tenant_atomic(desk.tenant_id):
        stayed = _of(type(made[0])).filter(pk=made[0].pk).exists()
        desk.expect("roll back", not stayed, type(made[0]), str(made[0].pk))


def stand_outside(desk: Desk) -> None:
    """In no organisation's name: SQL sees nothing, the ORM refuses."""
    Context().run(_outside, desk)


def step_into_another(desk: Desk) -> None:
    """Another organisation's context cannot be opened inside this one's."""
    is_refused = False
    try:
        with tenant_context(desk.tenant_id), tenant_context(UUID(desk.side.foreign_tenant)):
            pass
    except TenantConflict:
        is_refused = True
    desk.expect("step into another", is_refused, Membership, desk.side.foreign_tenant)


def _outside(desk: Desk) -> None:
    model = desk.rng.choice(_READ)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {model._meta.db_table}")
        [count] = cursor.fetchone() or [0]
    is_refused = False
    try:
        list(_of(model)[:1])
    except NoActiveTenant:
        is_refused = True
    desk.expect("stand outside", is_refused and count == 0, model, f"{count} rows in SQL")


def _made(desk: Desk) -> models.Model:
    row: models.Model
    match desk.rng.randrange(3):
        case 0:
            row = Group.objects.create(name=desk.text())
        case 1:
            slug = f"soak-{desk.rng.getrandbits(80):x}"
            row = Collection.objects.create(name=desk.text(), slug=slug, created_by_id=desk.side.author)
        case _:
            row = Conversation.objects.create(title=desk.text(), author_id=desk.side.author)
            Message.objects.create(conversation=row, role=Role.USER, content=desk.text(), status=Status.FINISHED)
    return row


_CHOICES: dict[Callable[[Desk], None], float] = {
    read_rows: 10,
    read_plainly: 10,
    look_for_stranger: 4,
    change_stranger: 2,
    give_away: 1,
    make: 3,
    change: 3,
    drop: 2,
}
_OPERATIONS, _WEIGHTS = list(_CHOICES), list(_CHOICES.values())


def _of(model: type[models.Model]) -> models.QuerySet[Any]:
    found: models.QuerySet[Any] = model._default_manager.all()
    return found
