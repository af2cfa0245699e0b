"""`/audit/` and its page: who reads the log, what it says, and how it is taken away."""

from __future__ import annotations

import ast
import asyncio
import csv
import json
import re
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tenants.audit.recording import ACTIONS, record
from tenants.audit.sealing import seal_audit
from tenants.db import tenant_atomic
from tenants.models import AuditEvent, Revocation
from tenants.permissions import Role
from tenants.revocable_work import shut_doors
from tenants.services.members import change_role, remove_member
from tests.architecture.sources import APPS, Source, modules
from tests.environment import Environment
from tests.people import Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/audit/"
EXPORT = "/o/acme/settings/audit/export/"
PAGE = "/o/acme/settings/audit/"


def _events(person: Person, **query: Any) -> list[dict[str, Any]]:
    response = person.full_api.get(f"{PATH}?{urlencode(query)}")
    assert response.status_code == 200, response.content
    return [dict(one) for one in response.json()["results"]]


def _body(response: Any) -> str:
    """What an export streams."""

    async def read() -> bytes:
        return b"".join([part async for part in response.streaming_content])

    assert response.status_code == 200
    return asyncio.run(read()).decode()


def _actions(person: Person, **query: Any) -> list[str]:
    return [one["action"] for one in _events(person, **query)]


def test_the_log_says_what_who_where_and_whether_it_is_sealed(
    alice: Person, bob: Person, run_environment: Environment
) -> None:
    token = alice.full_api
    seal_audit(run_environment.owner_url)
    made = token.post("/api/v1/collections/", {"name": "Minutes"}).json()
    [newest, *older] = _events(alice)
    assert newest == {
        "id": newest["id"],
        "at": newest["at"],
        "action": "collection.created",
        "actor": str(alice.user.pk),
        "actor_email": "alice@example.org",
        "carrier": "token",
        "token": newest["token"],
        "address": "127.0.0.1",
        "target_kind": "collection",
        "target": made["id"],
        "data": {},
        "sealed": False,
        "number": None,
    }
    assert UUID(newest["token"])
    assert [(one["action"], one["sealed"], one["number"]) for one in older] == [
        ("token.created", True, 5),
        ("token.created", True, 4),
        ("member.added", True, 3),
        ("token.created", True, 2),
        ("tenant.created", True, 1),
    ]


def test_the_log_is_narrowed_down(alice: Person, bob: Person, dana: Person) -> None:
    _change_role(alice, bob, Role.VIEWER)
    _change_role(alice, dana, Role.MEMBER)
    changed = _events(alice, action="member.role_changed")
    assert [one["target"] for one in changed] == [str(dana.user.pk), str(bob.user.pk)]
    assert _actions(alice, target=bob.user.pk) == ["member.role_changed", "member.added"]
    assert _actions(alice, actor=bob.user.pk) == ["token.created"]
    assert _actions(alice, actor=bob.user.pk, action="member.added") == []
    newer, older = (datetime.fromisoformat(one["at"]) for one in changed)
    assert _actions(alice, after=newer.isoformat(), before=(newer + timedelta(microseconds=1)).isoformat()) == [
        "member.role_changed"
    ]
    assert [one["at"] for one in _events(alice, before=newer.isoformat(), action="member.role_changed")] == [
        changed[1]["at"]
    ]
    assert len(_events(alice, after=older.isoformat(), action="member.role_changed")) == 2
    assert _actions(alice, after=f"{timezone.now() + timedelta(days=2):%Y-%m-%d}") == []


def _change_role(alice: Person, person: Person, role: Role) -> None:
    change_role(access=alice.access, user_id=person.user.pk, role=role)


def test_pages_lead_through_the_whole_log_newest_first(alice: Person) -> None:
    access = alice.access
    with tenant_atomic(access.tenant_id):
        made = [record(access, "group.renamed", target_kind="group", target_id=uuid4()).id for _ in range(7)]
    found, next_page = [], f"{PATH}?action=group.renamed&limit=3"
    sizes = []
    while next_page:
        page = alice.full_api.get(next_page).json()
        sizes.append(len(page["results"]))
        found += [UUID(one["id"]) for one in page["results"]]
        next_page = page["next"]
    assert sizes == [3, 3, 1]
    assert found == made[::-1]
    # Opening the log is an event; turning its pages is none.
    assert _actions(alice, action="audit.read") == ["audit.read"]


def test_who_is_gone_is_an_id(alice: Person, bob: Person) -> None:
    assert [one["actor_email"] for one in _events(alice, actor=bob.user.pk)] == ["bob@example.org"]
    remove_member(access=alice.access, user_id=bob.user.pk)
    found = _events(alice, actor=bob.user.pk)
    assert {(one["actor"], one["actor_email"]) for one in found} == {(str(bob.user.pk), None)}


def test_I3_foreign_ids_find_what_missing_ones_do(alice: Person, charlie: Person) -> None:
    for name, foreign in (("actor", charlie.user.pk), ("target", charlie.access.tenant_id)):
        assert _events(alice, **{name: foreign}) == _events(alice, **{name: uuid4()}) == []
    assert _actions(charlie, target=charlie.access.tenant_id, action="tenant.created") == ["tenant.created"]
    ids = {one["id"] for one in _events(alice)}
    assert ids & {one["id"] for one in _events(charlie)} == set()
    with tenant_atomic(alice.access.tenant_id):
        assert ids < set(map(str, AuditEvent.objects.values_list("id", flat=True)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("action=member.promoted", [("/action", "invalid_choice")]),
        ("actor=bob", [("/actor", "invalid")]),
        ("target=1", [("/target", "invalid")]),
        ("after=yesterday", [("/after", "invalid")]),
        ("before=2026-13-01", [("/before", "invalid")]),
        ("format=xml", [("/format", "invalid_choice")]),
        ("limit=0", [("/limit", "min_value")]),
        ("tenant=globex", [("/tenant", "unknown_field")]),
    ],
)
def test_a_wrong_filter_is_pointed_at(alice: Person, query: str, expected: list[tuple[str, str]]) -> None:
    assert pointers(alice.full_api.get(f"{PATH}?{query}")) == expected
    assert _actions(alice, action="audit.read") == [], "nothing was read"


def test_A3_the_log_is_for_admins(alice: Person, bob: Person, dana: Person, charlie: Person) -> None:
    for person in (bob, dana):
        for query in ("", "?format=csv"):
            assert refusal(person.full_api.get(f"{PATH}{query}"))[0] == 403
        assert person.client.get(PAGE).status_code == 403
        assert person.client.get(EXPORT).status_code == 403
    assert refusal(alice.api.get(PATH))[0] == 403, "a token without the scope"
    assert refusal(Client().get(PATH))[0] == 401
    for path in (PAGE, EXPORT):
        assert charlie.client.get(path).status_code == 404
        assert alice.client.get(path).status_code == 200
    assert alice.full_api.get(PATH).status_code == 200
    assert set(_actions(charlie)) == {"tenant.created", "token.created"}, "nothing of acme's"


@pytest.mark.parametrize("format_", ["csv", "json"])
def test_an_export_holds_every_event_asked_for(alice: Person, bob: Person, format_: str) -> None:
    with tenant_atomic(alice.access.tenant_id):
        AuditEvent.objects.bulk_create(
            AuditEvent(action="group.renamed", carrier="cli", target_kind="group", data={"place": place})
            for place in range(1100)
        )
    response = alice.full_api.get(f"{PATH}?action=group.renamed&format={format_}")
    name = f'attachment; filename="audit-acme-{timezone.now():%Y-%m-%d}.{format_}"'
    assert response.headers["Content-Disposition"] == name
    assert response.headers["Cache-Control"] == "no-store"
    rows = _rows(_body(response), format_)
    assert [row["place"] for row in rows] == list(range(1099, -1, -1))
    assert {row["action"] for row in rows} == {"group.renamed"}
    # The same from the page; and both are in the log.
    assert _rows(_body(alice.client.get(f"{EXPORT}?action=group.renamed&format={format_}")), format_) == rows
    exported = _events(alice, action="audit.exported")
    assert [(one["carrier"], one["data"]) for one in exported] == [
        ("session", {"format": format_}),
        ("token", {"format": format_}),
    ]
    assert _rows(_body(alice.full_api.get(f"{PATH}?actor={uuid4()}&format={format_}")), format_) == []


def test_A9_an_export_ends_with_the_authority(alice: Person) -> None:
    """It is cut short; that a file of JSON is whole is said by its last bracket."""
    tenant_id = alice.access.tenant_id
    assert len(json.loads(_body(alice.client.get(f"{EXPORT}?format=json")))) == 3
    response: Any = alice.client.get(f"{EXPORT}?format=json")

    async def read() -> bytes:
        parts = response.streaming_content
        first = await anext(parts)
        shut_doors(Revocation(tenant_id=tenant_id, user_id=alice.user.pk, reason="ended"))
        return b"".join([first, *[part async for part in parts]])

    with pytest.raises(json.JSONDecodeError):
        json.loads(asyncio.run(read()))


def _rows(text: str, format_: str) -> list[dict[str, Any]]:
    """Each event with the `place` from its data."""
    if format_ == "json":
        return [{**row, "place": row["data"]["place"]} for row in json.loads(text)]
    return [{**row, "place": json.loads(row["data"])["place"]} for row in csv.DictReader(StringIO(text))]


def test_U11_nothing_in_an_export_is_a_formula(alice: Person) -> None:
    alice.user.email = "=cmd|'/c calc'!A1@example.org"
    alice.user.save()
    [header, *rows] = csv.reader(StringIO(_body(alice.client.get(EXPORT))))
    emails = {row[header.index("actor_email")] for row in rows}
    assert emails == {"'=cmd|'/c calc'!A1@example.org"}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_the_page_shows_filters_and_leads_on(alice: Person, bob: Person) -> None:
    access = alice.access
    with tenant_atomic(access.tenant_id):
        for _ in range(60):
            record(
                access, "group.renamed", target_kind="group", target_id=uuid4(), name="<script>alert(1)</script>"
            )
    page = alice.client.get(f"{PAGE}?action=group.renamed&actor={alice.user.pk}&target=").content.decode()
    assert page.count("<tr>") == 51
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert '<option translate="no" dir="ltr" selected>group.renamed</option>' in page
    assert f'<option value="{alice.user.pk}" selected dir="auto">' in page
    older = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert alice.client.get(older).content.decode().count("<tr>") == 11
    assert _actions(alice, action="audit.read") == ["audit.read"]
    empty = alice.client.get(f"{PAGE}?action=group.deleted").content.decode()
    assert "No event is like that." in empty
    assert alice.client.get(f"{PAGE}?action=nothing").status_code == 400


def test_D3_the_code_records_exactly_the_actions_that_are_known() -> None:
    """Whatever is called `record…` gets plain words, but where it only hands on what it was given."""
    recorded, unknown = set(), set()
    for source in modules(*(set(APPS) - {"providers"})):
        wrappers = [one for one in source.functions() if one.name.startswith("_record")]
        handed_on = {id(node) for one in wrappers for node in ast.walk(one)}
        for call in source.nodes(ast.Call):
            if isinstance(call.func, ast.Name) and re.match("_?record", call.func.id) and len(call.args) > 1:
                words = _words(source, call.args[1])
                recorded |= words
                if not words and id(call) not in handed_on:
                    unknown.add((source.path, call.lineno))
    assert unknown == set()
    assert recorded == ACTIONS


def _words(source: Source, node: ast.expr) -> set[str]:
    """The texts that an expression may be; of a name, those that are assigned to it."""
    if isinstance(node, ast.Name):
        assigned = [one for one in source.nodes(ast.Assign) if ast.unparse(one.targets[0]) == node.id]
        return {word for one in assigned for word in _words(source, one.value)}
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
