"""Models that are fetched: followed by several readers, left, resumed, cancelled, broken."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import connection

from conversations.models import ModelPull
from tenants.db import tenant_atomic
from tests.conversations.doors import Api, Event
from tests.people import Person
from tests.processes import LiveServer
from tests.refusals import pointers, refusal
from tests.standins.ollama import OllamaStandIn, PullReply, Reply

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/models/pull/"
SLOW = PullReply(files=(1_000,), steps=20, reply=Reply(tokens_per_second=10))


@pytest.fixture
def admin(alice: Person, live_server: LiveServer, ollama: OllamaStandIn) -> Api:
    """Alice's program that may manage."""
    return managing(alice, live_server)


def managing(person: Person, server: LiveServer) -> Api:
    person.token = person.full_token
    return Api(server, person)


def states(events: list[Event]) -> list[tuple[str, int | None]]:
    return [(event["status"], event["completed"]) for event in events]


def followed(api: Api, pull: str, number: int | None = None) -> list[Event]:
    headers = {} if number is None else {"Last-Event-ID": str(number)}
    with api.stream("GET", f"{PATH}{pull}/events/", headers=headers) as events:
        return list(events)


def begun(api: Api, model: str) -> dict[str, Any]:
    answer = api.post(PATH, json={"model": model}, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def test_a_model_is_fetched_and_its_progress_told(admin: Api, ollama: OllamaStandIn) -> None:
    ollama.script_pulls(PullReply(files=(1_000, 200), reply=Reply(tokens_per_second=4)))
    with admin.stream("POST", PATH, json={"model": "small:1b"}) as stream:
        events = list(stream)
    assert ollama.pulled == ["small:1b"]
    assert {(event["type"], event["model"]) for event in events} == {("pull", "small:1b")}
    assert len({event["pull"] for event in events}) == 1
    assert [event["status"] for event in events[:-1]] == ["pulling"] * (len(events) - 1)
    assert len(events) > 2, "more than a beginning and an end"
    done = [event["completed"] or 0 for event in events]
    assert done == sorted(done)
    assert (events[-1]["status"], events[-1]["completed"], events[-1]["error"]) == ("done", 1_200, None)
    numbers = [event["_id"] for event in events]
    assert numbers == sorted(set(numbers))
    assert "small:1b" in [one["id"] for one in admin.get("/models/").json()["results"]]
    # Who comes back has what they miss; who has all of it, the end.
    assert followed(admin, events[-1]["pull"], numbers[0])[-1]["status"] == "done"
    assert states(followed(admin, events[-1]["pull"], numbers[-1])) == [("done", 1_200)]


def test_it_goes_on_without_readers_and_is_not_fetched_twice(admin: Api, ollama: OllamaStandIn) -> None:
    ollama.script_pulls(SLOW)
    with admin.stream("POST", PATH, json={"model": "small:1b"}) as stream:
        first = next(stream)
    again = begun(admin, "small:1b")
    assert again["pull"] == first["pull"]
    assert again["events_url"].endswith(f"/api/v1{PATH}{first['pull']}/events/")
    with admin.stream("POST", PATH, json={"model": "small:1b", "server": "ollama"}) as stream:
        assert next(stream)["pull"] == first["pull"]
    assert followed(admin, first["pull"])[-1]["status"] == "done"
    assert ollama.pulled == ["small:1b"]
    assert [one["pull"] for one in admin.get(PATH).json()["results"]] == [first["pull"]]


def test_it_is_cancelled_and_the_server_hears_of_it(admin: Api, ollama: OllamaStandIn) -> None:
    ollama.script_pulls(PullReply(reply=Reply(fault="hang", fault_after=2)))
    pull = begun(admin, "huge:70b")["pull"]
    assert ollama.wait_pulled(5)
    cancelled = admin._send("DELETE", f"{PATH}{pull}/")
    assert cancelled.status_code == 202
    assert followed(admin, pull)[-1]["status"] == "cancelled"
    assert ollama.wait_aborted(2)
    status, body = refusal(admin._send("DELETE", f"{PATH}{pull}/"))
    assert (status, body["code"]) == (409, "already_over")


@pytest.mark.parametrize(
    "broken",
    [
        PullReply(error="pull model manifest: file does not exist"),
        PullReply(error="no such model at http://10.0.0.7", status=500),
        PullReply(reply=Reply(fault="cut", fault_after=2)),
        PullReply(reply=Reply(fault="garbage", fault_after=2)),
    ],
)
def test_what_breaks_is_told_in_plain_words(admin: Api, ollama: OllamaStandIn, broken: PullReply) -> None:
    ollama.script_pulls(*[broken] * 3)
    with admin.stream("POST", PATH, json={"model": "small:1b"}) as stream:
        last = list(stream)[-1]
    assert last["status"] == "failed"
    assert last["error"]["code"].startswith("model_")
    assert "http" not in last["error"]["detail"]
    assert ollama.url not in str(last)


def test_one_whose_process_died_is_said_to_have_failed(admin: Api, alice: Person) -> None:
    with tenant_atomic(alice.access.tenant_id), connection.cursor() as cursor:
        pull = ModelPull(server="ollama", model="small:1b")
        cursor.execute("SELECT now() - interval '31 seconds'")
        [pull.updated_at] = cursor.fetchone()
        pull.save()
    [event] = followed(admin, str(pull.id))
    assert (event["status"], event["error"]["code"]) == ("failed", "interrupted")
    assert begun(admin, "small:1b")["pull"] != str(pull.id)


def test_missing_and_foreign_are_the_same_404(admin: Api, bob: Person, charlie: Person) -> None:
    pull = begun(admin, "small:1b")["pull"]
    other = managing(charlie, admin.server)
    for method, tail in (("GET", ""), ("GET", "events/"), ("DELETE", "")):
        foreign, missing = (other._send(method, f"{PATH}{one}/{tail}") for one in (pull, uuid4()))
        assert refusal(foreign)[0] == 404
        assert refusal(foreign) == refusal(missing)
    assert other.get(PATH).json()["results"] == []
    assert followed(admin, pull)[-1]["status"] == "done"
    member = managing(bob, admin.server)
    for answer in (member.post(PATH, json={"model": "small:1b"}), member.get(PATH), member.get(f"{PATH}{pull}/")):
        assert answer.status_code == 403


def test_what_is_wrong_with_a_name_is_said(admin: Api, ollama: OllamaStandIn) -> None:
    for body, wrong in (
        ({"model": ""}, ("/model", "blank")),
        ({"model": "two words"}, ("/model", "invalid_model")),
        ({"model": "small", "server": "none"}, ("/server", "unknown_server")),
        ({"model": "small", "insecure": True}, ("/insecure", "unknown_field")),
    ):
        answer: httpx.Response = admin.post(PATH, json=body)
        assert wrong in pointers(answer), body
    assert ollama.pulled == []
