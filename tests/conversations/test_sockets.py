"""The conversation's WebSocket: what it refuses, what it resumes, what it never does twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus

from conversations.rendering import render_blocks
from tests.conversations.doors import Api, by_socket, receive, receive_until, send
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
ANSWER = "🏖️ Each full-time employee has twenty-eight days of paid holiday [1]. Fe\u0301licitations!"


def refused(socket: Any, frame: str | dict[str, Any]) -> tuple[str, str | None]:
    """Code of the refusal of one frame, and the request that it names."""
    socket.send(frame if isinstance(frame, str) else json.dumps(frame))
    event = receive(socket)
    assert set(event) == {"type", "request_id", "message", "code", "detail", "retryable"}
    assert (event["type"], event["message"], event["retryable"]) == ("failed", None, False)
    return event["code"], event["request_id"]


def test_a_frame_that_is_refused_leaves_the_socket_open(api: Api) -> None:
    conversation = api.conversation()
    with api.socket(conversation) as socket:
        for frame, code in (
            ("no JSON", "malformed"),
            ("[1]", "malformed"),
            ("[" * 30_000, "malformed"),
            ('{"type": "ask", "content": "' + "x" * 70_000 + '"}', "frame_too_large"),
            ({}, "unknown_type"),
            ({"type": "rule"}, "unknown_type"),
            ({"type": "ask"}, "required"),
            ({"type": "ask", "content": " "}, "required"),
            ({"type": "ask", "content": "x" * 40_000}, "question_too_long"),
            ({"type": "ask", "content": "x", "persona": "p"}, "unknown_field"),
            ({"type": "ask", "content": "x", "parent": str(uuid4())}, "unknown_id"),
            ({"type": "ask", "content": "x", "documents": [str(uuid4())]}, "unknown_id"),
            ({"type": "ask", "content": "x", "collections": "all"}, "invalid"),
            ({"type": "ask", "content": "x", "request_id": 7}, "invalid"),
            ({"type": "ask", "content": "x", "model": 7}, "invalid"),
            ({"type": "ask", "content": "x", "model": "none"}, "unknown_model"),
            ({"type": "stop", "message": str(uuid4())}, "not_found"),
            ({"type": "stop", "message": "x"}, "not_found"),
            ({"type": "resume", "message": str(uuid4()), "offset": 0}, "not_found"),
            ({"type": "resume", "message": str(uuid4()), "offset": -1}, "invalid"),
        ):
            assert refused(socket, frame)[0] == code, frame
        assert refused(socket, {"type": "ask", "content": "", "request_id": "mine"}) == ("required", "mine")
        send(socket, type="ask", content=QUESTION)
        assert receive_until(socket, "finished", "failed")[-1]["type"] == "finished"
    assert len(api.get(f"/conversations/{conversation}/messages/").json()["results"]) == 2


def test_the_same_request_asks_once(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text=ANSWER, tokens_per_second=40))

    def ask(_: int) -> list[dict[str, Any]]:
        with api.socket(conversation) as socket:
            send(socket, type="ask", request_id="once", content=QUESTION)
            return receive_until(socket, "finished", "failed")

    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(ask, range(3)))
    told.append(ask(0))
    accepted = {(events[0]["request_id"], events[0]["question"], events[0]["message"]) for events in told}
    assert len(accepted) == 1
    for events in told:
        assert "".join(event["text"] for event in events if event["type"] == "delta") == ANSWER
    assert len(ollama.requests) == 1
    assert len(api.get(f"/conversations/{conversation}/messages/").json()["results"]) == 2
    # In another conversation the same name is another request.
    with api.socket(api.conversation()) as socket:
        send(socket, type="ask", request_id="once", content=QUESTION)
        assert receive(socket)["message"] not in {message for _, _, message in accepted}


def test_resuming_gives_the_rest_and_past_the_end_is_refused(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER))
    message = by_socket(api, QUESTION).message
    with api.socket(message["conversation"]) as socket:
        send(socket, type="resume", message=message["id"], offset=3)
        events = receive_until(socket, "finished", "failed")
        assert [event["type"] for event in events] == ["status", "sources", "delta", "finished"]
        assert (events[2]["offset"], events[2]["text"]) == (3, ANSWER[3:])
        assert events[-1]["citations"] == message["citations"]
        frame = {"type": "resume", "message": message["id"], "offset": len(ANSWER) + 1}
        assert refused(socket, frame) == ("offset_past_end", None)
    with api.socket(api.conversation()) as elsewhere:
        assert refused(elsewhere, {"type": "resume", "message": message["id"]}) == ("not_found", None)


def test_a_page_that_resumes_gets_all_blocks_anew(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=f"{ANSWER}\n\n- one\n- two"))
    message = by_socket(api, QUESTION).message
    with api.socket(message["conversation"], cookie=True) as socket:
        send(socket, type="resume", message=message["id"], offset=0)
        events = receive_until(socket, "finished", "failed")
    blocks = {event["index"]: event["html"] for event in events if event["type"] == "block"}
    chips = {one["marker"]: one["url"].removeprefix(api.server.url) for one in message["citations"]}
    assert blocks == dict(enumerate(render_blocks(message["content"], chips)))
    assert len(blocks) == 2


def test_the_first_question_names_the_conversation(api: Api) -> None:
    conversation = api.conversation()
    with api.socket(conversation) as socket:
        send(socket, type="ask", content=f"{QUESTION}  Please answer\nin one sentence.")
        title = next(event for event in receive_until(socket, "title") if event["type"] == "title")
    assert (title["conversation"], title["title"]) == (
        conversation,
        "How many days of paid holiday does a full-time employee…",
    )
    assert api.get(f"/conversations/{conversation}/").json()["title"] == title["title"]


def test_a_socket_opens_only_to_its_author(api: Api, bob: Person, charlie: Person) -> None:
    conversation = api.conversation()
    for person, slug in ((bob, "acme"), (charlie, "acme"), (charlie, "globex")):
        stranger = Person(person.user, slug, person.token)
        for cookie in (False, True):
            with (
                pytest.raises(InvalidStatus) as refusal,
                Api(api.server, stranger).socket(conversation, cookie=cookie),
            ):
                pass
            assert refusal.value.response.status_code == 403
