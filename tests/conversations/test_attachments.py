"""Files attached to one conversation: it alone is asked of them, its author alone reads them, they go with it."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT
from websockets.sync.client import connect

from documents.models import Chunk, ChunkEmbedding, Collection, Document, DocumentVersion
from tenants.db import tenant_atomic
from tenants.permissions import Scope
from tenants.registry import on_person_erased
from tenants.services.tokens import create_token
from tests.conversations.doors import Api, receive_until, send
from tests.conversations.life import delete_for_good
from tests.factories import processed
from tests.people import ApiClient, Person
from tests.processes import LiveServer, Running
from tests.refusals import pointers, refusal
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "Where are the bicycles of the mill kept?"
NOTE = b"The bicycles of the mill are kept in the yard behind the old weir."
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def conversation_of(person: Person, **fields: Any) -> str:
    response = person.api.post("/api/v1/conversations/", fields)
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def path_of(conversation: str, attachment: str = "") -> str:
    return f"/api/v1/conversations/{conversation}/attachments/{attachment and attachment + '/'}"


def attach(client: ApiClient, conversation: str, *files: tuple[str, bytes], **extra: Any) -> Any:
    sent = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(path_of(conversation), {"files": sent}, content_type=MULTIPART_CONTENT, **extra)


def attached(person: Person, conversation: str, name: str = "note.txt", content: bytes = NOTE) -> str:
    response = attach(person.api, conversation, (name, content))
    assert response.status_code == 202, response.content
    [result] = response.json()["results"]
    return str(result["id"])


def names(client: ApiClient, path: str) -> set[str]:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return {one["name"] for one in response.json()["results"]}


def answered(person: Person, server: LiveServer, conversation: str, question: str = QUESTION) -> dict[str, Any]:
    response = Api(server, person).post(f"/conversations/{conversation}/messages/", json={"content": question})
    assert response.status_code == 201, response.text
    return dict(response.json())


def places(message: dict[str, Any]) -> set[str]:
    return {one["name"] for one in message["sources"]}


def test_I3_only_its_author_sees_a_file_and_no_list_of_documents_shows_it(
    alice: Person, adam: Person, bob: Person, charlie: Person
) -> None:
    """Neither owner nor admin, neither a stranger nor a token of the author's that is limited to collections."""
    people = {"alice": alice, "adam": adam, "bob": bob, "charlie": charlie}
    own = {name: conversation_of(person) for name, person in people.items()}
    files = {name: attached(person, own[name], f"{name}.txt") for name, person in people.items()}
    for name, person in people.items():
        assert names(person.api, path_of(own[name])) == {f"{name}.txt"}
        assert names(person.api, "/api/v1/documents/") == set()
        assert names(person.api, "/api/v1/collections/") == {"Documents"}
        page = person.client.get(f"/o/{person.slug}/documents/", headers=BROWSER).content.decode()
        assert {one for one in people if f"{one}.txt" in page} == set()
        readable = {
            one
            for one, document in files.items()
            if person.api.get(f"/api/v1/documents/{document}/").status_code == 200
        }
        assert readable == {name}
        for other in people.keys() - {name}:
            missing = refusal(person.api.get(path_of(str(uuid4()))))
            assert refusal(person.api.get(path_of(own[other]))) == missing
            assert refusal(attach(person.api, own[other], ("x.txt", b"x"))) == missing
            assert refusal(person.api.delete(path_of(own[other], files[other]))) == missing
            assert refusal(person.api.delete(path_of(own[name], files[other])))[0] == 404
    for person in (alice, adam):
        for model in ("collection", "document"):
            page = person.client.get(f"/o/acme/admin/documents/{model}/", headers=BROWSER).content.decode()
            assert "Attached files" not in page
            assert "bob.txt" not in page
    with tenant_atomic(bob.access.tenant_id):
        shared = Collection.objects.get(is_default=True).id
    limited = ApiClient(
        create_token(access=bob.access, name="one", scopes=bob.access.scopes, collections=[shared]).value
    )
    assert names(limited, path_of(own["bob"])) == set()
    assert limited.get(f"/api/v1/documents/{files['bob']}/").status_code == 404
    assert attach(limited, own["bob"], ("x.txt", b"x")).status_code == 403


def test_I3_it_cannot_be_named_anywhere_else(alice: Person) -> None:
    conversation, other = conversation_of(alice), conversation_of(alice)
    document = attached(alice, conversation)
    with tenant_atomic(alice.access.tenant_id):
        collection = str(Document.objects.get(id=document).collection_id)
    for path, body, pointer in (
        ("/api/v1/conversations/", {"documents": [document]}, "/documents/0"),
        ("/api/v1/conversations/", {"collections": [collection]}, "/collections/0"),
        ("/api/v1/search/", {"query": "x", "collections": [collection]}, "/collections/0"),
        ("/api/v1/search/", {"query": "x", "documents": [document]}, "/documents/0"),
    ):
        assert (pointer, "unknown_id") in pointers(alice.api.post(path, body)), path
    assert alice.api.get(f"/api/v1/collections/{collection}/").status_code == 404
    assert alice.api.delete(f"/api/v1/collections/{collection}/").status_code == 404
    assert refusal(alice.api.delete(path_of(other, document)))[0] == 404
    sent = {"files": SimpleUploadedFile("x.txt", b"x"), "collection": collection}
    response = alice.api.post("/api/v1/documents/", sent, content_type=MULTIPART_CONTENT)
    assert ("/collection", "unknown_id") in pointers(response)


def test_what_is_wrong_with_it_is_said_as_of_any_upload(alice: Person, dana: Person) -> None:
    conversation = conversation_of(alice)
    path = path_of(conversation)
    assert ("/files", "required") in pointers(alice.api.post(path, {}, content_type=MULTIPART_CONTENT))
    sent = {"files": SimpleUploadedFile("x.txt", b"x"), "tags": "a"}
    assert ("/tags", "unknown_field") in pointers(alice.api.post(path, sent, content_type=MULTIPART_CONTENT))
    assert refusal(attach(alice.api, conversation, ("x.bin", b"\x00\x01\x02")))[0] == 415
    assert names(alice.api, path) == set()
    first = attach(alice.api, conversation, ("note.txt", NOTE), ("empty.txt", b"")).json()["results"]
    assert [one["status"] for one in first] == ["queued", "rejected"]
    again = attach(alice.api, conversation, ("again.txt", NOTE)).json()["results"]
    assert again == [
        {"id": first[0]["id"], "name": "again.txt", "status": "queued", "duplicate_of": first[0]["id"]}
    ]
    other = conversation_of(alice)
    assert "duplicate_of" not in attach(alice.api, other, ("note.txt", NOTE)).json()["results"][0]
    # A viewer asks, and uploads nothing.
    assert attach(dana.api, conversation_of(dana), ("note.txt", NOTE)).status_code == 403
    assert alice.api.post(f"/api/v1/conversations/{conversation}/end/").status_code == 200
    status, body = refusal(attach(alice.api, conversation, ("b.txt", b"b")))
    assert (status, body["code"]) == (409, "conversation_ended")


def test_F3_the_same_request_again_attaches_nothing_more(alice: Person) -> None:
    conversation = conversation_of(alice)
    headers = {"Idempotency-Key": "attach-1"}
    first = attach(alice.api, conversation, ("note.txt", NOTE), headers=headers)
    second = attach(alice.api, conversation, ("note.txt", NOTE), headers=headers)
    assert second.json() == first.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(alice.api.get(path_of(conversation)).json()["results"]) == 1


def test_I4_the_conversation_alone_is_asked_of_it(
    alice: Person, bob: Person, handbook_of_alice: dict[str, Any], live_server: LiveServer
) -> None:
    mine, other = conversation_of(alice), conversation_of(alice)
    attached(alice, mine)
    found = answered(alice, live_server, mine)
    assert places(found) >= {"note.txt"}
    assert "yard behind the old weir" in found["content"]
    [cited] = {one["document"] for one in found["citations"]}
    assert alice.api.get(f"/api/v1/documents/{cited}/pages/1/").status_code == 200
    for person, conversation in ((alice, other), (bob, conversation_of(bob))):
        message = answered(person, live_server, conversation)
        assert "note.txt" not in places(message)
        assert "weir" not in message["content"]
        hits = person.api.post("/api/v1/search/", {"query": QUESTION}).json()["results"]
        assert {one["name"] for one in hits} == {"handbook.pdf"}
    # What else was chosen narrows the rest, not what was attached for this very purpose.
    for chosen in (
        {"documents": [handbook_of_alice["id"]]},
        {"collections": [handbook_of_alice["collection"]]},
    ):
        narrowed = conversation_of(alice, **chosen)
        processed(alice, attached(alice, narrowed))
        assert "note.txt" in places(answered(alice, live_server, narrowed))
    api = Api(live_server, alice)
    with api.socket(mine) as socket:
        collections = [handbook_of_alice["collection"]]
        send(socket, type="ask", request_id="narrowed", content=QUESTION, collections=collections)
        events = receive_until(socket, "finished", "failed")
    [sources] = [event for event in events if event["type"] == "sources"]
    assert "note.txt" in {one["name"] for one in sources["items"]}


def test_a_question_waits_until_it_is_read_and_says_so(
    handbook_of_alice: dict[str, Any], api: Api, alice: Person
) -> None:
    conversation = conversation_of(alice)
    attached(alice, conversation)
    path = f"/conversations/{conversation}/messages/"
    with api.stream("POST", path, json={"content": QUESTION}) as stream:
        events = list(stream)
    told = [event["detail"] for event in events if event["type"] == "status"]
    assert "Reading note.txt…" in told
    text = "".join(event["text"] for event in events if event["type"] == "delta")
    assert "I could not read" not in text
    assert "behind the old weir. [1]" in text


def test_a_file_that_is_not_read_in_time_is_done_without_and_the_answer_says_so(
    alice: Person, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    """No worker runs here."""
    conversation = conversation_of(alice)
    for number in range(5):
        attached(alice, conversation, f"note-{number}.txt", NOTE + str(number).encode())
    note = (
        "*I could not read note-0.txt, note-1.txt, note-2.txt and 2 more in time: this answer goes without.*\n\n"
    )
    api = Api(live_server, alice)
    with api.stream("POST", f"/conversations/{conversation}/messages/", json={"content": QUESTION}) as stream:
        events = list(stream)
    message = api.message(events[-1]["message"])
    assert message["content"].startswith(note)
    assert "".join(event["text"] for event in events if event["type"] == "delta") == message["content"]
    assert message["timings"]["attachments"] >= 3.0
    told = [event["detail"] for event in events if event["type"] == "status"]
    waited = told[: next(place for place, detail in enumerate(told) if detail.startswith("Searching"))]
    assert waited, "what is being read is told"
    assert not any("The model has not begun" in detail for detail in waited), "it was not asked yet"


def test_an_open_conversation_asks_its_files_where_they_know_the_answer(
    alice: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    conversation = conversation_of(alice, mode="open")
    processed(alice, attached(alice, conversation))
    ollama.script(Reply(text="In the yard [1]."), Reply(text="A joke."))
    assert places(answered(alice, live_server, conversation)) == {"note.txt"}
    told = answered(alice, live_server, conversation, "Tell me a joke about Paris and submarines, please.")
    assert (told["content"], told["sources"]) == ("A joke.", [])


def test_deleting_the_conversation_takes_them_along(alice: Person, worker: Running) -> None:
    mine, other = conversation_of(alice), conversation_of(alice)
    document, kept = attached(alice, mine), attached(alice, other)
    for one in (document, kept):
        assert processed(alice, one)["status"] == "ready"
    with tenant_atomic(alice.access.tenant_id):
        keys = dict(DocumentVersion.objects.values_list("document_id", "storage_key"))
    delete_for_good(alice, mine)
    with tenant_atomic(alice.access.tenant_id):
        assert set(Document.objects.values_list("id", flat=True)) == {UUID(kept)}
        assert set(Collection.objects.values_list("name", "attached_to")) == {
            ("Documents", None),
            ("Attached files", UUID(other)),
        }
        assert set(Chunk.objects.values_list("document_id", flat=True)) == {UUID(kept)}
        assert set(ChunkEmbedding.objects.values_list("document_id", flat=True)) == {UUID(kept)}
    assert [default_storage.exists(keys[UUID(one)]) for one in (document, kept)] == [False, True]


def test_one_is_taken_away_again(alice: Person) -> None:
    conversation = conversation_of(alice)
    first, second = attached(alice, conversation), attached(alice, conversation, "b.txt", b"Something else.")
    assert alice.api.delete(path_of(conversation, first)).status_code == 204
    assert names(alice.api, path_of(conversation)) == {"b.txt"}
    assert alice.api.delete(path_of(conversation, first)).status_code == 404
    assert alice.api.get(f"/api/v1/documents/{second}/").status_code == 200


def test_P2_they_go_with_the_person(alice: Person, bob: Person) -> None:
    kept = attached(alice, conversation_of(alice))
    attached(bob, conversation_of(bob))
    removed: Counter[str] = Counter()
    with tenant_atomic(alice.access.tenant_id):
        on_person_erased.call(bob.user.pk, removed)
        assert set(Document.objects.values_list("id", flat=True)) == {UUID(kept)}
        assert Collection.objects.count() == 2
    assert (removed["documents_document"], removed["documents_collection"]) == (1, 1)


def test_W3_how_it_gets_on_is_told_to_its_author_alone(
    alice: Person, adam: Person, bob: Person, worker: Running, live_server: LiveServer
) -> None:
    conversation = conversation_of(bob)
    sockets = {}
    with ExitStack() as stack:
        for person in (alice, adam, bob):
            headers = {"Authorization": f"Bearer {person.token}"}
            url = f"{live_server.ws_url}/o/acme/ws/"
            sockets[person.user.name] = stack.enter_context(connect(url, additional_headers=headers, proxy=None))
        private = attached(bob, conversation)
        processed(bob, private)
        # Told to everybody, and after the other: whoever has this has had that, if they get it at all.
        shared = bob.api.upload(("shared.txt", b"For everybody.")).json()["results"][0]["id"]
        seen = {}
        for name, socket in sockets.items():
            documents: set[str] = set()
            while shared not in documents:
                [event] = receive_until(socket, "document")[-1:]
                documents.add(event["document"])
            seen[name] = documents
    assert seen == {"Alice": {shared}, "Adam": {shared}, "Bob": {private, shared}}


def test_it_takes_the_scope_of_conversations(alice: Person) -> None:
    conversation = conversation_of(alice)

    def program(scope: Scope) -> ApiClient:
        return ApiClient(create_token(access=alice.access, name=scope, scopes=frozenset({scope})).value)

    assert attach(program(Scope.DOCUMENTS_WRITE), conversation, ("note.txt", NOTE)).status_code == 403
    assert attach(program(Scope.CHAT), conversation, ("note.txt", NOTE)).status_code == 202
    assert names(program(Scope.CHAT), path_of(conversation)) == {"note.txt"}
