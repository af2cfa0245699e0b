"""Rows O1, O4 and L2 on every page of both URL configurations: its headers, and all that stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.isolation.cells import global_path
from tests.isolation.matrix import PARAMETER, admin_routes, global_routes, portal_actions, portal_routes
from tests.isolation.population import Population
from tests.people import Browser

# Pages whose scripts are a framework's: Django's administration, the API's documentation.
FRAMEWORKS = {route.name for route in admin_routes()} | {"api-docs"}
OURS = {
    "default-src": "'none'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "docent",
}
_LOADS = ("src", "srcset", "poster", "data", "formaction", "action", "background", "manifest", "ping")
_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/=]{20,})'")
_DATA = {"application/json", "application/ld+json"}


def pages(population: Population) -> Iterator[tuple[str, Any]]:
    """Every page that answers GET with HTML, by its route's name, as whoever may see it gets it."""
    alice = population.people["alice"]
    for route in portal_routes():
        if "GET" in portal_actions(route):
            path = f"/o/acme{route.path({kind: getattr(alice, kind) for kind in route.kinds})}"
            yield from _html(route.name, alice.person.client.get(path))
    for route in admin_routes():
        if not PARAMETER.search(route.pattern):
            yield from _html(route.name, alice.person.client.get(f"/o/acme/{route.pattern}"))
    for route in global_routes():
        for client in (Browser(), alice.person.client):
            yield from _html(route.name, client.get(global_path(route)))


def _html(name: str, answer: Any) -> Iterator[tuple[str, Any]]:
    if answer.headers.get("Content-Type", "").startswith("text/html") and answer.content:
        yield name, answer


def policy_of(answer: Any) -> dict[str, str]:
    parts = answer.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (part.strip().partition(" ") for part in parts)}


def test_O1_O4_the_policy_of_every_page(population: Population) -> None:
    wrong, seen, nonces = [], set(), []
    for name, answer in pages(population):
        seen.add(name)
        policy = policy_of(answer)
        scripts, styles = policy.pop("script-src"), policy.pop("style-src")
        if name in FRAMEWORKS and answer.status_code == HTTPStatus.OK:
            expected = {key: value for key, value in OURS.items() if "trusted-types" not in key}
            is_right = scripts == "'self'" and policy == expected
        else:
            nonces += _NONCE.findall(scripts)
            is_right = _NONCE.sub("", scripts) == "" and policy == OURS
        if not is_right or _NONCE.sub("", styles).strip() != "'self'":
            wrong.append(f"{name}: {answer.headers['Content-Security-Policy']}")
        if (
            answer.headers.get("X-Frame-Options") != "DENY"
            or answer.headers["X-Content-Type-Options"] != "nosniff"
        ):
            wrong.append(f"{name}: {dict(answer.headers)}")
    assert wrong == []
    known = {
        "chat",
        "conversation",
        "documents",
        "passage",
        "settings-members",
        "index",
        "account_login",
        "api-docs",
    }
    assert known <= seen
    assert len(nonces) == len(set(nonces)) > 30


def test_O1_L2_what_stands_on_every_page(population: Population) -> None:
    wrong = []
    for name, answer in pages(population):
        nonce = (_NONCE.findall(policy_of(answer)["script-src"]) or [""])[0]
        tree = LexborHTMLParser(answer.content)
        for element in tree.css("*"):
            wrong += [f"{name}: {fault}: {element.html or ''}"[:300] for fault in _faults(element, nonce)]
    assert wrong == []


def _faults(element: LexborNode, nonce: str) -> Iterator[str]:
    given = {key.lower(): value or "" for key, value in element.attributes.items()}
    yield from (f"the handler {key}" for key in given if key.startswith("on"))
    if "style" in given:
        yield "an inline style"
    yield from (f"{key} leads elsewhere" for key in _LOADS if key in given and not _is_ours(given[key]))
    is_ours, is_known = _is_ours(given.get("href", "")), given.get("nonce", "") == nonce
    is_script = element.tag == "script" and given.get("type") not in _DATA
    found = {
        "a link that runs or tells": element.tag in {"a", "area"} and not (is_ours or _is_safe_link(given)),
        "an inline script": is_script and "src" not in given,
        "a script or style without the nonce": (is_script or element.tag == "style") and not is_known,
        "something from elsewhere": element.tag in {"link", "base", "use", "image"} and not is_ours,
        "a frame": element.tag in {"iframe", "object", "embed"},
    }
    yield from (fault for fault, is_so in found.items() if is_so)


def _is_ours(address: str) -> bool:
    own = address.strip().removeprefix(settings.DOCENT_PUBLIC_URL).removeprefix("http://testserver/")
    parts = urlsplit(own)
    return not parts.netloc and parts.scheme in {"", "data"} and not own.startswith(("//", "/\\"))


def _is_safe_link(given: dict[str, str]) -> bool:
    parts = urlsplit(given["href"])
    is_web = parts.scheme in {"http", "https"} and ("target" not in given or "noopener" in given.get("rel", ""))
    return is_web or parts.scheme == "mailto"
