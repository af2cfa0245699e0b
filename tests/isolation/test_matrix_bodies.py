"""Every id that a body or a query may hold, by the schema: what is foreign there is what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.isolation.cells import Cells, told_by
from tests.isolation.matrix import PARAMETER, Outcome, Row, Whose, api_actions, api_routes, rows
from tests.isolation.population import Population

# What kind of object a field or a parameter names.
_KINDS = {
    "collection": "collection",
    "collections": "collection",
    "document": "document",
    "documents": "document",
    "session_id": "conversation",
    "conversation": "conversation",
    "parent": "message",
    "leaf": "message",
    "author": "user",
    "user": "user",
    "people": "user",
    "groups": "group",
    "set": "question_set",
    "before": "evaluation",
}
# The log keeps ids of what is gone: it takes any, and finds what one's own organisation has recorded.
_TAKEN_AS_THEY_ARE = {("GET", "/api/v1/audit/", "?actor"), ("GET", "/api/v1/audit/", "?target")}
# What has to stand beside an id, by the place of what both are in.
_BESIDE: dict[str, dict[str, Any]] = {
    "access": {"everyone": False},
    "limits": {"kind": "documents", "applies_to": "person", "amount": 1000},
}
# What of the asker's own has to be named beside it, by path.
_OWN_BESIDE = {"/api/v1/shares/": ("conversation",)}
_ROWS = {
    (row.method, "/" + PARAMETER.sub(r"{\g<name>}", row.route.pattern)): row
    for row in rows(api_routes(), api_actions)
}


def _places() -> Iterator[tuple[str, str, str]]:
    """Method, path and place of each: a parameter's name, or the pointer to a field, items as `*`."""
    schema = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            for one in operation.get("parameters", ()):
                if one["in"] == "query" and one["schema"].get("format") == "uuid":
                    yield method.upper(), path, f"?{one['name']}"
            bodies = operation.get("requestBody", {}).get("content", {}).values()
            for place in {place for body in bodies for place in _fields(schema, body["schema"])}:
                yield method.upper(), path, place


def _fields(schema: Any, one: Any, pointer: str = "") -> Iterator[str]:
    """Pointers to the fields of a schema that hold ids."""
    if "$ref" in one:
        one = schema["components"]["schemas"][one["$ref"].rpartition("/")[2]]
    if one.get("format") == "uuid":
        yield pointer
    for part in one.get("allOf", ()):
        yield from _fields(schema, part, pointer)
    for name, inner in one.get("properties", {}).items():
        yield from _fields(schema, inner, f"{pointer}/{name}")
    if "items" in one:
        yield from _fields(schema, one["items"], f"{pointer}/*")


PLACES = sorted(set(_places()) - _TAKEN_AS_THEY_ARE)


def _kind(place: str) -> str:
    return _KINDS[place.strip("?").removesuffix("/*").rpartition("/")[2]]


def _sent(row: Row, place: str, one: object) -> dict[str, Any]:
    """The row's sample with the id in its place."""
    if place.startswith("?"):
        return {}
    value: Any = str(one)
    parts = place.split("/")[1:]
    while len(parts) > 1:
        last = parts.pop()
        value = [value] if last == "*" else {**_BESIDE[parts[0]], last: value}
    return {**row.sample, parts[0]: value}


@pytest.mark.parametrize(("method", "path", "place"), PLACES, ids=lambda one: one)
def test_I3_an_id_in_a_body_is_as_good_as_what_its_asker_sees(
    method: str, path: str, place: str, population: Population
) -> None:
    """Of whoever may ask at all: what is out of sight, foreign or missing is the same 400."""
    row, kind = _ROWS[method, path], _kind(place)
    cells = Cells(row, population)
    wrong = []
    askers = [one for one in population.programs if row.expected(one.authority, Whose.OWN) is Outcome.ALLOWED]
    assert askers
    for asker in askers:
        told = {}
        own = population.ids(asker.estate, Whose.OWN, row.route.kinds)
        beside = population.ids(asker.estate, Whose.OWN, _OWN_BESIDE.get(path, ()))
        for whose in Whose:
            if kind == "user" and whose in {Whose.OWN, Whose.HIDDEN}:
                continue  # whoever made the group is in it already
            named = population.ids(asker.estate, whose, [kind])[kind]
            query = f"{place}={named}" if place.startswith("?") else ""
            sent = {kind: str(one) for kind, one in beside.items()} | _sent(row, place, named)
            answer = cells.ask(asker.client, row.route.path(own) + query, is_undone=True, sent=sent)
            expected = {200, 201, 202} if asker.authority.sees(kind, whose) else {400}
            if answer.status_code not in expected:
                wrong.append(f"{asker.name}, {whose}: {answer.status_code}, not {expected}")
            if expected == {400}:
                told[whose] = told_by(answer, str(named))
        if len(set(told.values())) != 1:
            wrong.append(f"{asker.name}: refusals differ")
    assert wrong == []
