"""Every page of an organisation's administration, in two organisations at once: neither sees the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.apps import apps
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models
from django.test import Client
from psycopg import sql

from conversations.models import Conversation, Persona
from documents.models import Collection, Document
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.isolation.catalog import tenant_models
from tenants.models import (
    ApiToken,
    Group,
    Invitation,
    Job,
    Membership,
    SignInProvider,
    Tenant,
    TenantModel,
)
from tests.isolation.holdings import Holding, holding_of
from tests.people import Person

# Nobody works on the jobs that are retried here: an answer shows their state, and two of them are compared.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unsent")]

# Letters that chance chose may spell anything, an organisation's name among it.
_RANDOM = re.compile(r'csrfmiddlewaretoken" value="\w+"|nonce="[^"]+"')
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REGISTERED: Mapping[type[models.Model], Any] = tenant_admin._registry


@pytest.fixture
def acme_holding(alice: Person, bob: Person) -> Holding:
    return holding_of(alice)


@pytest.fixture
def globex_holding(charlie: Person) -> Holding:
    return holding_of(charlie)


@pytest.fixture
def globex_unchanged(globex_holding: Holding, admin_connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Whatever the test does at acme, not a byte of globex's rows is another afterwards."""
    before = _bytes_of(globex_holding, admin_connection)
    assert all(before[model._meta.db_table] for model in globex_holding.rows)
    yield
    assert _bytes_of(globex_holding, admin_connection) == before


def _bytes_of(holding: Holding, connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Every row of the organisation, as text, by table."""
    columns = dict.fromkeys(tenant_models(), "tenant_id") | {"tenants_job": "tenant_id", "tenants_tenant": "id"}
    statement = sql.SQL("SELECT rows::text FROM {table} rows WHERE {column} = %s ORDER BY 1")
    return {
        table: [
            text
            for (text,) in connection.execute(
                statement.format(table=sql.Identifier(table), column=sql.Identifier(column)),
                [holding.rows[Tenant]],
            )
        ]
        for table, column in columns.items()
    }


def _require_none_of(other: Holding, response: Any, *, sent: str = "") -> None:
    """No byte of an answer speaks of the other organisation, but for what the asker sent."""
    text = _RANDOM.sub("", response.content.decode())
    text = text.replace(sent, "") if sent else text
    found = {str(pk) for pk in other.rows.values()} | {other.person.slug, other.person.user.email}
    assert {word for word in found if word.casefold() in text.casefold()} == set()


def _outcome(holding: Holding, url: str, asked: UUID, data: dict[str, Any] | None = None) -> tuple[Any, ...]:
    """All that an asker can tell two answers apart by, messages of the page it leads to among it.

    Forms hold ids made up for rows that are not there yet; those of rows that are have been looked for elsewhere.
    """
    ask = holding.get(url, follow=True) if data is None else holding.post(url, data, follow=True)
    text = _UUID.sub("ID", _RANDOM.sub("", ask.content.decode()))
    chain = [(address.replace(str(asked), "ID"), status) for address, status in ask.redirect_chain]
    return ask.status_code, chain, text


def _links(response: Any, pattern: str) -> set[str]:
    """Links of a list that stay on it: filters, dates, pages."""
    found = re.findall(rf'href="(\?[^"]*{pattern}[^"]*)"', response.content.decode())
    return {unescape(link) for link in found}


def test_I14_every_model_has_a_row_here_and_a_tenant() -> None:
    """A model that is registered tomorrow is looked at too."""
    others = {model for model in REGISTERED if not issubclass(model, TenantModel)}
    assert others == {Job, Tenant}, "whatever belongs to no tenant says itself which rows are shown"
    assert not any("user" in _names(admin.list_filter) for admin in REGISTERED.values()), "accounts are global"


def _names(filters: Any) -> set[str]:
    return {one for one in filters if isinstance(one, str)}


def test_I14_lists_filters_dates_and_searches(
    acme_holding: Holding, globex_holding: Holding, globex_unchanged: None
) -> None:
    assert set(acme_holding.rows) == set(REGISTERED)
    for model, admin in REGISTERED.items():
        for own, other in ((acme_holding, globex_holding), (globex_holding, acme_holding)):
            page = own.get(own.url(model))
            assert page.status_code == 200, model
            assert str(own.rows[model]) in page.content.decode(), model
            _require_none_of(other, page)
        narrowed = _links(page, "=")
        if admin.list_filter:
            assert narrowed, model
        for link in narrowed:
            answer = globex_holding.get(globex_holding.url(model) + link)
            assert answer.status_code == 200, link
            _require_none_of(acme_holding, answer)
        for word in ("globex", str(globex_holding.rows[model]), globex_holding.person.user.email):
            answer = acme_holding.get(acme_holding.url(model), {"q": word})
            _require_none_of(globex_holding, answer, sent=word)
            if admin.search_fields:
                assert "0 results" in answer.content.decode(), model


def test_I14_a_list_compares_only_what_it_offers(acme_holding: Holding) -> None:
    """Hashes of secrets, titles of conversations and people's accounts are not to be guessed letter by letter."""
    hidden = {
        ApiToken: ("secret_sha256__startswith", "user__password__startswith", "tenant__slug"),
        Invitation: ("secret_sha256__contains", "email__startswith", "role__in"),
        SignInProvider: ("sealed_secret__startswith",),
        Membership: ("user__password__startswith", "user__email__startswith", "id__in"),
        Conversation: ("title__startswith", "messages__content__contains"),
        Document: ("collection__name__startswith", "versions__storage_key__startswith"),
        Job: ("tenant_id", "tenant_id__in"),
        Tenant: ("slug", "id"),
    }
    for model, lookups in hidden.items():
        for lookup in lookups:
            assert acme_holding.get(acme_holding.url(model), {lookup: "a"}).status_code == 400, lookup
        assert acme_holding.get(acme_holding.url(model), {"_to_field": "secret_sha256"}).status_code == 400


def test_P9_what_no_list_can_look_for_is_refused(acme_holding: Holding) -> None:
    """NUL, the end of the calendar, and ids that are none: the administrator's mistake, not the server's."""
    for model, admin in REGISTERED.items():
        url, day = acme_holding.url(model), admin.date_hierarchy
        filters = [getattr(one, "parameter_name", None) or one for one in admin.list_filter]
        wrong = [{one: "\0"} for one in filters]
        if day:
            wrong += [{f"{day}__year": year} for year in ("9999", "9" * 30)]
            wrong += [{f"{day}__year": "9999", f"{day}__month": "12"}]
        for query in wrong:
            assert acme_holding.get(url, query).headers["Location"] == f"{url}?e=1", query
        for name in (*admin.actions, *(["delete_selected"] if admin.delete_action else [])):
            for selected in ("", "x", "\0"):
                sent = {"action": name, ACTION_CHECKBOX_NAME: selected, "index": "0", "post": "yes"}
                assert acme_holding.post(url, sent).status_code == 400, (model, name, selected)
    question = {"app_label": "tenants", "model_name": "groupmember", "field_name": "membership", "term": "\0"}
    assert acme_holding.get("/o/acme/admin/autocomplete/", question).status_code == 400


def test_I1_pages_of_a_row(acme_holding: Holding, globex_holding: Holding, globex_unchanged: None) -> None:
    """A foreign row's pages are what a missing one's are."""
    for model, admin in REGISTERED.items():
        tails = ["{}/change/", "{}/history/", *(["{}/delete/"] if admin.delete_action else [])]
        foreign, missing = globex_holding.rows[model], uuid4()
        for tail in tails:
            own = acme_holding.get(acme_holding.url(model, tail.format(acme_holding.rows[model])))
            assert own.status_code == 200, (model, tail)
            assert "acme" in own.content.decode().casefold()
            _require_none_of(globex_holding, own)
            for data in (None, {"post": "yes", "name": "Taken over", "_save": "Save"}):
                answers = [
                    _outcome(acme_holding, acme_holding.url(model, tail.format(asked)), asked, data)
                    for asked in (foreign, missing)
                ]
                assert answers[0] == answers[1], (model, tail)
        if admin.add_action:
            _require_none_of(globex_holding, acme_holding.get(acme_holding.url(model, "add/")))
        else:
            assert acme_holding.get(acme_holding.url(model, "add/")).status_code == 404, model


def test_I14_actions(acme_holding: Holding, globex_holding: Holding, globex_unchanged: None) -> None:
    """Each action on a foreign row is the same as on a missing one; on “all” it means one's own."""
    done = set()
    for model, admin in REGISTERED.items():
        names = [*(admin.actions or ()), *(["delete_selected"] if admin.delete_action else [])]
        for name in names:
            answers = [
                _outcome(acme_holding, acme_holding.url(model), asked, _action(name, asked))
                for asked in (globex_holding.rows[model], uuid4())
            ]
            assert answers[0] == answers[1], (model, name)
            everything = _action(name, uuid4()) | {"select_across": "1"}
            answer = acme_holding.post(acme_holding.url(model), everything, follow=True)
            assert answer.status_code == 200, (model, name)
            _require_none_of(globex_holding, answer)
            done.add((model.__name__, name))
    assert done == {
        ("ApiToken", "revoke"),
        ("Collection", "delete_selected"),
        ("Document", "cancel"),
        ("Document", "delete_selected"),
        ("Document", "move"),
        ("Document", "retry"),
        ("Group", "delete_selected"),
        ("Invitation", "resend"),
        ("Invitation", "withdraw"),
        ("Job", "cancel"),
        ("Job", "retry"),
        ("Membership", "delete_selected"),
        ("Persona", "archive"),
        ("Persona", "reset"),
        ("Persona", "restore"),
        ("Quota", "delete_selected"),
        ("Site", "another_key"),
        ("Site", "another_secret"),
        ("Site", "delete_selected"),
        ("Webhook", "delete_selected"),
        ("Webhook", "rotate"),
        ("Webhook", "test"),
        ("WebhookDelivery", "send_again"),
    }


def _action(name: str, selected: UUID) -> dict[str, str]:
    # “post” is what the page that asks “are you sure?” sends.
    return {"action": name, ACTION_CHECKBOX_NAME: str(selected), "index": "0", "post": "yes"}


def test_I14_autocompletion(acme_holding: Holding, globex_holding: Holding) -> None:
    """Whatever field of whatever model the asker names."""
    offered = set()
    for model in apps.get_models():
        for field in (one for one in model._meta.get_fields() if one.is_relation):
            question = {
                "app_label": model._meta.app_label,
                "model_name": model._meta.model_name,
                "field_name": field.name,
                "term": "",
            }
            answer = acme_holding.get("/o/acme/admin/autocomplete/", data=question)
            _require_none_of(globex_holding, answer)
            if answer.status_code == 200:
                remote = field.related_model
                assert isinstance(remote, type)
                assert issubclass(remote, TenantModel)
                own = str(acme_holding.rows[remote])
                assert own in {one["id"] for one in answer.json()["results"]}, question
                offered.add(remote)
            else:
                assert answer.status_code in {403, 404}
    assert {Membership, Group} <= offered


def test_I3_a_foreign_row_chosen_in_a_form(
    acme_holding: Holding, globex_holding: Holding, globex_unchanged: None
) -> None:
    """In a row of a form within the form: refused as a missing one is."""
    places = [
        (Group, "members", "membership", Membership, {"name": "Board"}),
        (Persona, "chosen_collections", "collection", Collection, {"name": "Adviser", "mode": "open"}),
        (Collection, "grants", "group", Group, {"name": "Minutes", "is_restricted": "on"}),
        (Collection, "grants", "membership", Membership, {"name": "Minutes", "is_restricted": "on"}),
    ]
    for model, prefix, field, target, fields in places:
        url = acme_holding.url(model, "add/")

        def sent(
            chosen: UUID | str, prefix: str = prefix, field: str = field, fields: Any = fields
        ) -> dict[str, Any]:
            rows = {
                f"{prefix}-TOTAL_FORMS": "1",
                f"{prefix}-INITIAL_FORMS": "0",
                f"{prefix}-0-{field}": str(chosen),
            }
            return {**fields, **rows}

        foreign, missing = globex_holding.rows[target], uuid4()
        answers = [_outcome(acme_holding, url, asked, sent(asked)) for asked in (foreign, missing)]
        assert answers[0] == answers[1]
        assert answers[0][0] == 200
        assert "errorlist" in answers[0][2]
        for nothing in ("9", "\0"):
            assert "errorlist" in acme_holding.post(url, sent(nothing)).content.decode()
        # The positive twin.
        own = acme_holding.post(url, sent(acme_holding.rows[target]), follow=True)
        assert "added successfully" in own.content.decode()


def test_A3_who_comes_in(
    acme_holding: Holding, globex_holding: Holding, bob: Person, dana: Person, client: Client
) -> None:
    """Admins alone, on every page; strangers learn not even that the organisation exists."""
    paths = ["/o/acme/admin/", "/o/acme/admin/autocomplete/", "/o/acme/admin/jsi18n/", "/o/acme/admin/tenants/"]
    for model, admin in REGISTERED.items():
        tails = ["", f"{acme_holding.rows[model]}/change/", f"{acme_holding.rows[model]}/history/"]
        paths += [acme_holding.url(model, tail) for tail in tails]
        if admin.delete_action:
            paths.append(acme_holding.url(model, f"{acme_holding.rows[model]}/delete/"))
    stranger = globex_holding.person.client
    for path in paths:
        assert acme_holding.get(path).status_code in {200, 403}, path  # autocompletion of nothing is refused
        assert bob.client.get(path).status_code == 403, path
        assert bob.client.post(path).status_code == 403, path
        foreign = stranger.get(path)
        assert foreign.status_code == 404, path
    missing = stranger.get(path.replace("/acme/", "/nowhere/"))
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)
    assert dana.client.get(path).status_code == 403
    nobody = client.get(path)
    assert nobody.status_code == 302
    assert nobody.headers["Location"].startswith("/accounts/login/?next=/o/acme/admin/")
    for gone in ("login/", "logout/", "password_change/", "r/1/1/", "tenants/user/", "auth/group/"):
        assert acme_holding.get(f"/o/acme/admin/{gone}").status_code == 404, gone


def test_T1_secrets_are_nowhere_shown(acme_holding: Holding) -> None:
    secrets = {"secret_sha256", "sealed_secret", "password", "storage_key", "digest"}
    for model, admin in REGISTERED.items():
        page = acme_holding.get(acme_holding.url(model, f"{acme_holding.rows[model]}/change/"))
        shown = set(page.context["adminform"].fields) if hasattr(page.context["adminform"], "fields") else set()
        shown |= {name for _, options in page.context["adminform"].fieldsets for name in options["fields"]}
        assert shown & secrets == set(), model
        assert shown, model
        assert "hash of" not in page.content.decode()
        assert "seal of" not in page.content.decode()
        assert set(admin.list_display) & secrets == set()
