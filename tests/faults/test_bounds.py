"""L7: what a model says is bounded in length and in time, whatever it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conversations.doors import Api
from tests.environment import Environment
from tests.processes import web_server
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"


def test_L7_an_answer_without_end_is_cut_by_length_and_by_time(
    api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    bounds = {"OLLAMA_HOST": ollama.url, "DOCENT_REPLY_CHARACTERS": "1000", "DOCENT_REPLY_SECONDS": "2"}
    with web_server({**run_environment.variables, **bounds}, logs / "web-bounded.log") as running:
        bounded = Api(running, api.person)
        endless = "and more and more " * 5000
        ollama.script(Reply(text=endless, tokens_per_second=500))
        long = bounded.message(bounded.follow(bounded.begin(QUESTION))[-1]["message"])
        assert (long["status"], long["finish_reason"], long["content"]) == ("finished", "length", endless[:1000])
        assert ollama.wait_aborted(1), "the model is told to stop"

        ollama.script(Reply(text=endless, tokens_per_second=20))
        slow = bounded.message(bounded.follow(bounded.begin(QUESTION))[-1]["message"])
        assert (slow["status"], slow["error"]["code"]) == ("failed", "model_timeout")
        assert slow["error"]["detail"] == "The answer took longer than 2 seconds and was cut off."
        assert slow["error"]["retryable"]
        assert 20 * len("and ") < len(slow["content"]) < 1000
        assert endless.startswith(slow["content"])
        assert ollama.wait_aborted(1, streams=2)
