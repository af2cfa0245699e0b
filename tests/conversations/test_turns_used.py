"""What another answer, another wording and going on are counted as."""

from __future__ import annotations

from typing import Any

import pytest

from tenants.models import QuotaKind
from tests.conversations.doors import Api
from tests.conversations.test_turns import OTHER, REST, ask, cut, turn
from tests.refusals import refusal
from tests.standins.ollama import MODEL, OllamaStandIn, Reply
from tests.tenants.test_limits_quotas import limit

pytestmark = pytest.mark.django_db(transaction=True)


def used(api: Api) -> tuple[int, int]:
    """Questions, and tokens written."""
    rows: list[dict[str, Any]] = api.get("/usage/", params={"group": "model"}).json()["results"]
    [row] = [row for row in rows if row["key"] == MODEL]
    return row["questions"], row["completion_tokens"]


def test_another_answer_is_another_question_and_going_on_is_none(api: Api, ollama: OllamaStandIn) -> None:
    answer = cut(api, ollama, api.conversation(title="Leave"))
    written = len(answer["content"].split())
    assert used(api) == (1, written)
    ollama.script(Reply(fault="hang"), Reply(text=REST))
    pending = api.begin(OTHER)
    assert ollama.wait_requests(5, count=2)
    assert turn(api, answer["id"], "continue")["usage"]["completion_tokens"] == written + len(REST.split())
    assert used(api) == (1, written + len(REST.split())), "the first part counts once, the other question not yet"
    assert api.post(f"/messages/{pending}/stop/").status_code == 200
    ollama.script(Reply(text="Yes."), Reply(text="No."))
    turn(api, answer["id"], "regenerate")
    turn(api, answer["parent"], "edit", content=OTHER)
    assert used(api) == (4, written + len(REST.split()) + 2)


def test_L7_who_has_no_question_left_gets_no_other_answer_but_the_rest_of_one(
    api: Api, ollama: OllamaStandIn
) -> None:
    answer = cut(api, ollama, api.conversation(title="Leave"))
    limit(api.person, QuotaKind.QUESTIONS_DAY, 1)
    for path, body in (
        (f"/messages/{answer['id']}/regenerate/", {}),
        (f"/messages/{answer['parent']}/edit/", {"content": OTHER}),
    ):
        status, said = refusal(api.post(path, json=body))
        assert (status, said["code"]) == (429, "quota_exceeded")
    ollama.script(Reply(text=REST, done_reason="length"))
    assert turn(api, answer["id"], "continue")["status"] == "finished"
    rows = api.get("/usage/", params={"group": "model"}).json()["results"]
    limit(api.person, QuotaKind.TOKENS_DAY, sum(one["prompt_tokens"] + one["completion_tokens"] for one in rows))
    status, said = refusal(api.post(f"/messages/{answer['id']}/continue/"))
    assert (status, said["code"], said["quota"]["kind"]) == (429, "quota_exceeded", "tokens_day")
    assert len(ollama.requests) == 2


def test_an_open_answer_goes_on_without_documents(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation(mode="open", title="Leave")
    ollama.script(Reply(text="Once upon ", done_reason="length"))
    answer = ask(api, conversation, "Tell me a story.")
    ollama.script(Reply(text="a time."))
    whole = turn(api, answer["id"], "continue")
    assert (whole["content"], whole["sources"], whole["citations"]) == ("Once upon a time.", [], [])
    assert [one["role"] for one in ollama.requests[-1]["messages"]] == ["system", "user", "assistant", "user"]
