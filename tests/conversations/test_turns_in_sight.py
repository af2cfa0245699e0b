"""Along every branch the sight of today decides what a model is told, of the answer that goes on too."""

from __future__ import annotations

import pytest

from tests.conversations.doors import Api
from tests.conversations.test_memory import TRAIN_QUESTION, api
from tests.conversations.test_sight import QUESTION, Shelf, shelf
from tests.conversations.test_turns import ask, turn
from tests.refusals import refusal
from tests.standins.ollama import OllamaStandIn, Reply

__all__ = ["api", "shelf"]

pytestmark = pytest.mark.django_db(transaction=True)


def everything_told(ollama: OllamaStandIn) -> str:
    return str([[turn["content"] for turn in body["messages"]] for body in ollama.requests])


def test_L6_no_branch_tells_a_model_what_is_out_of_sight(api: Api, shelf: Shelf, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text="Twenty-eight, as the salaries say [1]."), Reply(text="Trains: yes [1]."))
    first = ask(api, conversation, QUESTION)
    second = ask(api, conversation, TRAIN_QUESTION)
    assert "as the salaries say" in everything_told(ollama)

    shelf.open_to()
    ollama.requests.clear()
    assert turn(api, second["id"], "regenerate")["status"] == "finished"
    edited = turn(api, second["parent"], "edit", content=f"{TRAIN_QUESTION} Really?")
    assert edited["status"] == "finished"
    below = ask(api, conversation, TRAIN_QUESTION, parent=first["id"])
    assert below["status"] == "finished"
    assert len(ollama.requests) == 3
    assert "as the salaries say" not in everything_told(ollama)
    assert QUESTION in everything_told(ollama), "the person's own words"


def test_L6_an_answer_whose_sources_are_out_of_sight_does_not_go_on(
    api: Api, shelf: Shelf, ollama: OllamaStandIn
) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text="Twenty-eight, as the salaries say [1], ", done_reason="length"))
    answer = ask(api, conversation, QUESTION)
    ollama.script(Reply(text="Resting on that, trains too, ", done_reason="length"))
    resting = ask(api, conversation, TRAIN_QUESTION)
    shelf.open_to()
    asked = len(ollama.requests)
    for message in (answer["id"], resting["id"]):
        status, body = refusal(api.post(f"/messages/{message}/continue/"))
        assert (status, body["code"]) == (409, "sources_gone")
    assert len(ollama.requests) == asked
    assert api.message(answer["id"])["content"] == answer["content"]

    shelf.open_to(api.person)
    ollama.script(Reply(text="and that is all."))
    assert turn(api, answer["id"], "continue")["status"] == "finished"
    assert shelf.owner.api.delete(f"/api/v1/documents/{shelf.document}/").status_code == 204
    assert refusal(api.post(f"/messages/{resting['id']}/continue/"))[1]["code"] == "sources_gone"
