"""Models listed, tried and deleted; what is said of them in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

from conversations.chat_models import chooser
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tests.conversations.model_servers import HOSTED, MODEL, SERVERS, _hosted, changed, hosted
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal
from tests.standins.ollama import OllamaStandIn, Reply
from tests.standins.openai import OpenAIStandIn

__all__ = ["_hosted", "hosted"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hosted")]

PATH = "/api/v1/models/"


def listed(client: ApiClient) -> dict[str, dict[str, Any]]:
    answer = client.get(PATH)
    assert answer.status_code == 200, answer.content
    return {one["id"]: one for one in answer.json()["results"]}


def test_everybody_who_chats_sees_the_models_that_they_may_ask(
    alice: Person, bob: Person, charlie: Person, ollama: OllamaStandIn, settings: Settings
) -> None:
    settings.DOCENT_MODEL_PRICES = json.dumps({"groq/small": {"in": 0.05, "out": 0.08, "currency": "USD"}})
    ollama.loaded = frozenset()
    changed(alice, allowed_models=["small"])
    for person in (alice, bob):
        assert listed(person.api) == {
            MODEL: {
                "id": MODEL,
                "server": "ollama",
                "name": MODEL,
                "context_tokens": 8192,
                "is_loaded": False,
                "size_bytes": 1_000_000_000,
                "parameters": "1B",
                "is_default": True,
                "price": None,
                "can_delete": False,
            },
            "groq/small": {
                "id": "groq/small",
                "server": "groq",
                "name": "small",
                "context_tokens": 8192,
                "is_loaded": None,
                "size_bytes": None,
                "parameters": "",
                "is_default": False,
                "price": {"in": 0.05, "out": 0.08, "currency": "USD"},
                "can_delete": False,
            },
        }
    assert {name: one["can_delete"] for name, one in listed(alice.full_api).items()} == {
        MODEL: True,
        "groq/small": False,
    }
    assert set(listed(charlie.api)) == {MODEL, *(f"groq/{name}" for name in HOSTED)}


def test_without_any_model_answers_are_quotations(bob: Person, alice: Person, settings: Settings) -> None:
    settings.OLLAMA_HOST = settings.DOCENT_MODEL_SERVERS = ""
    settings.DOCENT_MODEL_KEYS = {}
    chooser.cache_clear()
    assert [(name, one["is_default"]) for name, one in listed(bob.api).items()] == [("extractive", True)]
    changed(alice, "ollama", is_enabled=False)
    assert list(listed(bob.api)) == ["extractive"]


def test_a_server_that_cannot_be_reached_is_missing_and_its_state_is_said(
    alice: Person, bob: Person, settings: Settings
) -> None:
    settings.DOCENT_MODEL_SERVERS = "groq=openai+http://127.0.0.1:1/v1"
    chooser.cache_clear()
    assert list(listed(bob.api)) == [MODEL]
    states = {one["server"]: one["is_reachable"] for one in alice.full_api.get(SERVERS).json()["results"]}
    assert states == {"ollama": True, "groq": False}


def test_a_short_question_tells_how_fast_a_model_is(
    alice: Person, bob: Person, charlie: Person, hosted: OpenAIStandIn
) -> None:
    hosted.script(Reply(text="A house of books that lends.", first_token_after=0.2, tokens_per_second=50))
    trial = alice.full_api.post(f"{PATH}groq/large/test/").json()
    assert (trial["model"], trial["ok"], trial["error"]) == ("groq/large", True, None)
    assert trial["answer"] == "A house of books that lends."
    assert 0.2 <= trial["time_to_first_token"] < 2
    assert 20 < trial["tokens_per_second"] < 120
    # What it takes is the person's use, as everything is.
    [row] = alice.api.get("/api/v1/usage/", {"group": "model"}).json()["results"]
    assert (row["key"], row["questions"], row["completion_tokens"] > 0) == ("groq/large", 0, True)
    for client in (bob.full_api, alice.api):
        assert refusal(client.post(f"{PATH}groq/large/test/"))[0] == 403


def test_what_is_wrong_with_a_model_is_said_plainly(alice: Person, hosted: OpenAIStandIn) -> None:
    def told(model: str) -> tuple[bool, str]:
        trial = alice.full_api.post(f"{PATH}{model}/test/").json()
        return trial["ok"], trial["error"]["detail"]

    hosted.script(Reply(status=401, text="Incorrect key"))
    assert told("groq/large") == (False, "The model server does not accept Docent's key.")
    assert told("groq/none") == (False, "There is no model “groq/none” here that your organisation may use.")
    changed(alice, is_enabled=False)
    assert told("groq/large")[0] is False
    assert hosted.url not in str(told("groq/large"))


def test_a_model_is_deleted_where_the_operator_lets_it(
    alice: Person, bob: Person, charlie: Person, ollama: OllamaStandIn, settings: Settings
) -> None:
    ollama.models = (MODEL, "hf.co/some/model:1b")
    for client in (bob.full_api, alice.api):
        assert refusal(client.delete(f"{PATH}hf.co/some/model:1b/"))[0] == 403
    settings.DOCENT_TENANTS_MANAGE_MODELS = False
    status, body = refusal(alice.full_api.delete(f"{PATH}hf.co/some/model:1b/"))
    assert (status, "only the operator" in body["detail"]) == (403, True)
    assert ollama.deleted == []
    settings.DOCENT_TENANTS_MANAGE_MODELS = True
    assert refusal(alice.full_api.delete(f"{PATH}none/"))[0] == 404
    assert pointers(alice.full_api.delete(f"{PATH}groq/large/")) == [("/model", "not_managed")]
    assert alice.full_api.delete(f"{PATH}hf.co/some/model:1b/").status_code == 204
    assert ollama.deleted == ["hf.co/some/model:1b"]
    assert [name for name in listed(charlie.api) if not name.startswith("groq/")] == [MODEL]
    with tenant_atomic(alice.access.tenant_id):
        [event] = AuditEvent.objects.filter(action="model.deleted")
        assert event.data == {"model": "hf.co/some/model:1b"}


def test_health_is_said_in_words_to_admins_alone(
    alice: Person, bob: Person, ollama: OllamaStandIn, settings: Settings
) -> None:
    def model(client: ApiClient) -> str | None:
        answer = client.get("/health/ready")
        return answer.json()["parts"]["model"] if "json" in answer.headers["Content-Type"] else None

    assert model(alice.full_api) == f"{MODEL} on Ollama: loaded, 8k context"
    assert [model(client) for client in (alice.api, bob.full_api)] == [None, None]
    assert f"{MODEL} on Ollama: loaded, 8k context" in bob.client.get("/o/acme/").content.decode()
    changed(alice, default_model="large")
    assert model(alice.full_api) == "large on groq: 8k context"
    settings.DOCENT_MODEL_SERVERS = "groq=openai+http://127.0.0.1:1/v1"
    settings.OLLAMA_HOST = "127.0.0.1:1"
    settings.DOCENT_CHAT_MODEL = ""
    chooser.cache_clear()
    changed(alice, default_model="")
    assert model(alice.full_api) == "The model server cannot be reached."


def test_the_page_of_models(alice: Person, bob: Person, charlie: Person, ollama: OllamaStandIn) -> None:
    url = "/o/acme/settings/models/"
    as_form: dict[str, Any] = {"headers": {"Accept": "text/html"}, "follow": True}
    page = alice.client.get(url).content.decode()
    texts = (MODEL, "groq/large", "groq/small", "Fetch a model", "The installation’s key is used.")
    assert [text for text in texts if text not in page] == []
    assert bob.client.get(url).status_code == 403
    assert charlie.client.get(url).status_code == 404
    assert (
        "answers: first token after"
        in alice.client.post(f"{url}test/", {"model": MODEL}, **as_form).content.decode()
    )
    made = alice.client.post(f"{url}default/", {"model": "groq/small"}, **as_form).content.decode()
    assert "small on groq" in made
    assert "Use the installation’s default" in made
    some = {"server": "groq", "is_enabled": "on", "which": "some", "allowed": ["small"]}
    assert "Saved." in alice.client.post(f"{url}server/", some, **as_form).content.decode()
    # What is not allowed any more can be allowed again there.
    shown = alice.client.get(url).content.decode()
    assert 'value="large"' in shown
    assert "groq/large" not in shown
    refused = alice.client.post(f"{url}server/", {**some, "allowed": ["large"]}, **as_form).content.decode()
    assert "is the default model: choose another one first" in refused
    back = alice.client.post(f"{url}default/", {"model": ""}, **as_form).content.decode()
    assert "Use the installation’s default" not in back
    ollama.models = (MODEL, "old:1b")
    assert (
        "old:1b is deleted." in alice.client.post(f"{url}delete/", {"model": "old:1b"}, **as_form).content.decode()
    )
    assert ollama.deleted == ["old:1b"]


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        ("groq", "“groq” is not written as name=kind+url"),
        ("groq=smtp+https://models.example.org", "is of the unknown kind “smtp”"),
        ("groq=openai+models.example.org", "the address of “groq” is not one like"),
        ("groq=openai+ftp://models.example.org", "the address of “groq” is not one like"),
        ("groq=openai+https://user:key@models.example.org", "the address of “groq” is not one like"),
        ("groq=openai+https://models.example.org:x", "the address of “groq” is not one like"),
        ("Groq One=openai+https://models.example.org", "is no name for a server"),
        ("ollama=ollama+http://box:11434", "“ollama” is the server of OLLAMA_HOST"),
        ("a=ollama+http://b:1, a=ollama+http://c:1", "there are two servers “a”"),
        (
            '{"a": {"kind": "openai", "url": "http://b"}, "a": {"kind": "openai", "url": "http://c"}}',
            "two servers “a”",
        ),
        ('{"groq": {"kind": "openai"}}', "needs “kind” and “url”"),
        ('{"groq": "openai"}', "needs “kind” and “url”"),
        ("{", "it is not JSON"),
    ],
)
def test_servers_that_cannot_be_read_are_refused_in_plain_words(
    settings: Settings, servers: str, words: str
) -> None:
    settings.DOCENT_MODEL_SERVERS = servers
    with pytest.raises(SystemCheckError) as refused:
        call_command("check")
    assert "DOCENT_MODEL_SERVERS cannot be used" in str(refused.value)
    assert words in str(refused.value)


def test_a_key_of_no_server_is_a_slip_that_is_said(settings: Settings) -> None:
    settings.DOCENT_MODEL_SERVERS = '{"my-box": {"kind": "openai", "url": "http://box:8080/v1/"}}'
    settings.DOCENT_MODEL_KEYS = {"MY_BOX": "right", "MYBOX": "a-secret"}
    with pytest.raises(SystemCheckError) as refused:
        call_command("check")
    assert "DOCENT_MODEL_KEY_MYBOX is the key of no server" in str(refused.value)
    assert "a-secret" not in str(refused.value)
    settings.DOCENT_MODEL_KEYS = {"MY_BOX": "right"}
    call_command("check")
