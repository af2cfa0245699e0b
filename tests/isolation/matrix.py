"""Who may do what, everywhere: what there is, by the URL configurations; what is right, by the permission table.

A row is a route and a method. Its view says which action it is; `PERMISSIONS` says who may do that; `SIGHTS` and
`FOR_OTHERS` say what else an object takes that somebody else made. Nothing is said here of any single route but
what a request to it carries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.conf import settings
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from tenants.permissions import PERMISSIONS, Action, Role, Scope
from tests.isolation.samples import SAMPLES

API_PREFIX = ("api/v1/", "openai/v1/")
ADMIN_PREFIX = "admin/"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SAFE = frozenset({"GET"})
PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


class Whose(StrEnum):
    """To whom belongs what a path names."""

    OWN = "own"
    COLLEAGUES = "a colleague's"
    HIDDEN = "a colleague's in a restricted collection"
    FOREIGN = "foreign"
    MISSING = "missing"


class Sight(Enum):
    """Who in the organisation sees what a colleague has made."""

    EVERYONE = "everyone"
    UNLESS_RESTRICTED = "everyone, unless its collection is restricted"
    AUTHOR = "its author alone"
    ADMINS = "its author and admins"


SIGHTS = {
    "collection": Sight.UNLESS_RESTRICTED,
    "document": Sight.UNLESS_RESTRICTED,
    "source": Sight.UNLESS_RESTRICTED,
    "archive": Sight.AUTHOR,
    "conversation": Sight.AUTHOR,
    "share": Sight.AUTHOR,
    "message": Sight.AUTHOR,
    "question": Sight.AUTHOR,
    "persona": Sight.EVERYONE,
    "site": Sight.EVERYONE,
    "prompt": Sight.EVERYONE,
    "attachment": Sight.AUTHOR,
    "feedback": Sight.EVERYONE,
    "export": Sight.AUTHOR,
    "user": Sight.EVERYONE,
    "group": Sight.EVERYONE,
    "invitation": Sight.EVERYONE,
    "token": Sight.ADMINS,
    "limit": Sight.EVERYONE,
    "job": Sight.EVERYONE,
    "question_set": Sight.EVERYONE,
    "set_question": Sight.EVERYONE,
    "evaluation": Sight.EVERYONE,
    "pull": Sight.EVERYONE,
    "webhook": Sight.EVERYONE,
    "delivery": Sight.EVERYONE,
}

# What it takes to do to a colleague's what everybody with that action may do to their own.
FOR_OTHERS = {
    Action.WRITE_DOCUMENTS: Action.MANAGE_DOCUMENTS,
    Action.WRITE_PERSONAS: Action.MANAGE_PERSONAS,
    Action.WRITE_PROMPTS: Action.MANAGE_PROMPTS,
    Action.WRITE_OWN_TOKENS: Action.MANAGE_TENANT,
    Action.LEAVE: Action.MANAGE_MEMBERS,
}


class Outcome(Enum):
    ALLOWED = "allowed"
    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    UNSEEN = 404


@dataclass(frozen=True, slots=True)
class Authority:
    """A role, and of a token the scopes; None in a session."""

    role: Role
    scopes: AbstractSet[Scope] | None = None

    def may(self, action: Action) -> bool:
        rule = PERMISSIONS[action]
        ranks = list(Role)
        has_scope = self.scopes is None or rule.scope is None or rule.scope in self.scopes
        return has_scope and ranks.index(self.role) >= ranks.index(rule.role)

    def sees(self, kind: str, whose: Whose) -> bool:
        if whose is Whose.OWN:
            return True
        if whose in {Whose.FOREIGN, Whose.MISSING}:
            return False
        match SIGHTS[kind]:
            case Sight.EVERYONE:
                return True
            case Sight.UNLESS_RESTRICTED:
                return whose is Whose.COLLEAGUES or self.may(Action.SEE_RESTRICTED)
            case Sight.ADMINS:
                return self.may(Action.MANAGE_TENANT)
            case Sight.AUTHOR:
                return False


@dataclass(frozen=True, slots=True)
class Route:
    """A named pattern of a URL configuration, without the leading slash, and its view."""

    name: str
    pattern: str
    view: Callable[..., Any]

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Kind of value and name of each."""
        return [(match["kind"] or "str", match["name"]) for match in PARAMETER.finditer(self.pattern)]

    @property
    def kinds(self) -> list[str]:
        """The kinds of objects that the path names, in its order."""
        return [name.removesuffix("_id") for kind, name in self.parameters if kind == "uuid"]

    @property
    def is_async(self) -> bool:
        return bool(iscoroutinefunction(self.view))

    def path(self, ids: Mapping[str, object]) -> str:
        """The path to these objects, by kind."""

        def value(match: re.Match[str]) -> str:
            if match["kind"] == "int":
                return "1"
            if match["kind"] == "path":
                return "docent"
            return str(ids[match["name"].removesuffix("_id")])

        return "/" + PARAMETER.sub(value, self.pattern)


@dataclass(frozen=True, slots=True)
class Row:
    """A route and a method that it serves, with the action that the view says this is."""

    route: Route
    method: str
    action: Action

    def __str__(self) -> str:
        return f"{self.method} {self.route.name}"

    @property
    def sample(self) -> Mapping[str, Any]:
        return SAMPLES.get((self.method, self.route.name), {})

    def relations(self, authority: Authority) -> list[Whose]:
        """The ids that are worth telling apart here: few for whoever may not do this at all."""
        if not self.route.kinds:
            return [Whose.OWN]
        if not authority.may(self.action):
            return [Whose.OWN, Whose.FOREIGN, Whose.MISSING]
        sights = {SIGHTS[kind] for kind in self.route.kinds}
        return [one for one in Whose if one is not Whose.HIDDEN or sights == {Sight.UNLESS_RESTRICTED}]

    def expected(self, authority: Authority, whose: Whose) -> Outcome:
        if not authority.may(self.action):
            return Outcome.FORBIDDEN
        if not all(authority.sees(kind, whose) for kind in self.route.kinds):
            return Outcome.UNSEEN
        more = FOR_OTHERS.get(self.action)
        is_others = bool(self.route.kinds) and whose is not Whose.OWN
        if is_others and more is not None and not authority.may(more):
            return Outcome.FORBIDDEN
        return Outcome.ALLOWED


def walk(resolver: URLResolver, prefix: str = "") -> Iterator[Route]:
    """Every route below, each of which has a name."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            assert pattern.name, f"{prefix}{pattern.pattern} has no name"
            yield Route(pattern.name, f"{prefix}{pattern.pattern}", pattern.callback)
        else:
            yield from walk(pattern, f"{prefix}{pattern.pattern}")


def global_routes() -> list[Route]:
    """Outside every organisation and no API."""
    return [one for one in walk(get_resolver(settings.ROOT_URLCONF)) if not one.pattern.startswith(API_PREFIX)]


def api_routes() -> list[Route]:
    return [one for one in walk(get_resolver(settings.ROOT_URLCONF)) if one.pattern.startswith(API_PREFIX)]


def portal_routes() -> list[Route]:
    return [one for one in walk(get_resolver(settings.TENANT_URLCONF)) if not one.pattern.startswith(ADMIN_PREFIX)]


def admin_routes() -> list[Route]:
    """Of an organisation's administration."""
    return [one for one in walk(get_resolver(settings.TENANT_URLCONF)) if one.pattern.startswith(ADMIN_PREFIX)]


def api_actions(route: Route) -> dict[str, object]:
    """What the view says of each method that it serves; None where it says nothing."""
    view: Any = getattr(route.view, "cls", None)
    served = [method for method in METHODS if hasattr(view, method.lower())]
    said: Mapping[str, Action] = getattr(view, "actions_by_method", {})
    return {method: said.get(method) for method in {*served, *said}}


@cache
def portal_actions(route: Route) -> dict[str, object]:
    """The view's one action, of each method that it serves."""
    # Asked for a method that nobody serves, a view tells those that it does.
    view: Any = async_to_sync(route.view) if route.is_async else route.view
    ids = {name: None for _, name in route.parameters}
    allowed = view(RequestFactory().generic("BREW", "/"), **ids).headers["Allow"].split(", ")
    action = getattr(route.view, "action", None)
    return {method: action for method in allowed if method in METHODS}


def rows(routes: list[Route], actions_of: Callable[[Route], dict[str, object]]) -> list[Row]:
    """Those whose view says what they are; `test_matrix` names the others."""
    return [
        Row(route, method, action)
        for route in routes
        for method, action in sorted(actions_of(route).items())
        if isinstance(action, Action) and set(route.kinds) <= set(SIGHTS)
    ]


# Outside every organisation: what nobody in particular and a person logged in get for GET.
GLOBAL = {
    "home": (200, 200),
    "new-organisation": (302, 200),
    "invitation": (404, 404),
    "invitation-verify": (405, 405),
    "account_login": (200, 302),
    "account_logout": (302, 200),
    "account_inactive": (200, 200),
    "account_signup": (200, 302),
    "account_reauthenticate": (302, 200),
    "account_email": (302, 200),
    "account_email_verification_sent": (200, 200),
    "account_change_password": (302, 200),
    "account_set_password": (302, 302),
    "account_reset_password": (200, 200),
    "account_confirm_login_code": (302, 302),
    "account_confirm_email": (200, 200),
    "account_reset_password_from_key": (200, 200),
    "account_reset_password_from_key_done": (200, 200),
    "account_reset_password_done": (200, 200),
    "mfa_index": (302, 200),
    "mfa_authenticate": (302, 302),
    "mfa_reauthenticate": (302, 302),
    "mfa_activate_totp": (302, 302),
    "mfa_deactivate_totp": (302, 404),
    "mfa_view_recovery_codes": (302, 404),
    "mfa_generate_recovery_codes": (302, 302),
    "mfa_download_recovery_codes": (302, 404),
    "mfa_list_webauthn": (302, 200),
    "mfa_add_webauthn": (302, 302),
    "mfa_reauthenticate_webauthn": (302, 302),
    "mfa_remove_webauthn": (302, 302),
    "mfa_edit_webauthn": (302, 302),
    "mfa_login_webauthn": (302, 302),
    "usersessions_list": (302, 200),
    "account_delete": (302, 302),
    "socialaccount_connections": (302, 200),
    "socialaccount_login_cancelled": (200, 200),
    "openid_connect_login": (404, 404),
    "openid_connect_callback": (404, 404),
    "accent": (404, 404),
    "health-live": (200, 200),
    "health-ready": (200, 200),
    "widget-script": (200, 200),
    "widget-frame": (404, 404),
    "widget-session": (405, 405),
    "widget-ask": (405, 405),
    "widget-conversations": (404, 404),
    "widget-messages": (404, 404),
    "widget-events": (404, 404),
    "widget-stop": (404, 404),
    "schema": (200, 200),
    "api-docs": (200, 200),
}
