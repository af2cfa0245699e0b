"""Every address that a browser may be sent to, by the URL configurations: tomorrow's pages are among them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from playwright.async_api import APIResponse, Page

from tests.isolation.estates import Estate
from tests.isolation.matrix import GLOBAL, PARAMETER, Route, global_routes, portal_actions, portal_routes

_PAGES = "text/html"
# Swagger UI makes its page itself.
_OTHERS_PAGES = {"api-docs"}
# Parts of addresses that Django writes as regular expressions.
_CONFIRMATION = {
    r"(?P<key>[-:\w]+)": "key",
    "(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)": "1-key",
    "^": "",
    "$": "",
}


def _sections() -> dict[str, list[Route]]:
    """An organisation's routes that answer GET, by how their addresses begin."""
    found = defaultdict(list)
    for route in portal_routes():
        if "GET" in portal_actions(route):
            first, slash, _ = route.pattern.partition("/")
            found[first if slash else "chat"].append(route)
    return dict(found)


SECTIONS = _sections()


def paths_of(section: str, estate: Estate) -> list[str]:
    """Without the leading slash, of one of the `SECTIONS`, each of what the estate owns."""
    ids = {kind: getattr(estate, kind) for route in SECTIONS[section] for kind in route.kinds}
    return [route.path(ids).removeprefix("/") for route in SECTIONS[section]]


def global_paths() -> list[str]:
    """Outside every organisation, but for what answers no GET at all and what is not ours."""
    paths = []
    for route in global_routes():
        if GLOBAL[route.name] == (405, 405) or route.name in _OTHERS_PAGES:
            continue
        path = route.pattern
        for written, value in _CONFIRMATION.items():
            path = path.replace(written, value)
        paths.append(PARAMETER.sub("1", path))
    return paths


async def pages_among(page: Page, addresses: Iterable[str]) -> list[str]:
    """Those that answer with a whole page: not a part of one, a picture or a file."""
    found = []
    for address in addresses:
        response = await page.request.get(address, headers={"Accept": "text/html"})
        if await _is_page(response):
            found.append(address)
    return found


async def _is_page(response: APIResponse) -> bool:
    headers: dict[str, Any] = response.headers
    is_shown = _PAGES in headers.get("content-type", "") and "content-disposition" not in headers
    return is_shown and "<html" in (await response.text())[:400]
