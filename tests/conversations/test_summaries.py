"""Summaries of older turns: made in the background, told, edited, and forgotten with their sources."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from conversations.chat_models import chooser
from conversations.models import MemoryKind, Mode, Summary
from conversations.prompting.summary_jobs import SUMMARISE
from documents.masking import MaskingRules
from documents.services.masking import set_masking_policy
from tenants.audit.recording import ACTIONS
from tenants.db import tenant_atomic
from tenants.jobs import outbox
from tenants.jobs.models import Job
from tenants.models import AuditEvent, UsageDay
from tests.conversations.doors import Api
from tests.conversations.life import delete_for_good
from tests.conversations.talks import Talk, talk_of
from tests.conversations.test_sight import Shelf, shelf
from tests.factories import uploaded
from tests.people import Person
from tests.processes import LiveServer
from tests.refusals import pointers, refusal
from tests.standins.ollama import OllamaStandIn, Reply

__all__ = ["shelf"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def model(settings: Settings, ollama: OllamaStandIn) -> Iterator[OllamaStandIn]:
    """The model server, for jobs that run in this process too."""
    settings.OLLAMA_HOST = ollama.url
    chooser.cache_clear()
    yield ollama
    chooser.cache_clear()


@pytest.fixture
def away(settings: Settings) -> Iterator[None]:
    """A model server that is configured and does not answer."""
    settings.OLLAMA_HOST, settings.DOCENT_CHAT_MODEL = "http://127.0.0.1:9", "any"
    chooser.cache_clear()
    yield
    chooser.cache_clear()


@pytest.fixture
def quoting() -> Iterator[None]:
    """No model server."""
    chooser.cache_clear()
    yield
    chooser.cache_clear()


def talk(person: Person, turns: int = 0, **fields: Any) -> Talk:
    return talk_of(person, turns=turns, mode=Mode.OPEN, memory=MemoryKind.SUMMARY, **fields)


def summary_of(one: Talk) -> dict[str, Any]:
    response = one.person.api.get(f"{one.path}summary/")
    assert response.status_code == 200, response.content
    return dict(response.json())


def put(one: Talk, by: Person | None = None, **body: Any) -> Any:
    return (by or one.person).api.put(f"{one.path}summary/", body, "application/json")


def is_missing(response: Any) -> bool:
    status, body = refusal(response)
    return (status, body["code"]) == (404, "no_summary")


def lines(first: int, last: int) -> str:
    return "\n".join(f"- Question {number}? Answer {number}." for number in range(first, last + 1))


@pytest.mark.usefixtures("quoting")
def test_without_a_model_it_is_made_by_rules(alice: Person) -> None:
    one = talk(alice, turns=8)
    one.summarise()
    assert is_missing(alice.api.get(f"{one.path}summary/")), "nine turns are told whole"
    one.go_on(1)
    one.summarise()
    summary = summary_of(one)
    assert summary == {
        "conversation": str(one.id),
        "text": lines(1, 3),
        "is_edited": False,
        "until": str(one.answers[2]),
        "model": None,
        "created_at": summary["created_at"],
        "updated_at": summary["updated_at"],
    }
    one.summarise()
    assert summary_of(one) == summary, "twice is once"
    one.go_on(41)
    one.summarise()
    assert (summary_of(one)["text"], summary_of(one)["until"]) == (lines(1, 43), str(one.answers[42]))


@pytest.mark.usefixtures("quoting")
def test_by_rules_it_stays_short(alice: Person) -> None:
    one = talk(alice)
    for number in range(60):
        one.say(f"{number}: {'what of the ferry ' * 40}?", f"- {'It goes at noon. ' * 40} [1]")
    one.summarise()
    text = summary_of(one)["text"]
    assert 3_500 < len(text) <= 4_000
    assert text.splitlines()[-1].startswith("- 53: what of the ferry")
    assert text.splitlines()[-1].endswith("… It goes at noon.")


def test_a_model_makes_it_of_the_earlier_one_and_the_turns_since(alice: Person, model: OllamaStandIn) -> None:
    one = talk(alice, turns=9)
    model.script(Reply(text="One, two and three were asked of [1]."))
    one.summarise()
    assert (summary_of(one)["text"], summary_of(one)["model"]) == (
        "One, two and three were asked of.", "stand-in:latest",
    )  # fmt: skip
    [first] = model.requests
    assert first["options"] == {"num_ctx": 8192, "num_predict": 500, "temperature": 0.0}
    assert first["messages"][-1]["content"] == (
        "<conversation>\n"
        + "\n".join(f"Asked: Question {n}?\nAnswered: Answer {n}." for n in (1, 2, 3))
        + "\n</conversation>"
    )
    one.go_on(3)
    model.script(Reply(text="One to six were asked of."))
    one.summarise()
    second = model.requests[-1]["messages"][-1]["content"]
    assert second.startswith(
        "<summary>\nOne, two and three were asked of.\n</summary>\n\n<conversation>\nAsked: Qu"
    )
    assert ("Question 3?" in second, "Question 4?" in second, "Question 7?" in second) == (False, True, False)
    assert summary_of(one)["text"] == "One to six were asked of."
    with tenant_atomic(alice.access.tenant_id):
        use = UsageDay.objects.get(model="stand-in:latest")
    assert (use.user_id, use.questions, use.prompt_tokens > 100, use.completion_tokens) == (
        alice.access.user_id, 0, True, 14,
    )  # fmt: skip


def test_the_next_question_is_told_it_and_the_last_turns_whole(
    alice: Person, live_server: LiveServer, model: OllamaStandIn
) -> None:
    api = Api(live_server, alice)
    one = talk(alice, turns=9, memory_turns=2)
    model.script(Reply(text="Seven things were asked of."))
    one.summarise()
    api.post(f"/conversations/{one.id}/messages/", json={"content": "And now?"})
    system, *told, _question = (turn["content"] for turn in model.requests[-1]["messages"])
    assert system.endswith("<summary>\nSeven things were asked of.\n</summary>")
    assert told == ["Question 8?", "Answer 8.", "Question 9?", "Answer 9."]
    context = api.get(f"/conversations/{one.id}/context/").json()
    assert (context["questions"], context["questions_told"], context["memory"]) == (10, 3, "summary")
    assert context["summary"] == {
        "text": "Seven things were asked of.", "is_edited": False, "until": str(one.answers[6]),
    }  # fmt: skip
    alice.api.patch(one.path, {"memory": "window"})
    api.post(f"/conversations/{one.id}/messages/", json={"content": "And now?"})
    assert "Seven things" not in str(model.requests[-1]), "another kind of memory does without"


def test_an_answer_starts_the_job_and_waits_for_none(
    alice: Person, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    api = Api(live_server, alice)
    for kind in MemoryKind:
        one = talk_of(alice, turns=12, mode=Mode.OPEN, memory=kind)
        message = api.post(f"/conversations/{one.id}/messages/", json={"content": "And now?"}).json()
        assert message["status"] == "finished"
        jobs = Job.objects.filter(kind="conversations.summarise", target_id=one.id)
        assert jobs.count() == (kind is MemoryKind.SUMMARY)
    told = [turn["content"] for turn in ollama.requests[-1]["messages"]][1:-1]
    assert told[0] == "Question 1?", "what is not summarised yet is told as far as it fits"


@pytest.mark.usefixtures("away")
def test_while_the_model_server_is_away_it_waits(alice: Person) -> None:
    one = talk(alice, turns=9)
    one.summarise()
    job = Job.objects.get(kind="conversations.summarise")
    assert (job.dead_at, job.attempts, job.lease_id) == (None, 0, None)
    assert is_missing(alice.api.get(f"{one.path}summary/"))


def test_it_gives_its_worker_up_to_an_upload_and_is_made_afterwards(alice: Person, model: OllamaStandIn) -> None:
    one, other = talk(alice, turns=9), talk(alice, turns=9)
    model.script(Reply(text="One, two and three. " * 100, tokens_per_second=10))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(one.summarise)
        assert model.wait_requests(5)
        with tenant_atomic(alice.access.tenant_id):
            outbox.enqueue(SUMMARISE, other.id)
        with pytest.raises(TimeoutError):
            running.result(3)  # another summary is nothing to give way to
        uploaded(alice, "hours.txt", b"The reading room opens at nine.")
        running.result(5)
    assert model.wait_aborted(1)
    job = Job.objects.get(kind=SUMMARISE, target_id=one.id)
    assert (job.dead_at, job.attempts, job.lease_id, job.run_at > job.created_at) == (None, 0, None, True)
    assert is_missing(alice.api.get(f"{one.path}summary/"))
    assert set(Job.objects.exclude(kind=SUMMARISE).values_list("kind", flat=True)) == {"documents.ingest"}
    model.script(Reply(text="One, two and three were asked of."))
    one.summarise()
    assert summary_of(one)["text"] == "One, two and three were asked of."


@pytest.mark.parametrize(
    "reply", [Reply(status=404), Reply(text="  "), Reply(text="Cut", fault="cut", fault_after=1)]
)
def test_where_the_model_fails_rules_make_it(alice: Person, model: OllamaStandIn, reply: Reply) -> None:
    one = talk(alice, turns=9)
    model.script(reply)
    one.summarise()
    assert (summary_of(one)["text"], summary_of(one)["model"]) == (lines(1, 3), None)


def test_what_a_person_wrote_stays_and_only_what_comes_later_is_added(alice: Person, model: OllamaStandIn) -> None:
    one = talk(alice, turns=9)
    model.script(Reply(text="Wrong."))
    one.summarise()
    edited = alice.api.put(
        f"{one.path}summary/", {"text": " We plan a trip by ferry. "}, "application/json"
    ).json()
    assert (edited["text"], edited["is_edited"], edited["model"]) == ("We plan a trip by ferry.", True, None)
    assert edited == summary_of(one)
    one.go_on(3)
    model.script(Reply(text="Then four to six."))
    one.summarise()
    assert "We plan a trip" not in str(model.requests[-1])
    assert "Wrong." not in str(model.requests[-1])
    assert "Question 3?" not in str(model.requests[-1])
    later = summary_of(one)
    assert (later["text"], later["is_edited"]) == ("We plan a trip by ferry.\n\nThen four to six.", True)
    with tenant_atomic(alice.access.tenant_id):
        actions = set(AuditEvent.objects.filter(target_id=one.id).values_list("action", flat=True))
    assert actions == {"conversation.created", "conversation.summary_edited"} <= ACTIONS


@pytest.mark.usefixtures("quoting")
def test_one_that_is_forgotten_is_made_anew_from_the_messages(alice: Person) -> None:
    one = talk(alice, turns=12)
    one.summarise()
    assert put(one, text="Wrong.").status_code == 200
    assert alice.api.delete(f"{one.path}summary/").status_code == 204
    assert is_missing(alice.api.get(f"{one.path}summary/"))
    assert is_missing(alice.api.delete(f"{one.path}summary/"))
    one.summarise()
    assert (summary_of(one)["text"], summary_of(one)["is_edited"]) == (lines(1, 6), False)


@pytest.mark.usefixtures("quoting")
def test_it_is_its_authors_alone(alice: Person, bob: Person, charlie: Person) -> None:
    one = talk(alice, turns=9)
    one.summarise()
    for path in ("summary", "context"):
        assert alice.api.get(f"{one.path}{path}/").status_code == 200
        for stranger in (bob, charlie):
            assert stranger.api.get(f"{one.path}{path}/").status_code == 404
    for stranger in (bob, charlie):
        assert put(one, stranger, text="Mine.").status_code == 404
        assert stranger.api.delete(f"{one.path}summary/").status_code == 404
    for body, code in (
        ({"text": " "}, "required"),
        ({"text": "x" * 8_001}, "max_length"),
        ({"text": "a\0"}, "null_characters_not_allowed"),
        ({}, "required"),
    ):
        assert pointers(put(one, None, **body)) == [("/text", code)]
    assert pointers(put(one, None, text="a", b=1)) == [("/b", "unknown_field")]
    assert summary_of(one)["text"] == lines(1, 3)


@pytest.mark.usefixtures("quoting")
def test_L6_it_is_forgotten_with_the_sight_of_what_it_was_made_from(
    bob: Person, shelf: Shelf, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    api, one = Api(live_server, bob), talk(bob)
    one.say("How much is it?", "Secret salaries are high.", document=shelf.document)
    one.go_on(8)
    one.summarise()
    assert "Secret salaries are high." in summary_of(one)["text"]

    def system() -> str:
        api.post(f"/conversations/{one.id}/messages/", json={"content": "And now?"})
        return str(ollama.requests[-1]["messages"][0]["content"])

    assert "Secret salaries are high." in system()
    shelf.open_to()
    assert is_missing(bob.api.get(f"{one.path}summary/"))
    assert "Secret" not in system()
    assert "Secret" not in str(ollama.requests[-1]), "nor is the answer told instead"
    assert put(one, text="Mine.").status_code == 404
    one.answers[:] = [*one.answers, *_answers_after(one)]
    one.go_on(3)
    one.summarise()
    rebuilt = summary_of(one)["text"]
    assert rebuilt.startswith("- How much is it?\n- Question 2? Answer 2.")
    assert "Secret" not in rebuilt
    shelf.open_to(bob)
    assert "Secret" not in summary_of(one)["text"], "the later one is of more"


def _answers_after(one: Talk) -> list[UUID]:
    listed = one.person.api.get(f"{one.path}messages/?limit=100").json()["results"]
    known = {str(answer) for answer in one.answers}
    return [UUID(row["id"]) for row in listed if row["role"] == "assistant" and row["id"] not in known]


@pytest.mark.usefixtures("quoting")
def test_L6_nor_is_an_answer_told_that_was_written_from_such_a_summary(
    bob: Person, shelf: Shelf, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    api, one = Api(live_server, bob), talk(bob, memory_turns=1)
    one.say("How much is it?", "Secret salaries are high.", document=shelf.document)
    one.go_on(2)
    one.summarise()
    ollama.script(Reply(text="As I said, sky-high."))
    message = api.post(f"/conversations/{one.id}/messages/", json={"content": "And now?"}).json()
    assert message["content"] == "As I said, sky-high."
    api.post(f"/conversations/{one.id}/messages/", json={"content": "And then?"})
    assert "sky-high" in str(ollama.requests[-1])
    shelf.open_to()
    api.post(f"/conversations/{one.id}/messages/", json={"content": "And then?"})
    assert "sky-high" not in str(ollama.requests[-1])
    assert bob.api.patch(one.path, {"memory": "buffer"}).status_code == 200
    api.post(f"/conversations/{one.id}/messages/", json={"content": "And then?"})
    assert "sky-high" not in str(ollama.requests[-1])
    assert "Question 2?" in str(ollama.requests[-1])


def test_neither_model_nor_summary_reads_what_is_masked(alice: Person, model: OllamaStandIn) -> None:
    with tenant_atomic(alice.access.tenant_id):
        set_masking_policy(access=alice.access, rules=MaskingRules(emails=True))
    one = talk(alice)
    one.say("Who is ann@acme.example?", "A colleague.")
    one.go_on(8)
    one.summarise()
    assert "ann@acme.example" not in str(model.requests[-1])
    assert f"Who is {'•' * 16}?" in str(model.requests[-1])


@pytest.mark.usefixtures("quoting")
def test_it_goes_with_its_conversation(alice: Person) -> None:
    one = talk(alice, turns=9)
    one.summarise()
    assert alice.api.patch(one.path, {"memory_turns": 4}).status_code == 200
    assert Job.objects.filter(kind="conversations.summarise").count() == 1
    delete_for_good(alice, str(one.id))
    with tenant_atomic(alice.access.tenant_id):
        assert (Summary.objects.count(), Job.objects.filter(kind="conversations.summarise").count()) == (0, 0)
