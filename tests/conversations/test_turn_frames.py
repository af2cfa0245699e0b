"""Regenerate, edit and continue over the conversation's socket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from conversations.rendering import render_blocks
from tests.conversations.doors import Api, receive, receive_until, send
from tests.conversations.test_sockets import refused
from tests.conversations.test_turns import FIRST, OTHER, REST, ask, cut, listed
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)


def frames_about(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A frame of each kind about an answer, or its question."""
    return {
        "regenerate": {"type": "regenerate", "message": answer["id"]},
        "edit": {"type": "edit", "message": answer["parent"], "content": OTHER},
        "continue": {"type": "continue", "message": answer["id"]},
    }


@pytest.mark.parametrize("cookie", [False, True])
@pytest.mark.parametrize("kind", ["regenerate", "edit", "continue"])
def test_a_frame_has_the_turn_accepted_and_told(
    api: Api, ollama: OllamaStandIn, kind: str, *, cookie: bool
) -> None:
    conversation = api.conversation()
    answer = cut(api, ollama, conversation)
    ollama.script(Reply(text=REST))
    with api.socket(conversation, cookie=cookie) as socket:
        send(socket, **frames_about(answer)[kind], request_id="turn")
        accepted = receive(socket)
        events = receive_until(socket, "finished", "failed")
    assert set(accepted) == {"type", "request_id", "question", "message"}
    assert (accepted["type"], accepted["request_id"]) == ("accepted", "turn")
    assert (accepted["message"] == answer["id"]) is (kind == "continue")
    assert (accepted["question"] == answer["parent"]) is (kind != "edit")
    stored = api.message(accepted["message"])
    assert (stored["parent"], stored["status"]) == (accepted["question"], "finished")
    before = FIRST if kind == "continue" else ""
    assert stored["content"] == before + REST
    assert events[-1]["type"] == "finished"
    if cookie:
        blocks = {event["index"]: event["html"] for event in events if event["type"] == "block"}
        chips = {one["marker"]: one["url"].removeprefix(api.server.url) for one in stored["citations"]}
        assert blocks == dict(enumerate(render_blocks(before + REST, chips)))
    else:
        deltas = [event for event in events if event["type"] == "delta"]
        assert deltas[0]["offset"] == len(before)
        assert "".join(event["text"] for event in deltas) == REST


@pytest.mark.parametrize("kind", ["regenerate", "edit", "continue"])
def test_the_same_request_does_it_once(api: Api, ollama: OllamaStandIn, kind: str) -> None:
    conversation = api.conversation()
    answer = cut(api, ollama, conversation)
    frame = {**frames_about(answer)[kind], "request_id": "once"}
    ollama.script(Reply(text=REST, tokens_per_second=20, done_reason="length"))

    def do(_: int) -> list[dict[str, Any]]:
        with api.socket(conversation) as socket:
            send(socket, **frame)
            return receive_until(socket, "finished", "failed")

    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(do, range(3)))
    told.append(do(0))
    assert {events[-1]["type"] for events in told} == {"finished"}
    assert len({(events[0]["question"], events[0]["message"]) for events in told}) == 1
    for events in told:
        assert "".join(event["text"] for event in events if event["type"] == "delta") == REST
    assert len(ollama.requests) == 2
    assert len(listed(api, conversation)) == {"regenerate": 3, "edit": 4, "continue": 2}[kind]


def test_what_a_frame_may_not_do_is_refused_and_the_socket_stays(
    api: Api, bob: Person, ollama: OllamaStandIn
) -> None:
    conversation, elsewhere = api.conversation(), api.conversation()
    answer = cut(api, ollama, conversation)
    theirs = cut(api, ollama, elsewhere)
    foreign = Api(api.server, bob)
    bobs = cut(foreign, ollama, foreign.conversation())
    whole = ask(api, conversation, OTHER)
    asked = len(ollama.requests)
    with api.socket(conversation) as socket:
        for about in (theirs, bobs, {"id": str(uuid4()), "parent": str(uuid4())}, {"id": "x", "parent": "x"}):
            for frame in frames_about(about).values():
                assert refused(socket, frame)[0] == "not_found", frame
        for frame, code in (
            ({"type": "edit", "message": answer["parent"]}, "required"),
            ({"type": "edit", "message": answer["parent"], "content": " "}, "required"),
            ({"type": "edit", "message": answer["parent"], "content": "x\0"}, "null_characters_not_allowed"),
            ({"type": "edit", "message": answer["id"], "content": "x"}, "not_found"),
            ({"type": "regenerate", "message": answer["parent"]}, "not_found"),
            ({"type": "regenerate", "message": answer["id"], "content": "x"}, "unknown_field"),
            ({"type": "regenerate", "message": answer["id"], "model": 7}, "invalid"),
            ({"type": "regenerate", "message": answer["id"], "request_id": "x" * 65}, "invalid"),
            ({"type": "continue", "message": whole["id"]}, "not_cut"),
        ):
            assert refused(socket, frame)[0] == code, frame
        send(socket, type="ask", content=OTHER, request_id="taken")
        assert receive_until(socket, "finished", "failed")[-1]["type"] == "finished"
        for kind in ("regenerate", "edit"):
            assert refused(socket, {**frames_about(answer)[kind], "request_id": "taken"})[0] == "request_id_reused"
        api.post(f"/conversations/{conversation}/end/")
        for frame in frames_about(answer).values():
            assert refused(socket, frame)[0] == "conversation_ended"
    assert len(ollama.requests) == asked + 1
