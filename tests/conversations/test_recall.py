"""Messages found again: by meaning and by words, embedded in the background, one's own alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from conversations.models import MessageChunk, MessageEmbedding
from conversations.searching.recall import search_messages, wanted_recall
from documents.masking import MaskingRules
from documents.models import EmbeddingIndex
from documents.reindex import drop_indexes, start_reindex
from documents.services.masking import mask_documents_anew, set_masking_policy
from tenants.db import tenant_atomic
from tenants.jobs.leases import MAX_ATTEMPTS
from tenants.jobs.models import Job, ReplyLease
from tenants.jobs.runner import run_job
from tests.conversations.doors import Api
from tests.conversations.life import delete_for_good
from tests.documents.conftest import models
from tests.documents.indexed import NEW
from tests.factories import HANDBOOK_PAGES, work_off
from tests.people import Person
from tests.refusals import refusal
from tests.standins.ollama import EmbedReply, OllamaStandIn, Reply

__all__ = ["models"]

pytestmark = pytest.mark.django_db(transaction=True)

HOLIDAY_QUESTION = "How many days of paid holiday does a full-time employee have?"
TRAIN_QUESTION = "Are night trains refunded like any other connection?"
PARENTS_QUESTION = "How many months of leave may parents share between them?"


def ask(api: Api, conversation: str, question: str) -> dict[str, Any]:
    response = api.post(f"/conversations/{conversation}/messages/", json={"content": question})
    assert response.status_code == 201, response.text
    return dict(response.json())


def find(person: Person, conversation: str, search: str, **query: Any) -> list[dict[str, Any]]:
    response = person.api.get(f"/api/v1/conversations/{conversation}/messages/", {"search": search, **query})
    assert response.status_code == 200, response.content
    page = response.json()
    assert (page["next"], page["previous"]) == (None, None)
    return list(page["results"])


def contents(messages: list[dict[str, Any]]) -> list[str]:
    return [message["content"] for message in messages]


@pytest.fixture
def conversation(api: Api) -> str:
    """Three questions of alice's about the handbook, answered."""
    conversation = api.conversation()
    for question in (HOLIDAY_QUESTION, TRAIN_QUESTION, PARENTS_QUESTION):
        assert ask(api, conversation, question)["status"] == "finished"
    return conversation


def stored(person: Person) -> tuple[int, dict[str, int]]:
    """Pieces of messages, and how many vectors of them each model has."""
    with tenant_atomic(person.access.tenant_id):
        models = dict(EmbeddingIndex.objects.values_list("id", "model"))
        vectors = dict.fromkeys(models.values(), 0)
        for index in MessageEmbedding.objects.values_list("index_id", flat=True):
            vectors[models[index]] += 1
        return MessageChunk.objects.count(), vectors


def test_messages_are_found_by_meaning_once_they_are_embedded(api: Api, alice: Person, conversation: str) -> None:
    other = api.conversation()
    ask(api, other, HOLIDAY_QUESTION)
    assert find(alice, conversation, "annual vacation entitlement") == []
    assert stored(alice)[0] == 0, "nothing waits for it"
    work_off(alice)
    pieces, vectors = stored(alice)
    assert vectors == {"builtin": pieces}
    found = find(alice, conversation, "annual vacation entitlement of the staff")
    assert HOLIDAY_QUESTION in contents(found)[:2]
    assert HANDBOOK_PAGES[0][1] in str(contents(found)[:2])
    assert {one["conversation"] for one in found} == {conversation}
    assert TRAIN_QUESTION not in contents(found)
    listed = alice.api.get(f"/api/v1/conversations/{conversation}/messages/").json()["results"]
    assert [one["content"] for one in listed[::2]] == [HOLIDAY_QUESTION, TRAIN_QUESTION, PARENTS_QUESTION]
    assert all(one in listed for one in found)
    assert find(alice, conversation, "annual vacation entitlement of the staff", limit=1) == found[:1]


def test_before_that_and_after_they_are_found_by_words(api: Api, alice: Person, conversation: str) -> None:
    for _ in range(2):
        found = find(alice, conversation, "night trains")
        assert contents(found)[0] == TRAIN_QUESTION
        assert {TRAIN_QUESTION} < set(contents(found))
        assert find(alice, conversation, "zorblatt") == []
        work_off(alice)


def test_A8_nobody_elses_messages_are_found(
    api: Api, alice: Person, bob: Person, charlie: Person, conversation: str
) -> None:
    work_off(alice)
    for stranger in (bob, charlie):
        response = stranger.api.get(f"/api/v1/conversations/{conversation}/messages/", {"search": "paid holiday"})
        assert refusal(response)[0] == 404
    own = bob.api.post("/api/v1/conversations/", {}).json()["id"]
    assert find(bob, own, "paid holiday") == []
    found = find(alice, conversation, "paid holiday")
    assert len(found) > 0
    # Nor where all conversations are looked through.
    everywhere = {}
    for person in (alice, bob, charlie):
        with tenant_atomic(person.access.tenant_id):
            everywhere[person.user.name] = search_messages(person.access, "paid holiday", None)
    assert set(map(str, everywhere["Alice"])) >= {one["id"] for one in found}
    assert (everywhere["Bob"], everywhere["Charlie"]) == ([], [])


@pytest.mark.parametrize("query", [{"search": "a\0b"}, {"search": "x" * 33_000}, {"search": "x", "limit": 0}])
def test_what_cannot_be_looked_for_is_refused(alice: Person, query: dict[str, Any]) -> None:
    own = alice.api.post("/api/v1/conversations/", {}).json()["id"]
    response = alice.api.get(f"/api/v1/conversations/{own}/messages/", query)
    assert response.status_code in {400, 413}, response.content
    assert find(alice, own, "'); DROP TABLE x; --") == []


def test_a_new_embedding_model_gets_the_messages_too(
    api: Api, alice: Person, conversation: str, models: OllamaStandIn
) -> None:
    work_off(alice)
    pieces, vectors = stored(alice)
    assert vectors == {"builtin": pieces}
    start_reindex(access=alice.access, model=NEW)
    work_off(alice)
    assert stored(alice) == (pieces, {"builtin": pieces, NEW: pieces})
    assert find(alice, conversation, "night trains") != []
    ask(api, conversation, "Is the receipt kept?")
    work_off(alice)
    more, vectors = stored(alice)
    assert more > pieces
    assert vectors == {"builtin": pieces, NEW: more}
    drop_indexes(access=alice.access)
    assert stored(alice) == (more, {NEW: more})


def test_a_model_server_that_is_away_is_waited_for(
    api: Api, alice: Person, conversation: str, models: OllamaStandIn
) -> None:
    start_reindex(access=alice.access, model=NEW)
    work_off(alice)
    before = stored(alice)[0]
    ask(api, conversation, "Is the receipt kept?")
    # More often than all attempts of a job, and of the client in each, would bear.
    models.script_embeddings(EmbedReply(fault="reset"), times=4 * MAX_ATTEMPTS)
    work_off(alice)
    pieces, vectors = stored(alice)
    assert pieces > before
    assert vectors[NEW] == pieces
    assert not Job.objects.filter(tenant_id=alice.access.tenant_id).exists()


@pytest.mark.parametrize("relief", ["one answer less", "five minutes"])
def test_while_many_answers_are_written_messages_wait_a_few_minutes(
    api: Api, alice: Person, conversation: str, relief: str
) -> None:
    for _ in range(8):
        ReplyLease.objects.create(
            message_id=uuid4(),
            tenant_id=alice.access.tenant_id,
            process_id=uuid4(),
            expires_at=timezone.now() + timedelta(minutes=10),
        )
    jobs = Job.objects.filter(kind="conversations.embed", target_id=UUID(conversation))

    def run_once() -> int:
        jobs.update(run_at=timezone.now())
        assert run_job(jobs.get().id)
        return stored(alice)[0]

    assert run_once() == 0
    assert jobs.get().attempts == 0
    assert run_once() == 0
    if relief == "five minutes":
        jobs.update(started_at=timezone.now() - timedelta(seconds=301))
    else:
        ReplyLease.objects.filter(message_id=ReplyLease.objects.first().message_id).delete()  # type: ignore[union-attr]
    assert run_once() > 0
    assert not jobs.exists()


def test_personal_data_is_masked_before_it_is_embedded(api: Api, alice: Person, ollama: OllamaStandIn) -> None:
    address = "ann@acme.example"
    conversation = api.conversation(mode="open")
    ollama.script(Reply(text=f"Write to {address} on Mondays."))
    ask(api, conversation, f"Who is behind {address}?")
    work_off(alice)
    assert address in texts(alice)
    set_masking_policy(access=alice.access, rules=MaskingRules(emails=True))
    mask_documents_anew(access=alice.access)
    work_off(alice)
    assert address not in texts(alice)
    assert "•" * len(address) in texts(alice)
    pieces, vectors = stored(alice)
    assert vectors == {"builtin": pieces}
    assert address in str(find(alice, conversation, "whom to write on Mondays")), "shown as it was said"


def texts(person: Person) -> str:
    """All pieces of the organisation's messages."""
    with tenant_atomic(person.access.tenant_id):
        return " ".join(MessageChunk.objects.values_list("text", flat=True))


def test_pieces_and_vectors_go_with_their_conversation(api: Api, alice: Person, conversation: str) -> None:
    kept = api.conversation()
    ask(api, kept, HOLIDAY_QUESTION)
    work_off(alice)
    ask(api, conversation, TRAIN_QUESTION)
    delete_for_good(alice, conversation)
    assert not Job.objects.filter(target_id=UUID(conversation)).exists()
    pieces, vectors = stored(alice)
    assert 0 < pieces == vectors["builtin"]
    with tenant_atomic(alice.access.tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT conversation_id FROM conversations_message")
        assert [str(one) for (one,) in cursor.fetchall()] == [kept]


def test_running_the_job_twice_changes_nothing(api: Api, alice: Person, conversation: str) -> None:
    work_off(alice)
    before = stored(alice)
    ask(api, conversation, HOLIDAY_QUESTION)
    assert Job.objects.filter(kind="conversations.embed", target_id=UUID(conversation)).count() == 1
    work_off(alice)
    after = stored(alice)
    assert after[0] > before[0]
    with tenant_atomic(alice.access.tenant_id):
        pieces = list(MessageChunk.objects.values_list("message_id", "number"))
    assert len(pieces) == len(set(pieces)) == after[0]


@pytest.mark.parametrize(
    "question", ["What did you say about paid holiday earlier?", "Remind me what you said about paid holiday."]
)
def test_what_was_said_is_told_from_the_conversation(api: Api, conversation: str, question: str) -> None:
    answer = ask(api, conversation, question)
    assert (answer["status"], answer["finish_reason"]) == ("finished", "stop")
    assert (answer["sources"], answer["citations"]) == ([], []), "evidence is documents only"
    assert answer["content"].startswith("No language model is connected, so here is what was said")
    assert HANDBOOK_PAGES[0][1] in answer["content"]
    assert "[1]" not in answer["content"]


def test_a_summary_is_made_of_what_was_said(api: Api, conversation: str, ollama: OllamaStandIn) -> None:
    before = len(ollama.requests)
    ollama.script(Reply(text="We spoke of holidays [1], trains and parents."))
    answer = ask(api, conversation, "Please summarise our conversation so far.")
    assert (answer["content"], answer["sources"]) == ("We spoke of holidays , trains and parents.", [])
    [request] = ollama.requests[before:]
    told = request["messages"][-1]["content"]
    for question in (HOLIDAY_QUESTION, TRAIN_QUESTION, PARENTS_QUESTION):
        assert f"Asked: {question}" in told
    assert "<passage" not in told


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("What did you say about paid holiday earlier?", "paid holiday"),
        ("Remind me what you told me about the trains", "the trains"),
        ("What have I asked you so far?", ""),
        ("What did I ask about trains?", "trains"),
        ("Please summarise our conversation so far.", ""),
        ("Give me a summary of this chat", ""),
        ("What have we discussed so far?", ""),
        ("Summarize management's discussion and analysis.", None),
        ("Summarise sales so far this year.", None),
        ("What did we ask the supplier to deliver?", None),
        ("What did we discuss with the board of Contoso?", None),
        ("What did Contoso tell investors about its revenue?", None),
        (HOLIDAY_QUESTION, None),
    ],
)
def test_which_questions_are_about_the_conversation(question: str, topic: str | None) -> None:
    wanted = wanted_recall(question)
    assert (wanted and wanted.topic) == topic


def test_what_the_conversation_does_not_cover_is_asked_of_the_documents(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    ask(api, conversation, TRAIN_QUESTION)
    answer = ask(api, conversation, "What did you say about the paid holiday of a full-time employee?")
    assert len(answer["sources"]) == 3


def test_L6_what_is_out_of_sight_is_not_recalled(api: Api, alice: Person, conversation: str) -> None:
    work_off(alice)
    question = "What did you say about paid holiday earlier?"
    assert HANDBOOK_PAGES[0][1] in ask(api, conversation, question)["content"]
    [document] = alice.api.get("/api/v1/documents/").json()["results"]
    assert alice.api.delete(f"/api/v1/documents/{document['id']}/").status_code == 204
    answer = ask(api, conversation, question)
    assert (answer["status"], HANDBOOK_PAGES[0][1] in answer["content"]) == ("refused", False)
    assert HANDBOOK_PAGES[0][1] not in str(find(alice, conversation, "paid holiday"))
    assert HOLIDAY_QUESTION in contents(find(alice, conversation, "paid holiday"))
