"""Queries of every question: made once, and from then on only filled in.

Django makes a query's SQL anew each time it is run, which takes ten times as long as handing it to PostgreSQL. A
`Prepared` does it at the first call and keeps the text. The tenant is never part of what is kept: it is filled in
from the context at every call, so both locks hold as they do for any other query.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.db import connection
from django.db.models import BooleanField, F, Func, Model, QuerySet, UUIDField, Value

from tenants.context import current_tenant_id

M = TypeVar("M", bound=Model)


class _Blank:
    """The place of a value in a kept query."""

    def __init__(self, name: str) -> None:
        self.name = name


_TENANT = _Blank("tenant")


Given = UUID | str | list[UUID]


class _AnyOf(Func):
    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def any_of(column: str, ids: Any) -> Func:
    """As `column__in`, the same query however many ids there are."""
    return _AnyOf(F(column), Value(ids, output_field=UUIDField()))


class Prepared:
    """The rows of a query on tenant-owned models, as `values_list` gives them.

    `build` makes the query of the values that a call names, which it may not look at, only hand on: ids and texts,
    and in `any_of` lists of ids. By others the query would have another shape each time.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, tuple[Any, ...]]]) -> None:
        self._build = build
        self._kept: tuple[str, list[Any]] | None = None

    def rows(self, **given: Given) -> list[tuple[Any, ...]]:
        """Every row, inside the caller's unit."""
        sql, places = self._kept or self._make(given)
        filling: dict[str, Any] = {**given, "tenant": current_tenant_id()}
        with connection.cursor() as cursor:
            cursor.execute(sql, [filling[one.name] if isinstance(one, _Blank) else one for one in places])
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def _make(self, given: dict[str, Given]) -> tuple[str, list[Any]]:
        # Values that stand nowhere else tell which places are whose.
        marks = {name: uuid4().hex if isinstance(value, str) else uuid4() for name, value in given.items()}
        names: dict[Any, _Blank] = {mark: _Blank(name) for name, mark in marks.items()}
        names[current_tenant_id()] = _TENANT
        sql, values = self._build(**marks).query.sql_with_params()
        places = [names.get(value, value) if isinstance(value, UUID | str) else value for value in values]
        found = {one for one in places if isinstance(one, _Blank)}
        if found != set(names.values()):
            raise ValueError("A prepared query has a place for the tenant and for every value.")
        self._kept = sql, places
        return self._kept


class PreparedModels(Generic[M]):
    """The same for whole rows of one model, without related ones."""

    def __init__(self, model: type[M], build: Callable[..., QuerySet[M]]) -> None:
        self._model = model
        self._fields = model._meta.concrete_fields
        names = [field.attname for field in self._fields]
        self._query = Prepared(lambda **marks: build(**marks).values_list(*names))

    def all(self, **given: Given) -> list[M]:
        """Every row, inside the caller's unit."""
        names = [field.attname for field in self._fields]
        converters = [(n, field.get_db_converters(connection)) for n, field in enumerate(self._fields)]
        read = [(n, each) for n, each in converters if each]
        return [
            self._model.from_db(connection.alias, names, _converted(row, read))
            for row in self._query.rows(**given)
        ]

    def first(self, **given: Given) -> M | None:
        """The only row, or the first; None without any."""
        return next(iter(self.all(**given)), None)


def _converted(row: tuple[Any, ...], converters: list[tuple[int, list[Callable[..., Any]]]]) -> list[Any]:
    values = list(row)
    for place, each in converters:
        for converter in each:
            values[place] = converter(values[place], None, connection)
    return values


def insert(*rows: Model) -> None:
    """Store new rows of one model in one statement, as `bulk_create` does; inside the caller's unit."""
    model = type(rows[0])
    table, fields = model._meta.db_table, model._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["%s"] * len(fields))
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({columns}) VALUES {", ".join([f"({places})"] * len(rows))}',  # noqa: S608
            values,
        )
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias
