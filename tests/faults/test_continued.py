"""F4 for an answer that is gone on with: whatever dies meanwhile, what it had before is kept."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.conversations.test_turns import FIRST, cut, turn
from tests.environment import Environment
from tests.faults.test_readers_and_stops import STOPPED_WITHIN, finished
from tests.processes import web_server
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

ENDLESS = Reply(text="and more and more " * 500, tokens_per_second=20)


def go_on_async(api: Api, message: str) -> None:
    response = api.post(f"/messages/{message}/continue/", headers={"Prefer": "respond-async"})
    assert (response.status_code, response.json()["message"]) == (202, message)


def test_F4_a_process_that_dies_while_an_answer_goes_on_leaves_what_there_was(
    api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    answer = cut(api, ollama, api.conversation())
    variables = {**run_environment.variables, "OLLAMA_HOST": ollama.url}
    with web_server(variables, logs / "web-continued.log") as dying:
        ollama.script(ENDLESS)
        go_on_async(Api(dying, api.person), answer["id"])
        with api.stream("GET", f"/messages/{answer['id']}/events/?offset={len(FIRST)}") as events:
            first = next(one for one in events if one["type"] == "delta")
            assert first["offset"] == len(FIRST), "a reader at another process has the first part already"
            os.kill(dying.process.pid, signal.SIGKILL)
            assert list(events)[-1]["code"] == "interrupted"
    stored = api.message(answer["id"])
    assert (stored["status"], stored["finish_reason"]) == ("interrupted", None)
    text = str(stored["content"])
    assert text.startswith(FIRST + first["text"])
    assert (FIRST + str(ENDLESS.text)).startswith(text)
    assert [one["marker"] for one in stored["sources"]] == [one["marker"] for one in answer["sources"]]

    ollama.script(Reply(text="the end."))
    whole = turn(api, answer["id"], "continue")
    assert whole["status"] == "finished"
    assert whole["content"].startswith(text)
    assert whole["content"].endswith("the end.")


def test_F25_stop_at_another_process_reaches_an_answer_that_goes_on(
    api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    answer = cut(api, ollama, api.conversation())
    variables = {**run_environment.variables, "OLLAMA_HOST": ollama.url}
    with ExitStack() as stack:
        other = Api(stack.enter_context(web_server(variables, logs / "web-other.log")), api.person)
        ollama.script(ENDLESS)
        go_on_async(api, answer["id"])
        wait_for("more is stored", lambda: len(api.message(answer["id"])["content"]) > len(FIRST))
        asked_to_stop = time.monotonic()
        assert other.post(f"/messages/{answer['id']}/stop/").status_code == 200
        assert ollama.wait_aborted(STOPPED_WITHIN - (time.monotonic() - asked_to_stop))
        stored = finished(other, answer["id"])
        assert (stored["status"], stored["finish_reason"]) == ("stopped", "stopped")
        assert str(stored["content"]).startswith(f"{FIRST}and more")
        again = other.post(f"/messages/{answer['id']}/stop/")
        assert (again.status_code, again.json()["code"]) == (409, "already_over")
