"""Regenerate, edit, continue and branches, over REST."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.people import Person
from tests.refusals import pointers, refusal
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
OTHER = "How much notice does a full-time employee have to give?"
FIRST = "Each full-time employee has twenty-eight days of paid holiday [1], "
REST = "as the handbook says [1]."


def ask(api: Api, conversation: str, question: str = QUESTION, **fields: Any) -> dict[str, Any]:
    response = api.post(f"/conversations/{conversation}/messages/", json={"content": question, **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def turn(api: Api, message: str, what: str, **body: Any) -> dict[str, Any]:
    """Another answer, an edited question's, or the same one gone on with."""
    response = api.post(f"/messages/{message}/{what}/", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


def listed(api: Api, conversation: str, leaf: str = "") -> list[str]:
    path = f"/conversations/{conversation}/messages/"
    return [one["id"] for one in api.get(path, params={"leaf": leaf} if leaf else {}).json()["results"]]


def leaf_of(api: Api, conversation: str) -> str | None:
    found: str | None = api.get(f"/conversations/{conversation}/").json()["leaf"]
    return found


def place(number: int, count: int, previous: str | None = None, following: str | None = None) -> dict[str, Any]:
    return {"number": number, "count": count, "previous": previous, "next": following}


def cut(api: Api, ollama: OllamaStandIn, conversation: str) -> dict[str, Any]:
    """An answer that came to its length limit."""
    ollama.script(Reply(text=FIRST, done_reason="length"))
    answer = ask(api, conversation)
    assert (answer["status"], answer["finish_reason"], answer["content"]) == ("finished", "length", FIRST)
    return answer


def told(ollama: OllamaStandIn) -> list[tuple[str, str]]:
    return [(one["role"], one["content"]) for one in ollama.requests[-1]["messages"]]


def test_a_question_follows_the_last_answer_of_the_branch_that_one_is_at(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    assert leaf_of(api, conversation) is None
    first = ask(api, conversation)
    second = ask(api, conversation, OTHER)
    assert leaf_of(api, conversation) == second["id"]
    assert api.message(first["parent"])["parent"] is None
    assert api.message(second["parent"])["parent"] == first["id"]
    # Beside the second question, because it is asked of the first answer.
    third = ask(api, conversation, "Are night trains refunded?", parent=first["id"])
    assert api.message(second["parent"])["siblings"] == place(1, 2, None, third["parent"])
    assert api.message(third["parent"])["siblings"] == place(2, 2, second["parent"])
    fourth = ask(api, conversation, OTHER)
    assert api.message(fourth["parent"])["parent"] == third["id"]
    everything = [
        message for answer in (first, second, third, fourth) for message in (answer["parent"], answer["id"])
    ]
    assert listed(api, conversation) == everything
    branch = [message for answer in (first, third, fourth) for message in (answer["parent"], answer["id"])]
    assert listed(api, conversation, fourth["id"]) == branch
    assert listed(api, conversation, second["parent"]) == everything[:3]
    question_as_parent = {"content": QUESTION, "parent": first["parent"]}
    response = api.post(f"/conversations/{conversation}/messages/", json=question_as_parent)
    assert pointers(response) == [("/parent", "no_answer")]


def test_the_model_is_told_what_was_said_on_the_way_and_nothing_of_other_branches(
    api: Api, ollama: OllamaStandIn
) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text="The first answer [1]."), Reply(text="The second answer [1]."))
    first = ask(api, conversation)
    ask(api, conversation, OTHER)
    ollama.script(Reply(text="The other first answer [1]."))
    other = turn(api, first["id"], "regenerate")
    assert "The first answer" not in str(told(ollama)), "it is not told of itself"
    ask(api, conversation, "Are night trains refunded like any other connection?")
    assert [text for role, text in told(ollama) if role != "system"][:-1] == [
        QUESTION,
        "The other first answer [1].",
    ]
    ask(api, conversation, "Is the receipt of a night train to be kept?", parent=first["id"])
    assert [text for role, text in told(ollama) if role != "system"][:-1] == [QUESTION, "The first answer [1]."]
    recalled = ask(api, conversation, "Please summarise our conversation.", parent=other["id"])
    assert "The other first answer" in str(told(ollama))
    assert "The second answer" not in str(told(ollama))
    assert recalled["status"] == "finished"


def test_regenerating_gives_another_answer_beside_the_first(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text="One [1]."), Reply(text="Two [1]."), Reply(text="Three [1]."))
    first = ask(api, conversation)
    second = turn(api, first["id"], "regenerate")
    third = turn(api, first["id"], "regenerate", model="")
    assert [one["content"] for one in (first, second, third)] == ["One [1].", "Two [1].", "Three [1]."]
    assert {one["parent"] for one in (first, second, third)} == {first["parent"]}
    assert api.message(first["id"])["siblings"] == place(1, 3, None, second["id"])
    assert api.message(second["id"])["siblings"] == place(2, 3, first["id"], third["id"])
    assert third["siblings"] == place(3, 3, second["id"])
    assert leaf_of(api, conversation) == third["id"]
    assert listed(api, conversation, first["id"]) == [first["parent"], first["id"]]


def test_editing_asks_otherwise_and_keeps_the_old_branch(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    first = ask(api, conversation)
    second = ask(api, conversation, OTHER)
    edited = turn(api, second["parent"], "edit", content="Are night trains refunded?")
    question = api.message(edited["parent"])
    assert (question["content"], question["parent"]) == ("Are night trains refunded?", first["id"])
    assert question["siblings"] == place(2, 2, second["parent"])
    begun_anew = turn(api, first["parent"], "edit", content=OTHER)
    assert api.message(begun_anew["parent"])["parent"] is None
    assert leaf_of(api, conversation) == begun_anew["id"]
    assert listed(api, conversation, begun_anew["id"]) == [begun_anew["parent"], begun_anew["id"]]
    assert listed(api, conversation, second["id"]) == [
        first["parent"],
        first["id"],
        second["parent"],
        second["id"],
    ]
    for body, wrong in (
        ({"content": " "}, ("/content", "required")),
        ({}, ("/content", "required")),
        ({"content": OTHER, "parent": first["id"]}, ("/parent", "unknown_field")),
    ):
        assert pointers(api.post(f"/messages/{first['parent']}/edit/", json=body)) == [wrong]
    assert refusal(api.post(f"/messages/{first['id']}/edit/", json={"content": OTHER}))[0] == 404


def test_the_branch_that_one_is_at_can_be_changed(api: Api, bob: Person, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    first = ask(api, conversation)
    below = ask(api, conversation, OTHER)
    second = turn(api, first["id"], "regenerate")
    path = f"/api/v1/conversations/{conversation}/"
    updated_at = api.get(f"/conversations/{conversation}/").json()["updated_at"]
    for wanted, leaf in ((first["id"], below["id"]), (second["id"], second["id"]), (below["parent"], below["id"])):
        changed = api.person.api.patch(path, {"leaf": wanted})
        assert (changed.status_code, changed.json()["leaf"]) == (200, leaf)
        assert changed.json()["updated_at"] == updated_at
    assert api.message(ask(api, conversation, OTHER)["parent"])["parent"] == below["id"]
    foreign = Api(api.server, bob)
    for unseen in (str(uuid4()), ask(foreign, foreign.conversation())["id"]):
        assert pointers(api.person.api.patch(path, {"leaf": unseen})) == [("/leaf", "unknown_id")]
        response = api.get(f"/conversations/{conversation}/messages/", params={"leaf": unseen})
        assert pointers(response) == [("/leaf", "unknown_id")]


def test_a_cut_answer_goes_on_in_the_same_message(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    answer = cut(api, ollama, conversation)
    ollama.script(Reply(text=REST))
    whole = turn(api, answer["id"], "continue")
    assert whole["id"] == answer["id"]
    assert (whole["content"], whole["status"], whole["finish_reason"]) == (FIRST + REST, "finished", "stop")
    assert told(ollama)[-2] == ("assistant", FIRST)
    assert "<passage" in told(ollama)[-3][1], "what it was written from"
    assert [(one["marker"], one["text"]) for one in whole["sources"]] == [
        (one["marker"], one["text"]) for one in answer["sources"]
    ]
    assert {one["marker"] for one in whole["citations"]} == {1}
    assert whole["usage"]["completion_tokens"] > answer["usage"]["completion_tokens"]
    assert whole["timings"]["total"] > answer["timings"]["total"]
    assert len(listed(api, conversation)) == 2
    events = api.follow(answer["id"], offset=len(FIRST))
    assert [one["text"] for one in events if one["type"] == "delta"] == [REST]


def test_citations_are_checked_over_the_whole_text(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text="Each full-time employee has twenty-eight days of", done_reason="length"))
    answer = ask(api, conversation)
    assert answer["citations"] == []
    ollama.script(Reply(text="paid holiday a year [1]. And wings [9]."))
    whole = turn(api, answer["id"], "continue")
    assert (
        whole["content"] == "Each full-time employee has twenty-eight days of paid holiday a year [1]. And wings ."
    )
    assert [one["marker"] for one in whole["citations"]] == [1]


def test_an_answer_that_was_stopped_goes_on_and_one_without_words_begins_anew(
    api: Api, ollama: OllamaStandIn
) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text=FIRST + REST, fault="hang", fault_after=4))
    message = api.begin(QUESTION, conversation)
    wait_for("a part is stored", lambda: api.message(message)["content"])
    stopped = api.post(f"/messages/{message}/stop/").json()
    assert stopped["status"] == "stopped"
    ollama.script(Reply(text="eight whole days."))
    whole = turn(api, message, "continue")
    assert whole["content"] == f"{stopped['content']}eight whole days."
    assert (whole["status"], whole["finish_reason"], whole["error"]) == ("finished", "stop", None)

    ollama.script(Reply(fault="hang"))
    silent = api.begin(OTHER, conversation)
    assert ollama.wait_requests(5, count=3)
    assert api.post(f"/messages/{silent}/stop/").json()["content"] == ""
    ollama.script(Reply(text="A month [1]."))
    whole = turn(api, silent, "continue")
    assert (whole["content"], whole["status"]) == ("A month [1].", "finished")
    assert "assistant" not in [role for role, _ in told(ollama)[-1:]]
    assert whole["sources"]


def test_a_model_that_finds_nothing_missing_ends_the_answer(api: Api, ollama: OllamaStandIn) -> None:
    answer = cut(api, ollama, api.conversation())
    ollama.script(Reply(text=""))
    whole = turn(api, answer["id"], "continue")
    assert (whole["content"], whole["status"], whole["finish_reason"]) == (FIRST, "finished", "stop")


def test_what_fails_while_it_goes_on_keeps_the_first_part_and_may_be_tried_again(
    api: Api, ollama: OllamaStandIn
) -> None:
    answer = cut(api, ollama, api.conversation())
    ollama.script(Reply(text=REST, fault="cut", fault_after=2))
    broken = turn(api, answer["id"], "continue")
    assert (broken["status"], broken["error"]["code"]) == ("failed", "model_incomplete")
    assert broken["content"] == f"{FIRST}as the "
    ollama.script(Reply(text="handbook says [1]."))
    assert turn(api, answer["id"], "continue")["content"] == FIRST + REST


def test_what_cannot_go_on_says_so(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    whole = ask(api, conversation)
    unanswerable = "Which glacier did Zorblatt ski down with Quimby?"
    refused = ask(api, conversation, unanswerable)
    assert refused["status"] == "refused"
    for answer in (whole, refused):
        status, body = refusal(api.post(f"/messages/{answer['id']}/continue/"))
        assert (status, body["code"]) == (409, "not_cut")
    ollama.script(Reply(text=FIRST * 50, tokens_per_second=20))
    running = api.begin(QUESTION, conversation)
    question = api.message(running)["parent"]
    for path, body in (
        (f"/messages/{running}/continue/", {}),
        (f"/messages/{running}/regenerate/", {}),
        (f"/messages/{question}/edit/", {"content": OTHER}),
    ):
        status, said = refusal(api.post(path, json=body))
        assert (status, said["code"]) == (409, "still_running"), path
    assert api.post(f"/messages/{running}/stop/").status_code == 200
    api.post(f"/conversations/{conversation}/end/")
    for path, body in (
        (f"/messages/{running}/continue/", {}),
        (f"/messages/{running}/regenerate/", {}),
        (f"/messages/{question}/edit/", {"content": OTHER}),
    ):
        status, said = refusal(api.post(path, json=body))
        assert (status, said["code"]) == (409, "conversation_ended"), path
    assert len(listed(api, conversation)) == 6


def test_quotations_do_not_go_on(api: Api) -> None:
    """Without a language model."""
    answer = ask(api, api.conversation())
    status, body = refusal(api.post(f"/messages/{answer['id']}/continue/"))
    assert (status, body["code"]) == (409, "not_cut")
    assert turn(api, answer["id"], "regenerate")["content"] == answer["content"]


@pytest.mark.parametrize("what", ["regenerate", "edit", "continue"])
def test_turns_stream_come_later_and_are_repeated_as_questions_are(
    api: Api, ollama: OllamaStandIn, what: str
) -> None:
    conversation = api.conversation()
    answer = cut(api, ollama, conversation)
    path = f"/messages/{answer['parent' if what == 'edit' else 'id']}/{what}/"
    body = {"content": OTHER} if what == "edit" else {}
    before = FIRST if what == "continue" else ""

    ollama.script(Reply(text=REST, done_reason="length"))
    with api.stream("POST", path, json=body) as stream:
        events = list(stream)
    assert "".join(one["text"] for one in events if one["type"] == "delta") == REST
    assert next(one["offset"] for one in events if one["type"] == "delta") == len(before)
    assert (events[-1]["type"], events[-1]["finish_reason"]) == ("finished", "length")
    assert api.message(events[-1]["message"])["content"] == before + REST

    ollama.script(Reply(text=" Later.", done_reason="length"))
    later = api.post(path, json=body, headers={"Prefer": "respond-async"})
    assert later.status_code == 202
    assert api.follow(later.json()["message"])[-1]["type"] == "finished"

    ollama.script(Reply(text=" Once.", done_reason="length"))
    headers = {"Idempotency-Key": f"once-{what}"}
    with ThreadPoolExecutor(3) as pool:
        sent = [pool.submit(api.post, path, json=body, headers=headers) for _ in range(3)]
        answers = [one.result() for one in sent]
    assert [one.status_code for one in answers] == [201] * 3
    assert len({one.json()["id"] for one in answers}) == 1
    assert sorted("Idempotency-Replayed" in one.headers for one in answers) == [False, True, True]
    assert len(ollama.requests) == 4


def test_missing_and_foreign_turns_are_the_same_404(
    api: Api, bob: Person, charlie: Person, ollama: OllamaStandIn
) -> None:
    answer = cut(api, ollama, api.conversation())
    for person in (bob, charlie):
        other = Api(api.server, person)
        for what, message in (
            ("regenerate", answer["id"]),
            ("edit", answer["parent"]),
            ("continue", answer["id"]),
        ):
            body = {"content": OTHER} if what == "edit" else {}
            foreign = other.post(f"/messages/{message}/{what}/", json=body)
            missing = other.post(f"/messages/{uuid4()}/{what}/", json=body)
            assert refusal(foreign) == refusal(missing)
            assert foreign.status_code == 404
    assert len(ollama.requests) == 1
