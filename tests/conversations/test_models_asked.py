"""Which model answers: whom one may ask, what stands in for it, and with whose key."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from conversations.models import Message
from tenants.db import tenant_atomic
from tenants.models import AuditEvent, ModelAccess
from tests.conversations.model_servers import (
    HOSTED,
    MODEL,
    OPERATORS_KEY,
    QUESTION,
    SERVERS,
    _hosted,
    asked,
    change,
    changed,
    conversation_of,
    hosted,
)
from tests.people import Person
from tests.refusals import pointers, refusal
from tests.standins.ollama import OllamaStandIn, Reply
from tests.standins.openai import OpenAIStandIn

__all__ = ["_hosted", "hosted"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hosted")]

ACMES, GLOBEXS = "acmes-key-9876543210-abcd", "globexs-key-9876543210-wxyz"


def answered_by(message: dict[str, Any]) -> tuple[str, str]:
    return message["status"], message["model"]


def test_S6_a_key_reaches_its_own_organisations_requests_alone(
    alice: Person, bob: Person, charlie: Person, hosted: OpenAIStandIn
) -> None:
    asked(bob, model="groq/large")
    changed(alice, key=ACMES)
    asked(bob, model="groq/large")
    asked(charlie, model="groq/large")
    changed(charlie, key=GLOBEXS)
    asked(charlie, model="groq/small")
    asked(alice, model="groq/large")
    asked(bob, model=MODEL)
    changed(alice, key="")
    asked(bob, model="groq/large")
    assert hosted.keys == [OPERATORS_KEY, ACMES, OPERATORS_KEY, GLOBEXS, ACMES, OPERATORS_KEY]


def test_S6_no_organisation_names_an_address(alice: Person) -> None:
    for field in ("url", "base_url", "kind", "name"):
        assert pointers(change(alice.full_api, **{field: "http://127.0.0.1:1/v1"})) == [
            (f"/{field}", "unknown_field")
        ]
    for server in ("http://127.0.0.1:1", "other", ""):
        [(pointer, _)] = pointers(change(alice.full_api, server, is_enabled=True))
        assert pointer == "/server"
    with tenant_atomic(alice.access.tenant_id):
        assert not ModelAccess.objects.exists()


def test_T7_a_key_is_never_told_again(alice: Person, bob: Person, charlie: Person, hosted: OpenAIStandIn) -> None:
    told = changed(alice, key=f" {ACMES} ")
    assert told["key"] == {"is_set": True, "is_own": True, "ends_with": "abcd"}
    assert changed(charlie)["key"] == {"is_set": True, "is_own": False, "ends_with": ""}
    hosted.script(Reply(status=401, text=f"wrong key {ACMES} at {hosted.url}"))
    failed = asked(bob, model="groq/large")
    assert failed["error"]["code"] == "model_error"
    page = alice.client.get("/o/acme/settings/models/").content.decode()
    assert "ends with abcd" in page
    with tenant_atomic(alice.access.tenant_id):
        row = ModelAccess.objects.get()
        events = list(AuditEvent.objects.filter(action="model_access.set"))
    assert events
    shown = [
        alice.full_api.get(SERVERS).content.decode(),
        page,
        str(failed),
        repr(vars(row)),
        repr([vars(one) for one in events]),
    ]
    secrets = (ACMES, OPERATORS_KEY, hosted.url)
    assert [(secret, text) for secret in secrets for text in shown if secret in text] == []
    assert ACMES.encode() not in bytes(row.sealed_secret)


def test_a_key_that_is_none_is_refused(alice: Person) -> None:
    for key in ("short", "with a blank in it", "x" * 501, "ümlaut-key-123"):
        [(pointer, _)] = pointers(change(alice.full_api, key=key))
        assert pointer == "/key"
    assert pointers(change(alice.full_api, "ollama", key=ACMES)) == [("/key", "takes_no_keys")]


def test_the_model_asked_for_goes_before_the_organisations_and_that_before_the_operators(
    alice: Person, bob: Person, charlie: Person, settings: Settings
) -> None:
    assert answered_by(asked(bob)) == ("finished", MODEL)
    settings.DOCENT_CHAT_MODEL = "groq/small"
    assert answered_by(asked(bob)) == ("finished", "groq/small")
    changed(alice, default_model="large")
    assert answered_by(asked(bob)) == ("finished", "groq/large")
    assert answered_by(asked(bob, model="stand-in:latest")) == ("finished", MODEL)
    assert answered_by(asked(bob, model="ollama/stand-in:latest")) == ("finished", MODEL)
    # Of another organisation nothing changes.
    assert answered_by(asked(charlie)) == ("finished", "groq/small")
    # A default on another server takes its place.
    changed(alice, "ollama", default_model=MODEL)
    assert answered_by(asked(bob)) == ("finished", MODEL)
    defaults = {one["server"]: one["default_model"] for one in alice.full_api.get(SERVERS).json()["results"]}
    assert defaults == {"ollama": MODEL, "groq": None}


def test_a_model_that_may_not_be_asked_is_refused_before_anything_is_stored(
    alice: Person, bob: Person, charlie: Person, hosted: OpenAIStandIn
) -> None:
    changed(alice, allowed_models=["small"])
    path = conversation_of(bob)
    for model in ("groq/large", "groq/none", "none", "none/small", "extractive", "groq/", "/", "x" * 120):
        answer = bob.api.post(path, {"content": QUESTION, "model": model})
        assert (answer.status_code, pointers(answer)) == (400, [("/model", "unknown_model")]), model
    assert pointers(bob.api.post(path, {"content": QUESTION, "model": "x" * 121})) == [("/model", "max_length")]
    assert answered_by(asked(bob, model="groq/small")) == ("finished", "groq/small")
    assert answered_by(asked(charlie, model="groq/large")) == ("finished", "groq/large")
    changed(alice, is_enabled=False)
    assert bob.api.post(path, {"content": QUESTION, "model": "groq/small"}).status_code == 400
    assert bob.api.get(path).json()["results"] == []
    assert [body["model"] for body in hosted.requests] == ["small", "large"]


def test_F24_a_model_that_has_gone_meanwhile_fails_in_plain_words(
    bob: Person, hosted: OpenAIStandIn, ollama: OllamaStandIn
) -> None:
    asked(bob, model="groq/large")
    hosted.models = ("small",)
    gone = asked(bob, model="groq/large")
    hosted.models = HOSTED
    assert (gone["status"], gone["error"]["code"]) == ("failed", "model_error")
    assert "does not have the model" in gone["error"]["detail"]


def test_a_default_that_is_not_allowed_any_more_is_said(alice: Person, bob: Person) -> None:
    changed(alice, default_model="large")
    assert pointers(change(alice.full_api, allowed_models=["small"])) == [
        ("/allowed_models", "default_not_allowed")
    ]
    assert pointers(change(alice.full_api, default_model="none")) == [("/default_model", "unknown_model")]
    assert pointers(change(alice.full_api, allowed_models=[])) == [("/allowed_models", "required")]
    told = changed(alice, allowed_models=["small"], default_model="small")
    assert (told["allowed_models"], told["default_model"]) == (["small"], "small")
    assert pointers(change(alice.full_api, default_model="large")) == [("/default_model", "default_not_allowed")]
    assert changed(alice, allowed_models=None)["allowed_models"] is None


def test_F20_another_model_answers_where_one_fails_and_is_named(
    alice: Person, bob: Person, charlie: Person, ollama: OllamaStandIn, settings: Settings
) -> None:
    settings.DOCENT_FALLBACK_MODEL = "groq/small"
    ollama.script(Reply(status=500), times=6)
    message = asked(bob)
    assert answered_by(message) == ("finished", "groq/small")
    assert message["content"]
    rows = bob.api.get("/api/v1/usage/", {"group": "model"}).json()["results"]
    assert [row["key"] for row in rows if row["questions"]] == ["groq/small"]
    # Who does not use that server gets none of its models instead.
    changed(charlie, is_enabled=False)
    failed = asked(charlie)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "model_error")


def test_what_a_prompt_took_is_learned_of_the_model_that_read_it(
    bob: Person, hosted: OpenAIStandIn, ollama: OllamaStandIn, settings: Settings
) -> None:
    """Of models of which this process has heard nothing yet."""
    ollama.models, hosted.models = (MODEL, "away:latest"), (*HOSTED, "dense")
    settings.DOCENT_CHAT_MODEL, settings.DOCENT_FALLBACK_MODEL = "away:latest", "groq/dense"
    long = "What is a library, and who may read in it, and when? " * 30

    def context_of(**fields: Any) -> tuple[str, int, int]:
        message = asked(bob, content=long, **fields)
        context = message["timings"]["context"]
        return message["model"], context["estimated"], context["reported"]

    ollama.script(Reply(status=500), times=3)
    hosted.script(Reply(text="Yes.", prompt_tokens=1000))
    model, counted, reported = context_of()
    assert (model, reported, counted < 1000) == ("groq/dense", 1000, True)
    ollama.reset()
    ollama.models = (MODEL, "away:latest")
    assert context_of()[:2] == ("away:latest", counted), "it has read nothing before"
    assert context_of(model="groq/dense")[:2] == ("groq/dense", 1000)
    hosted.models = HOSTED


def test_the_window_is_the_models_and_no_more_than_the_operators(
    bob: Person, ollama: OllamaStandIn, settings: Settings
) -> None:
    asked(bob)
    ollama.models = (MODEL, "narrow:latest")
    ollama.context_lengths["narrow:latest"] = 2048
    asked(bob, model="ollama/stand-in:latest")
    settings.DOCENT_CHAT_MODEL = "narrow:latest"
    asked(bob)
    assert [body["options"]["num_ctx"] for body in ollama.requests] == [8192, 8192, 2048]


def test_a_server_is_not_asked_for_each_question_what_it_has(bob: Person, hosted: OpenAIStandIn) -> None:
    for _ in range(3):
        assert answered_by(asked(bob, model="groq/large")) == ("finished", "groq/large")
    # Once which models there are, and once what this one is.
    assert hosted.looked_up == ["/v1/models", "/v1/models"]


def test_S7_what_a_hostile_server_says_is_data(bob: Person, hosted: OpenAIStandIn) -> None:
    harmful = '<img src=x onerror=alert(1)>"},{"model":"x'
    hosted.models = (*HOSTED, harmful, "x" * 5000)
    listed = [one["name"] for one in bob.api.get("/api/v1/models/").json()["results"] if one["server"] == "groq"]
    hosted.models = HOSTED
    assert set(HOSTED) <= set(listed)
    assert all(len(name) <= 120 for name in listed)


def test_only_admins_change_the_organisations_word(
    alice: Person, adam: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    for client in (bob.full_api, dana.full_api, alice.api):
        assert refusal(change(client, is_enabled=False))[0] == 403
        assert client.get(SERVERS).status_code == 403
    assert changed(adam, is_enabled=False)["is_enabled"] is False
    with tenant_atomic(charlie.access.tenant_id):
        assert not ModelAccess.objects.exists()
    with tenant_atomic(alice.access.tenant_id):
        [event] = AuditEvent.objects.filter(action="model_access.set")
        assert (event.actor_id, event.data["server"], event.data["changed"]) == (
            adam.user.pk,
            "groq",
            ["is_enabled"],
        )
        assert not Message.objects.exists()
