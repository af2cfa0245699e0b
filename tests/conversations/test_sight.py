"""Answers and events show a document's words only to who sees it when they are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from websockets.sync.client import ClientConnection, connect

from tenants.services.tokens import create_token
from tests.config.polling import wait_for
from tests.conversations.doors import Api, Event, receive, receive_until, send
from tests.factories import HANDBOOK_PAGES, processed, uploaded
from tests.people import Person
from tests.processes import LiveServer, Running
from tests.refusals import refusal
from tests.shelving import shelved
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
HOLIDAY = HANDBOOK_PAGES[0][1]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A collection of alice's with the handbook in it."""

    owner: Person
    collection: str
    document: str

    def open_to(self, *people: Person) -> None:
        """Let these see it, and nobody else."""
        named = [str(person.user.pk) for person in people]
        path = f"/api/v1/collections/{self.collection}/"
        response = self.owner.api.patch(path, {"access": {"everyone": False, "people": named}})
        assert response.status_code == 200, response.content


@pytest.fixture
def shelf(alice: Person, bob: Person, worker: Running) -> Shelf:
    """Bob sees it."""
    collection = alice.api.post("/api/v1/collections/", {"name": "Salaries"}).json()["id"]
    document = shelved(alice, collection=collection)["id"]
    shelf = Shelf(alice, collection, document)
    shelf.open_to(bob)
    return shelf


def withheld(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Citations or sources as whoever lost sight reads them."""
    words = {"quote": ""} if "quote" in items[0] else {"text": ""}
    return [{**one, "document": None, "url": None, **words} for one in items]


def _evidence(events: list[Event]) -> dict[str, list[dict[str, Any]]]:
    by_type = {event["type"]: event for event in events}
    return {"sources": by_type["sources"]["items"], "citations": by_type["finished"]["citations"]}


def _resumed(api: Api, message: dict[str, Any], *, cookie: bool) -> dict[str, list[dict[str, Any]]]:
    with api.socket(message["conversation"], cookie=cookie) as socket:
        send(socket, type="resume", message=message["id"], offset=0)
        return _evidence(receive_until(socket, "finished", "failed"))


def _as_served(api: Api, item: dict[str, Any]) -> dict[str, Any]:
    """What a page of this process says, with the address of the server."""
    return {**item, "url": item["url"] and item["url"].replace(settings.DOCENT_PUBLIC_URL, api.server.url)}


def at_every_door(api: Api, message: dict[str, Any]) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Citations and sources of an old answer, read anew in each way there is."""
    conversation = message["conversation"]
    [_question, listed] = api.get(f"/conversations/{conversation}/messages/").json()["results"]
    for read in (api.message(message["id"]), listed):
        assert read["content"] == message["content"]
        yield {"sources": read["sources"], "citations": read["citations"]}
    shown = api.person.client.get(f"/o/acme/c/{conversation}/").context["messages_list"][1]
    assert shown["content"] == message["content"]
    yield {name: [_as_served(api, one) for one in shown[name]] for name in ("sources", "citations")}
    yield _evidence(api.follow(message["id"]))
    for cookie in (False, True):
        yield _resumed(api, message, cookie=cookie)


def test_L6_an_old_answer_quotes_only_what_its_reader_still_sees(
    bob: Person, shelf: Shelf, live_server: LiveServer
) -> None:
    api = Api(live_server, bob)
    answer = api.post(f"/conversations/{api.conversation()}/messages/", json={"content": QUESTION}).json()
    seen = {"sources": answer["sources"], "citations": answer["citations"]}
    assert HOLIDAY in {one["quote"] for one in seen["citations"]}
    assert {one["document"] for items in seen.values() for one in items} == {shelf.document}
    assert list(at_every_door(api, answer)) == [seen] * 6

    shelf.open_to()
    hidden = {name: withheld(items) for name, items in seen.items()}
    assert list(at_every_door(api, answer)) == [hidden] * 6
    page = bob.client.get(f"/o/acme/c/{answer['conversation']}/")
    blocks = "".join(page.context["messages_list"][1]["html_blocks"])
    # The chip stays, and leads nowhere.
    assert '<a class="chip" data-marker="1">1</a>' in blocks
    assert shelf.document not in page.content.decode()

    shelf.open_to(bob)
    assert list(at_every_door(api, answer)) == [seen] * 6


def test_L6_a_conversation_that_chose_what_is_out_of_sight_finds_nothing(bob: Person, shelf: Shelf) -> None:
    for chosen in ({"collections": [shelf.collection]}, {"documents": [shelf.document]}):
        shelf.open_to(bob)
        conversation = bob.api.post("/api/v1/conversations/", chosen).json()["id"]
        path = f"/api/v1/conversations/{conversation}/messages/"
        assert bob.api.post(path, {"content": QUESTION}).json()["status"] == "finished"
        shelf.open_to()
        answer = bob.api.post(path, {"content": QUESTION}).json()
        assert (answer["status"], answer["sources"], answer["citations"]) == ("refused", [], [])
        assert "handbook" not in answer["content"].lower()
        assert "Salaries" not in answer["content"]


def _limited(server: LiveServer, person: Person, collection: str) -> Api:
    token = create_token(access=person.access, name="some", collections=[UUID(collection)])
    return Api(server, Person(person.user, person.slug, token.value))


@contextmanager
def _sources_of(api: Api, message: str) -> Iterator[tuple[list[dict[str, Any]], Iterator[Event]]]:
    """The sources that a reader of a running answer is told, and the events after them."""
    with api.stream("GET", f"/messages/{message}/events/") as events:
        yield next(event["items"] for event in events if event["type"] == "sources"), events


def test_a_limited_token_reads_no_more_of_an_answer_that_is_being_written(
    alice: Person, bob: Person, shelf: Shelf, ollama: OllamaStandIn, live_server: LiveServer
) -> None:
    [default, _] = alice.api.get("/api/v1/collections/").json()["results"]
    api, limited = Api(live_server, bob), _limited(live_server, bob, default["id"])
    ollama.script(Reply(text=f"{HOLIDAY} [1]. And so on for ever.", fault="hang", fault_after=16))
    message = api.begin(QUESTION)
    with ExitStack() as readers:
        sources, events = readers.enter_context(_sources_of(api, message))
        less, fewer_events = readers.enter_context(_sources_of(limited, message))
        assert {one["document"] for one in sources} == {shelf.document}
        assert less == withheld(sources)
        wait_for("the marker is written", lambda: "[1]" in api.message(message)["content"])
        assert api.post(f"/messages/{message}/stop/").status_code == 200
        [finished] = [event for event in events if event["type"] == "finished"]
        [less_finished] = [event for event in fewer_events if event["type"] == "finished"]
    assert [one["quote"] for one in finished["citations"]] == [HOLIDAY]
    assert less_finished["citations"] == withheld(finished["citations"])


def test_sight_that_ends_while_an_answer_is_written_leaves_no_citation_open(
    bob: Person, shelf: Shelf, ollama: OllamaStandIn, live_server: LiveServer
) -> None:
    api = Api(live_server, bob)
    ollama.script(Reply(text=f"{HOLIDAY} [1]. And so on for ever.", fault="hang", fault_after=16))
    message = api.begin(QUESTION)
    with _sources_of(api, message) as (_sources, events):
        wait_for("the marker is written", lambda: "[1]" in api.message(message)["content"])
        shelf.open_to()
        assert api.post(f"/messages/{message}/stop/").status_code == 200
        [finished] = [event for event in events if event["type"] == "finished"]
    [citation] = finished["citations"]
    assert (citation["marker"], citation["document"], citation["url"], citation["quote"]) == (1, None, None, "")
    assert api.message(message)["citations"] == [citation]


@contextmanager
def _watching(api: Api) -> Iterator[ClientConnection]:
    """A person's socket, which tells how documents get on."""
    with connect(f"{api.server.ws_url}/o/acme/ws/", additional_headers=api.headers, proxy=None) as socket:
        yield socket


def _heard(socket: ClientConnection, last: str) -> set[str]:
    """The documents told of until this one is ready."""
    heard = set()
    while True:
        event = receive(socket)
        heard.add(event["document"])
        if (event["document"], event["status"]) == (last, "ready"):
            return heard


def test_W2_how_a_document_gets_on_is_told_to_who_sees_it(
    alice: Person, bob: Person, dana: Person, worker: Running, live_server: LiveServer
) -> None:
    named = {"everyone": False, "people": [str(dana.user.pk)]}
    hidden = alice.api.post("/api/v1/collections/", {"name": "Salaries", "access": named}).json()["id"]
    people = {
        "alice": Api(live_server, alice),
        "bob": Api(live_server, bob),
        "dana": Api(live_server, dana),
        "a token for the default collection": _limited(
            live_server, alice, alice.api.get("/api/v1/collections/").json()["results"][0]["id"]
        ),
        "a token for the other": _limited(live_server, dana, hidden),
    }
    with ExitStack() as stack:
        sockets = {name: stack.enter_context(_watching(api)) for name, api in people.items()}
        secret = uploaded(alice, "salaries.txt", b"The director earns much.", collection=hidden)["id"]
        processed(alice, secret)
        public = uploaded(alice, "note.txt", b"The kiln is fired on Fridays.")["id"]
        processed(alice, public)
        last = uploaded(alice, "more.txt", b"The director earns more.", collection=hidden)["id"]
        heard = {
            name: _heard(socket, public if name in {"bob", "a token for the default collection"} else last)
            for name, socket in sockets.items()
        }
    assert heard == {
        "alice": {secret, public, last},
        "bob": {public},
        "dana": {secret, public, last},
        "a token for the default collection": {public},
        "a token for the other": {secret, last},
    }


def test_the_commands_see_what_their_person_sees(bob: Person, shelf: Shelf) -> None:
    arguments = ("ask", QUESTION, "--tenant", "acme", "--user", "bob@example.org")
    output = StringIO()
    call_command(*arguments, "--collection", "salaries", stdout=output)
    assert HOLIDAY in output.getvalue()
    shelf.open_to()
    with pytest.raises(CommandError, match="There is no collection “salaries”"):
        call_command(*arguments, "--collection", "salaries")
    output = StringIO()
    call_command(*arguments, stdout=output)
    assert HOLIDAY not in output.getvalue()
    assert refusal(bob.api.get(f"/api/v1/documents/{shelf.document}/"))[0] == 404
