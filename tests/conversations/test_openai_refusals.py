"""OpenAI's API where it says no, and what each token may ask: everything in OpenAI's envelope."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from tenants.permissions import Scope
from tenants.services.tokens import create_token
from tests.conversations.model_servers import _hosted, hosted
from tests.conversations.openai_clients import CHAT, QUESTION, body, users
from tests.people import ApiClient, Person
from tests.security.test_rate_limit import drain, slow_down
from tests.standins.ollama import MODEL
from tests.standins.openai import OpenAIStandIn

__all__ = ["_hosted", "hosted"]

pytestmark = pytest.mark.django_db(transaction=True)

MODELS, EMBEDDINGS = "/openai/v1/models", "/openai/v1/embeddings"
IMAGE = {"type": "image_url", "image_url": {"url": "data:,"}}


def error_of(answer: Any) -> tuple[int, str, str | None, str]:
    """Status, type, param and code; a refusal is nothing but OpenAI's envelope."""
    assert answer.headers["Content-Type"] == "application/json", answer.content
    told = answer.json()
    assert told.keys() == {"error"}
    assert told["error"].keys() == {"message", "type", "param", "code"}
    error = told["error"]
    assert error["message"]
    return answer.status_code, error["type"], error["param"], error["code"]


def system(text: str) -> dict[str, Any]:
    return {"role": "system", "content": text}


WRONG = "invalid_request_error"
BAD: list[tuple[dict[str, Any], int, str | None, str]] = [
    ({"n": 2}, 400, "n", "unsupported_parameter"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, "tools", "unsupported_parameter"),
    ({"functions": [{"name": "f"}]}, 400, "functions", "unsupported_parameter"),
    ({"tool_choice": "required"}, 400, "tool_choice", "unsupported_parameter"),
    ({"response_format": {"type": "json_object"}}, 400, "response_format", "unsupported_parameter"),
    ({"logprobs": True}, 400, "logprobs", "unsupported_parameter"),
    ({"store": True}, 400, "store", "unsupported_parameter"),
    ({"presence_penalty": 0.5}, 400, "presence_penalty", "unsupported_parameter"),
    ({"logit_bias": {"50256": -100}}, 400, "logit_bias", "unsupported_parameter"),
    ({"modalities": ["text", "audio"]}, 400, "modalities", "unsupported_parameter"),
    ({"reasoning_effort": "high"}, 400, "reasoning_effort", "unsupported_parameter"),
    ({"tempature": 0.5}, 400, "tempature", "unknown_field"),
    ({"temperature": 3}, 400, "temperature", "max_value"),
    ({"max_tokens": 0}, 400, "max_tokens", "min_value"),
    ({"stop": ["a", "b", "c", "d", "e"]}, 400, "stop", "invalid"),
    ({"stream_options": {"include": True}}, 400, "stream_options.include", "unknown_field"),
    ({"model": None}, 400, "model", "null"),
    ({"model": "nothing"}, 404, "model", "model_not_found"),
    ({"model": "docent/nothing"}, 404, "model", "model_not_found"),
    ({"model": "persona/nothing"}, 404, "model", "model_not_found"),
    ({"model": "extractive"}, 404, "model", "model_not_found"),
    ({"messages": []}, 400, "messages", "required"),
    ({"messages": "Hello?"}, 400, "messages", "required"),
    ({"messages": ["Hello?"]}, 400, "messages[0]", "invalid"),
    ({"messages": users(" \n")}, 400, "messages", "required"),
    ({"messages": users("a\0b")}, 400, "messages[0].content", "null_characters_not_allowed"),
    ({"messages": users("x" * 40_000)}, 413, None, "context_length_exceeded"),
    ({"messages": [system("x" * 40_000), *users("x")]}, 413, None, "context_length_exceeded"),
    ({"messages": [system("Hello.")]}, 400, "messages", "no_question"),
    ({"messages": [*users("x"), {"role": "assistant", "content": "y"}]}, 400, "messages", "no_question"),
    ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages[0].role", "unsupported_role"),
    ({"messages": [{"role": "boss", "content": "x"}]}, 400, "messages[0].role", "invalid_choice"),
    ({"messages": [{"role": "user", "text": "x"}]}, 400, "messages[0].text", "unknown_field"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, IMAGE]}]},
        400,
        "messages[0].content[1]",
        "unsupported_content",
    ),
    ({"messages": [{"role": "user", "content": {"a": 1}}]}, 400, "messages[0].content", "unsupported_content"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}, *users("x")]},
        400,
        "messages[0].tool_calls",
        "unsupported_parameter",
    ),
]
EMBED = {"model": "builtin", "input": "x"}
BAD_INPUTS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"input": [1, 2, 3]}, 400, "input", "unsupported_input"),
    ({"input": [[1, 2], [3]]}, 400, "input", "unsupported_input"),
    ({"input": ""}, 400, "input", "required"),
    ({"input": ["x", " "]}, 400, "input", "required"),
    ({"input": []}, 400, "input", "required"),
    ({"input": ["x"] * 2049}, 400, "input", "too_many"),
    ({"dimensions": 256}, 400, "dimensions", "unsupported_parameter"),
    ({"encoding_format": "int8"}, 400, "encoding_format", "invalid_choice"),
    ({"model": "text-embedding-3-small"}, 404, "model", "model_not_found"),
    ({"truncate": True}, 400, "truncate", "unknown_field"),
]


def test_what_is_not_supported_is_said_and_never_ignored(alice: Person) -> None:
    for path, right, rows in ((CHAT, body(), BAD), (EMBEDDINGS, EMBED, BAD_INPUTS)):
        for fields, status, param, code in rows:
            answer = alice.api.post(path, {**right, **fields})
            assert error_of(answer) == (status, WRONG, param, code), fields
            assert param is None or param in answer.json()["error"]["message"]
    assert alice.api.get("/api/v1/me/").json()["used"]["questions_day"] == 0


def test_what_clients_always_send_is_taken(alice: Person) -> None:
    """Without a model server and without a document: the refusal is the answer."""
    harmless: dict[str, Any] = {
        "user": "u-1",
        "seed": 7,
        "metadata": {"a": "b"},
        "store": False,
        "n": 1,
        "stream": False,
        "stream_options": {"include_usage": True},
        "presence_penalty": 0,
        "frequency_penalty": 0.0,
        "tools": [],
        "tool_choice": "auto",
        "logprobs": False,
        "top_p": 1,
        "response_format": {"type": "text"},
        "modalities": ["text"],
        "parallel_tool_calls": True,
        "service_tier": "auto",
        "max_tokens": 999_999,
        "stop": None,
        "temperature": None,
        "logit_bias": {},
        "safety_identifier": "x",
        "prompt_cache_key": "y",
    }
    answer = alice.api.post(CHAT, body(**harmless))
    assert answer.status_code == 200, answer.content
    assert "no answer to this in the documents" in answer.json()["choices"][0]["message"]["content"]


def test_every_refusal_is_in_the_envelope(alice: Person) -> None:
    api, json_type = alice.api, "application/json"
    assert error_of(ApiClient("").get(MODELS))[:2] == (401, "authentication_error")
    assert error_of(ApiClient("dct_x_y").post(CHAT, body()))[3] == "invalid_api_key"
    assert error_of(alice.client.get(MODELS))[0] == 401, "a cookie opens nothing"
    reading = create_token(access=alice.access, name="r", scopes=frozenset({Scope.DOCUMENTS_READ})).value
    for answer in (ApiClient(reading).get(MODELS), ApiClient(reading).post(EMBEDDINGS, EMBED)):
        assert error_of(answer)[:2] == (403, "permission_error")
    for path in ("/openai/v1", "/openai/v1/", f"{MODELS}/", f"{CHAT}/", "/openai/v1/responses"):
        assert error_of(api.get(path)) == (404, WRONG, None, "not_found"), path
    assert error_of(api.get(CHAT)) == (405, WRONG, None, "method_not_allowed")
    assert error_of(api.delete(f"{MODELS}/docent"))[0] == 405
    assert error_of(api.generic("POST", CHAT, b"{", json_type)) == (400, WRONG, None, "parse_error")
    assert error_of(api.generic("POST", CHAT, b"[]", json_type))[0] == 400
    assert error_of(api.generic("POST", CHAT, b"a=b", content_type="text/plain"))[0] == 415
    form = "application/x-www-form-urlencoded"
    assert error_of(api.generic("POST", CHAT, json.dumps(body()), form))[0] == 415
    assert error_of(api.get(MODELS, headers={"host": "evil example"})) == (400, WRONG, None, "malformed")
    long = api.post(CHAT, body(), headers={"Idempotency-Key": "x" * 300})
    assert error_of(long) == (400, WRONG, None, "invalid_idempotency_key")


def test_the_rate_and_the_limits_hold_here_too(alice: Person, charlie: Person) -> None:
    one = {"kind": "questions_day", "applies_to": "tenant", "user": None, "amount": 1}
    limited = alice.full_api.put("/api/v1/usage/limits/", {"limits": [one]}, content_type="application/json")
    assert limited.status_code == 200, limited.content
    assert alice.api.post(CHAT, body()).status_code == 200
    refused = alice.api.post(CHAT, body())
    assert error_of(refused) == (429, "insufficient_quota", None, "insufficient_quota")
    assert {"Retry-After", "RateLimit-Limit", "RateLimit-Remaining"} <= set(refused.headers)
    assert charlie.api.post(CHAT, body()).status_code == 200
    slow_down(alice)
    drain(alice)
    assert error_of(alice.api.get(MODELS)) == (429, "requests", None, "rate_limit_exceeded")


def test_each_token_has_the_models_of_its_own_sight(
    alice: Person, bob: Person, charlie: Person, hosted: OpenAIStandIn
) -> None:
    """Hidden and foreign are what is missing."""
    made = alice.api.post("/api/v1/collections/", {"name": "Salaries"}).json()
    alice.full_api.patch(
        f"/api/v1/collections/{made['id']}/",
        {"access": {"everyone": False, "people": [], "groups": [], "roles": []}},
    )
    models = {
        name: {one["id"] for one in person.api.get(MODELS).json()["data"]}
        for name, person in (("alice", alice), ("bob", bob), ("charlie", charlie))
    }
    plain = {MODEL, "groq/large", "groq/small"}
    assert models["alice"] - models["bob"] == {"docent/salaries"}
    assert models["bob"] == models["charlie"]
    assert plain <= models["bob"]
    for path in (f"{MODELS}/docent/salaries", f"{MODELS}/docent%2Fsalaries"):
        found = alice.api.get(path)
        assert found.status_code == 200
        assert (found.json()["id"], found.json()["name"]) == ("docent/salaries", "Salaries")
        for person in (bob, charlie):
            assert error_of(person.api.get(path)) == error_of(person.api.get(f"{MODELS}/docent/nothing"))
            assert error_of(person.api.get(path)) == (404, WRONG, "model", "model_not_found")
    for person in (bob, charlie):
        assert error_of(person.api.post(CHAT, body(model="docent/salaries")))[0] == 404
    assert alice.api.post(CHAT, body(model="docent/salaries")).status_code == 200
    assert alice.api.get(f"{MODELS}/groq/large").json()["owned_by"] == "groq"
    assert alice.api.get(f"{MODELS}/builtin").json()["id"] == "builtin"
    collections = alice.api.get("/api/v1/collections/").json()["results"]
    general = next(UUID(one["id"]) for one in collections if one["id"] != made["id"])
    limited = ApiClient(create_token(access=alice.access, name="l", collections=[general]).value)
    seen = {one["id"] for one in limited.get(MODELS).json()["data"]}
    assert seen == models["alice"] - {"docent/salaries"}


def test_a_hosted_model_hears_what_was_wished(alice: Person, hosted: OpenAIStandIn) -> None:
    options = {"temperature": 0.5, "top_p": 0.25, "seed": 11, "stop": ["END", "STOP"]}
    answer = alice.api.post(CHAT, body(QUESTION, model="groq/large", max_tokens=33, **options))
    assert answer.status_code == 200, answer.content
    [asked] = hosted.requests
    assert {name: asked[name] for name in options} == options
    assert asked["messages"] == users(QUESTION)
    assert asked["max_tokens"] == 33
