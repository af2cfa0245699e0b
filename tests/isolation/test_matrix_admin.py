"""Every page of both administrations and everybody: against what the permission table says.

That a foreign row's pages are a missing one's, `test_tenant_admin` sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.sites import AdminSite
from django.db import models, transaction
from pytest_django import Settings

from tenants.admin_sites.platform_site import platform_admin
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.permissions import Action
from tests.isolation.cells import outcome_of
from tests.isolation.holdings import holding_of
from tests.isolation.matrix import Authority, Outcome, Route, admin_routes
from tests.isolation.population import ROLES
from tests.people import Browser, Person

pytestmark = pytest.mark.django_db(transaction=True)

_OBJECT = re.compile(r"<path:object_id>")
_SITE_PAGES = {"index", "autocomplete", "jsi18n", "app_list"}
# What a request asks for beyond its path.
_DATA: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "autocomplete"): {
        "app_label": "tenants",
        "model_name": "groupmember",
        "field_name": "membership",
        "term": "",
    }
}


def _models(site: AdminSite) -> dict[str, tuple[type[models.Model], Any]]:
    """What is registered, by the beginning of its pages' names."""
    registered = site._registry.items()
    return {f"{model._meta.app_label}_{model._meta.model_name}": (model, page) for model, page in registered}


def _actions(route: Route) -> dict[str, Action | None] | None:
    """By method, which action a page is; None for a page that nothing is known of."""
    if route.name in _SITE_PAGES:
        return {"GET": Action.MANAGE_TENANT}
    stem, _, page = route.name.rpartition("_")
    if stem not in _models(tenant_admin):
        return None
    _, admin = _models(tenant_admin)[stem]
    match page:
        case "changelist":
            return {"GET": admin.view_action, "POST": admin.view_action}
        case "history":
            return {"GET": admin.view_action}
        case "change":
            return {"GET": admin.view_action, "POST": admin.change_action}
        case "add" | "delete":
            action = getattr(admin, f"{page}_action")
            return {"GET": action, "POST": action}
        case _:
            return None


def test_A3_every_page_says_which_action_it_is() -> None:
    routes = admin_routes()
    assert [route.name for route in routes if _actions(route) is None] == []
    pages = {route.name.rpartition("_")[0] for route in routes} - {"", "app"}
    assert pages == set(_models(tenant_admin))
    for model, admin in _models(tenant_admin).values():
        assert admin.view_action in Action, model
        assert admin.view_action is not Action.READ_SELF, model


def _expected(authority: Authority, action: Action | None) -> Outcome:
    """Whoever may not manage the organisation sees no page of its administration."""
    if action is None or not authority.may(Action.MANAGE_TENANT) or not authority.may(action):
        return Outcome.FORBIDDEN
    return Outcome.ALLOWED


def test_A3_the_matrix_of_the_administration(
    alice: Person, adam: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    holding = holding_of(bob)
    people = {"alice": alice, "adam": adam, "bob": bob, "dana": dana}
    strangers = (
        ("nobody", Browser(), Outcome.UNAUTHENTICATED),
        ("alice's token", alice.api, Outcome.UNAUTHENTICATED),
        ("charlie", charlie.client, Outcome.UNSEEN),
    )
    wrong = []
    for route in admin_routes():
        model, _ = _models(tenant_admin).get(route.name.rpartition("_")[0], (None, None))
        tail = _OBJECT.sub(str(holding.rows[model]) if model else "", route.pattern)
        path = "/o/acme/" + _plain(tail)
        for method, action in (_actions(route) or {}).items():
            members = (
                (name, person.client, _expected(Authority(ROLES[name]), action)) for name, person in people.items()
            )
            for who, client, expected in (*strangers, *members):
                with transaction.atomic():
                    data = _DATA.get((method, route.name), {"post": "yes"})
                    answer = getattr(client, method.lower())(path, data)
                    transaction.set_rollback(True)
                if outcome_of(answer) is not expected:
                    wrong.append(f"{who}: {method} {path} is {answer.status_code}, not {expected.value}")
    assert wrong == []


def test_D1_every_page_of_the_operators(alice: Person, adam: Person, settings: Settings) -> None:
    """No role in any organisation opens one."""
    settings.ROOT_URLCONF = "config.platform_urls"
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != "tenants.web.middleware.TenantMiddleware"]
    paths = list(_platform_paths())
    assert len(paths) > len(platform_admin._registry)
    for path in paths:
        assert outcome_of(Browser().get(path)) is Outcome.UNAUTHENTICATED, path
        assert outcome_of(alice.api.get(path)) is Outcome.UNAUTHENTICATED, path
        for person in (alice, adam):
            assert {person.client.get(path).status_code, person.client.post(path).status_code} == {403}, path


def _platform_paths() -> Iterator[str]:
    for pattern in platform_admin.get_urls():
        for inner in getattr(pattern, "url_patterns", [None]):
            whole = f"{pattern.pattern}{inner.pattern if inner else ''}"
            yield "/admin/" + _plain(_OBJECT.sub("1", whole))


def _plain(pattern: str) -> str:
    """A path that the pattern of an app's list of models takes: of its first app."""
    return re.sub(r"\(\?P<app_label>([^|)]+)[^)]*\)|\$|\^", r"\1", pattern)
