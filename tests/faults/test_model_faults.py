"""A model server that hangs, breaks off or talks nonsense: every door comes to a clear end, none to a lie.

The promises carry their numbers: F18, F19 and F21 to F23. Times: see `tests.faults.times`.
"""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.config.polling import wait_for
from tests.conversations.doors import DOORS, Api, Told, at_every_door, by_socket, check_consistent
from tests.environment import Environment
from tests.faults.times import scaled
from tests.processes import web_server
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
ANSWER = "Every full-time employee has twenty-eight days of paid holiday a year [1]. That is généreux 🏖️."
_FIRST_WORDS = "Every full-time employee "
_ATTEMPTS = 3  # a status that passes is tried again twice


def asked(api: Api, ollama: OllamaStandIn, reply: Reply, *, times: int = 1) -> dict[str, Told]:
    """The same fault at every door."""
    ollama.script(reply, times=len(DOORS) * times)
    told = at_every_door(api, QUESTION)
    for one in told.values():
        check_consistent(one)
    assert len(ollama.requests) == len(DOORS) * times, told
    assert ollama.wait_idle(1), "an answer is still being sent to nobody"
    return told


def ends(told: dict[str, Told]) -> set[tuple[Any, ...]]:
    """How the replies ended, each way once."""
    return {
        (one.message["status"], (one.message["error"] or {}).get("code"), one.message["content"])
        for one in told.values()
    }


def test_F18_a_model_that_never_begins_is_told_of_and_then_given_up(api: Api, ollama: OllamaStandIn) -> None:
    begun = time.monotonic()
    told = asked(api, ollama, Reply(fault="hang"))
    assert scaled(60) - 1 < time.monotonic() - begun < scaled(60) + 6
    assert ends(told) == {("failed", "model_timeout", "")}
    for door in ("sse", "resumed", "socket", "page"):
        stages = [event for event in told[door].events if event["type"] == "status"]
        assert [(one["stage"], "not begun" in one["detail"]) for one in stages][-2:] == [
            ("writing", False),
            ("writing", True),
        ]
    # Nothing is left behind: the next question is answered.
    assert by_socket(api, QUESTION).message["status"] == "finished"


def test_F18_the_notice_comes_at_a_sixth_of_the_time(api: Api, ollama: OllamaStandIn) -> None:
    # A second after the question; the model begins later still, and then all is well.
    ollama.script(Reply(text=ANSWER, first_token_after=scaled(25)))
    path = f"/conversations/{api.conversation()}/messages/"
    begun = time.monotonic()
    with api.stream("POST", path, json={"content": QUESTION}) as events:
        notice = next(
            event for event in events if event["type"] == "delta" or "not begun" in event.get("detail", "")
        )
        assert notice["type"] == "status"
        assert time.monotonic() - begun > scaled(10) - 0.1
        assert list(events)[-1]["type"] == "finished"


def test_F19_a_model_that_falls_silent_leaves_its_text_and_an_error(api: Api, ollama: OllamaStandIn) -> None:
    told = asked(api, ollama, Reply(text=ANSWER, fault="hang", fault_after=3))
    assert ends(told) == {("failed", "model_timeout", _FIRST_WORDS)}
    assert told["page"].blocks == ["<p>Every full-time employee</p>\n"]


@pytest.mark.parametrize("fault", ["cut", "close", "reset"])
def test_F21_a_stream_that_ends_early_is_never_a_whole_answer(api: Api, ollama: OllamaStandIn, fault: Any) -> None:
    told = asked(api, ollama, Reply(text=ANSWER, fault=fault, fault_after=3))
    statuses = {(status, code) for status, code, _ in ends(told)}
    assert statuses == {("failed", "model_incomplete")}
    # A reset may overtake the words before it; what came is a beginning of the answer.
    assert all(_FIRST_WORDS.startswith(text) for _, _, text in ends(told))
    if fault == "cut":
        assert ends(told) == {("failed", "model_incomplete", _FIRST_WORDS)}


@pytest.mark.parametrize("fault_after", [0, 3])
def test_F22_an_error_in_the_stream_is_shown_as_one(api: Api, ollama: OllamaStandIn, fault_after: int) -> None:
    told = asked(api, ollama, Reply(text=ANSWER, fault="error", fault_after=fault_after))
    assert ends(told) == {("failed", "model_error", _FIRST_WORDS if fault_after else "")}
    assert not any("10.0.0.7" in str(one) for one in told.values()), "the server's words stay inside"


@pytest.mark.parametrize("fault", ["garbage", "huge_line"])
def test_F23_a_bad_line_breaks_the_answer_and_nothing_else(api: Api, ollama: OllamaStandIn, fault: Any) -> None:
    told = asked(api, ollama, Reply(text=ANSWER, fault=fault, fault_after=3))
    assert ends(told) == {("failed", "model_error", _FIRST_WORDS)}
    api.server.require_life()


@pytest.mark.parametrize("framing", ["bom", "crlf", "blank_lines", "split_utf8", "no_final_newline"])
def test_F23_harmless_oddities_are_read_over(api: Api, ollama: OllamaStandIn, framing: Any) -> None:
    ollama.script(Reply(text=ANSWER, framing=framing))
    told = by_socket(api, QUESTION)
    check_consistent(told)
    assert (told.message["status"], told.message["content"]) == ("finished", ANSWER)


def test_a_server_that_fails_each_time_is_a_failed_reply(api: Api, ollama: OllamaStandIn) -> None:
    told = asked(api, ollama, Reply(status=500), times=_ATTEMPTS)
    assert ends(told) == {("failed", "model_error", "")}


def test_a_configured_server_that_is_away_is_a_failure_until_it_is_back(
    api: Api, run_environment: Environment, logs: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    variables = {**run_environment.variables, "OLLAMA_HOST": f"127.0.0.1:{port}"}
    with web_server(variables, logs / "web-away.log") as running:
        waiting = Api(running, api.person)
        told = at_every_door(waiting, QUESTION)
        for one in told.values():
            check_consistent(one)
        assert ends(told) == {("failed", "model_unreachable", "")}
        with OllamaStandIn(port=port):
            assert by_socket(waiting, QUESTION).message["status"] == "finished"


def test_F20_a_server_that_fails_and_fails_is_left_alone_and_asked_again(
    api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    variables = {**run_environment.variables, "OLLAMA_HOST": ollama.url, "DOCENT_MODEL_REST": "2"}
    with web_server(variables, logs / "web-resting.log") as running:
        resting = Api(running, api.person)
        ollama.script(Reply(fault="cut"), times=5)
        for _ in range(5):
            assert by_socket(resting, QUESTION).message["error"]["code"] == "model_incomplete"
        told = by_socket(resting, QUESTION).message
        assert told["status"] == "failed"
        assert "is left alone; try again in" in told["error"]["detail"]
        assert len(ollama.requests) == 5

        def is_answered() -> bool:
            return bool(by_socket(resting, QUESTION).message["status"] == "finished")

        wait_for("the server is asked again", is_answered, within=10)


def test_a_server_that_recovers_answers_as_if_nothing_had_been(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(status=503), Reply(text=ANSWER))
    told = by_socket(api, QUESTION)
    assert (told.message["status"], told.message["content"]) == ("finished", ANSWER)


@pytest.mark.parametrize("text", ["", " \n ", "[9]", "[9] [10, 11]"])
def test_an_answer_of_nothing_is_a_failure(api: Api, ollama: OllamaStandIn, text: str) -> None:
    told = asked(api, ollama, Reply(text=text))
    assert {(status, code) for status, code, _ in ends(told)} == {("failed", "model_empty")}
    assert {one.message["content"].strip() for one in told.values()} == {""}


def test_invented_markers_are_gone_before_they_are_shown(api: Api, ollama: OllamaStandIn) -> None:
    told = asked(
        api, ollama, Reply(text="Employees have twenty-eight days of paid holiday [1, 17]. Really [99]. [12")
    )
    shown = "Employees have twenty-eight days of paid holiday [1]. Really . [12"
    assert ends(told) == {("finished", None, shown)}
    for one in told.values():
        assert [citation["marker"] for citation in one.message["citations"]] == [1]
    blocks = [event["html"] for event in told["page"].events if event["type"] == "block"]
    words = [re.sub(r"<[^>]*>", "", html) for html in blocks]  # ids in addresses hold any digits
    assert not any("99" in text or "17" in text for text in words)


def test_what_is_cut_at_the_models_limit_says_so(api: Api, ollama: OllamaStandIn) -> None:
    told = asked(api, ollama, Reply(text=ANSWER, done_reason="length"))
    assert ends(told) == {("finished", None, ANSWER)}
    assert {one.message["finish_reason"] for one in told.values()} == {"length"}
