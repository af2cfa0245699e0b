"""A person with everything open that can be: sockets, streams, waits and answers being written."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.test import Client

from conversations.models import Message, Mode
from conversations.services.conversations import create_conversation
from documents.models import Collection, Document
from tenants.db import tenant_atomic
from tenants.services.tokens import create_token
from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.people import Person, person_of
from tests.processes import LiveServer
from tests.security.held import Held, HeldRequest, HeldSocket

QUESTION = "What is new?"
_STREAMS = {"events", "stream", "document", "colleague's events"}


@dataclass
class House:
    """What is open at one server, by name; `replies` are the answers to bob that it goes with."""

    server: LiveServer
    alice: Person
    bob: Person
    charlie: Person
    other_browser: Client
    held: dict[str, Held] = field(default_factory=dict)
    replies: dict[str, UUID] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # While somebody can still be looked up: a test may disable the organisation.
        self._tenant_id = self.alice.access.tenant_id

    def open_all(self) -> None:
        """Bob's things by his token, by his two browsers, by another token and in globex; two of others'."""
        bob = self.bob
        self._open_replies()
        self.socket("program's conversation", bob, bob.token, conversation=_conversation(bob))
        self.socket("program's person", bob, bob.token)
        self.socket("page's person", bob, bob.client)
        self.socket("other token", bob, create_token(access=bob.access, name="other").value)
        self.socket("other browser", bob, self.other_browser)
        self.request("document", bob, "GET", f"/documents/{_queued_document(self.alice)}/events/")
        elsewhere = person_of(bob.user, self.charlie.slug)
        self.socket("elsewhere", elsewhere, elsewhere.token)
        self.socket("colleague", self.alice, self.alice.client)
        wait_for("all streams are open", lambda: all(self.held[name].heard for name in _STREAMS))
        wait_for("all answers are being written", lambda: {"streaming"} == set(self.statuses().values()))

    def statuses(self) -> dict[str, str]:
        """How it stands with each answer of bob's."""
        return {name: status for name, (status, _) in self._stored().items()}

    def texts(self) -> dict[str, str]:
        """What is kept of each answer of bob's."""
        return {name: text for name, (_, text) in self._stored().items()}

    def close_all(self) -> None:
        for one in self.held.values():
            one.leave()

    def _open_replies(self) -> None:
        bob = self.bob
        talks = {name: _conversation(bob) for name in ("page's conversation", "stream", "wait", "query", "events")}
        page = self.socket("page's conversation", bob, bob.client, conversation=talks["page's conversation"])
        page.ask(QUESTION)
        for name in ("stream", "wait"):
            path = f"/conversations/{talks[name]}/messages/"
            self.request(name, bob, "POST", path, body={"content": QUESTION})
        query = {"query": QUESTION, "session_id": str(talks["query"])}
        self.request("query", bob, "POST", "/query/", body=query)
        self._follow("events", bob, talks["events"])
        self._follow("colleague's events", self.alice, _conversation(self.alice))
        wait_for("all have asked", lambda: len(self._replies_of(talks)) == len(talks))
        self.replies = self._replies_of(talks)

    def _follow(self, name: str, person: Person, conversation: UUID) -> None:
        message = Api(self.server, person).begin(QUESTION, str(conversation))
        self.request(name, person, "GET", f"/messages/{message}/events/")

    def socket(
        self, name: str, person: Person, carrier: str | Client, *, conversation: UUID | None = None
    ) -> HeldSocket:
        """A person's socket, or one of a conversation, by a token or by a browser."""
        end = f"conversations/{conversation}/" if conversation else ""
        url = f"{self.server.ws_url}/o/{person.slug}/ws/{end}"
        if isinstance(carrier, str):
            opened = HeldSocket(url, {"Authorization": f"Bearer {carrier}"})
        else:
            cookie = {"Cookie": f"sessionid={carrier.cookies['sessionid'].value}"}
            opened = HeldSocket(url, cookie, origin=self.server.url)
        self.held[name] = opened
        return opened

    def request(self, name: str, person: Person, method: str, path: str, *, body: object = None) -> None:
        """Something that the person's token asks for."""
        url = f"{self.server.url}/api/v1{path}"
        self.held[name] = HeldRequest(method, url, person.token, is_stream=name in _STREAMS, body=body)

    def _replies_of(self, talks: dict[str, UUID]) -> dict[str, UUID]:
        with tenant_atomic(self._tenant_id):
            rows = Message.objects.filter(role="assistant", conversation__in=talks.values())
            found = dict(rows.values_list("conversation_id", "id"))
        return {name: found[talk] for name, talk in talks.items() if talk in found}

    def _stored(self) -> dict[str, tuple[str, str]]:
        with tenant_atomic(self._tenant_id):
            rows = Message.objects.filter(id__in=self.replies.values())
            found = {id_: (status, text) for id_, status, text in rows.values_list("id", "status", "content")}
        return {name: found[message] for name, message in self.replies.items()}


def _conversation(person: Person) -> UUID:
    """One whose answers need no documents."""
    return create_conversation(access=person.access, mode=Mode.OPEN).id


def _queued_document(person: Person) -> UUID:
    """A document that nobody will ever process: its events go on."""
    with tenant_atomic(person.access.tenant_id):
        document: Document = Document.objects.create(
            collection=Collection.objects.get(is_default=True),
            name="note.txt",
            title="note.txt",
            sha256=uuid4().hex,
            size=1,
            media_type="text/plain",
        )
    return document.id
