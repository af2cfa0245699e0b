"""`ETag`, `If-Match` and `If-None-Match`: nobody changes unseen what somebody else has changed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.db import transaction

from tests.isolation.matrix import Route, api_actions, api_routes
from tests.isolation.samples import SAMPLES
from tests.people import ApiClient
from tests.plain import NO_TLS
from tests.refusals import refusal
from tests.rest.conftest import World

CHANGING = ("PATCH", "PUT", "DELETE")
STALE = '"0123456789abcdef0123456789abcdef"'
OUTDATED = {
    "type": "about:blank",
    "title": "It is not what you have read any more",
    "status": 412,
    "detail": "It has changed since you read it. Read it again and decide anew.",
    "code": "precondition_failed",
}
CHANGED = [
    (route, method)
    for route in api_routes()
    for method in CHANGING
    if {"GET", method} <= api_actions(route).keys()
]


def _path(route: Route, world: World, **others: UUID) -> str:
    ids = {kind: getattr(world.estate, kind) for kind in route.kinds}
    return route.path({**ids, "model": "tiny", **others})


def _change(client: ApiClient, method: str, path: str, sample: Mapping[str, Any], tag: str | None = None) -> Any:
    headers = {} if tag is None else {"If-Match": tag}
    return client.generic(method, path, json.dumps(sample), "application/json", headers=headers)


def _undone(ask: Callable[[], Any]) -> Any:
    with transaction.atomic():
        answer = ask()
        transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize(("route", "method"), CHANGED, ids=lambda one: getattr(one, "name", one))
def test_a_change_based_on_something_else_is_refused_and_changes_nothing(
    world: World, route: Route, method: str
) -> None:
    alice, path, sample = world.alice.full_api, _path(route, world), SAMPLES.get((method, route.name), {})
    read = alice.get(path)
    tag = read.headers["ETag"]
    assert tag.startswith('"')
    for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        unchanged = alice.get(path, headers={"If-None-Match": known})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert (unchanged.headers["ETag"], unchanged.headers["Cache-Control"]) == (tag, "no-store")
    assert alice.get(path, headers={"If-None-Match": STALE}).content == read.content
    for outdated in (STALE, f"W/{tag}", "nonsense"):
        assert refusal(_change(alice, method, path, sample, outdated)) == (412, OUTDATED)
    assert alice.get(path).headers["ETag"] == tag
    if route.is_async:
        return  # what it changes could not be undone
    for fitting in (tag, f"{STALE}, {tag}", "*"):
        done = _undone(partial(_change, alice, method, path, sample, fitting))
        plain = _undone(partial(_change, alice, method, path, sample))
        assert (done.status_code, done.status_code == 412) == (plain.status_code, False)
    if method != "DELETE" and done.status_code == 200:
        with transaction.atomic():
            changed = _change(alice, method, path, sample)
            assert alice.get(path).headers["ETag"] == changed.headers["ETag"]
            transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("route", "method"), [one for one in CHANGED if one[0].kinds], ids=lambda one: getattr(one, "name", one)
)
def test_I1_whether_a_tag_fits_is_told_only_to_who_may_change_it(world: World, route: Route, method: str) -> None:
    charlie, sample = world.charlie.full_api, SAMPLES.get((method, route.name), {})
    foreign, missing = _path(route, world), _path(route, world, **{kind: uuid4() for kind in route.kinds})
    for given in (STALE, "*"):
        answers = [_change(charlie, method, path, sample, given) for path in (foreign, missing)]
        assert refusal(answers[0]) == refusal(answers[1])
        assert answers[0].status_code == 404
    bob = world.bob.full_api
    told = {_change(bob, method, foreign, sample, given).status_code for given in (STALE, "*")}
    assert told <= {403, 404, 412}


def test_of_two_who_change_what_both_have_read_one_hears_of_the_other(world: World) -> None:
    """At the same instant too: between the look and the change nobody else changes it."""
    path, people = f"{world.server.url}/api/v1/conversations/{world.estate.conversation}/", 4
    headers = {"Authorization": f"Bearer {world.alice.full_token}"}

    def rename(tag: str, number: int) -> int:
        sent = {**headers, "If-Match": tag}
        return httpx.patch(path, json={"title": f"Renamed {number}"}, headers=sent, **options).status_code

    options: dict[str, Any] = {"trust_env": False, "verify": NO_TLS, "timeout": 30}
    for _ in range(5):
        tag = httpx.get(path, headers=headers, **options).headers["ETag"]
        with ThreadPoolExecutor(people) as pool:
            statuses = list(pool.map(rename, [tag] * people, range(people)))
        assert sorted(statuses) == [200, 412, 412, 412]


def test_a_repeated_change_is_answered_as_before_although_the_tag_is_old_by_then(world: World) -> None:
    path, api = f"/api/v1/prompts/{world.estate.prompt}/", world.alice.full_api
    tag = api.get(path).headers["ETag"]
    headers = {"If-Match": tag, "Idempotency-Key": str(uuid4())}
    answers = [api.patch(path, {"title": "Leave in May"}, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert answers[0].content == answers[1].content
    assert api.patch(path, {"title": "Leave"}, headers={"If-Match": tag}).status_code == 412
