"""Assistants and prompts in the portal: the settings' pages, the administration's, and where a chat begins."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conversations.default_personas import default_personas
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = "/o/acme/settings/assistants/"
PROMPTS = "/o/acme/settings/prompts/"
BROWSER = {"Accept": "text/html"}
DEFAULTS = {one.name for one in default_personas()}
FORM = {
    "name": "Adviser",
    "description": "Says what the rules are.",
    "mode": "open",
    "instructions": "Be brief.\r\nName the rule.",
    "temperature": "0.5",
    "max_tokens": "300",
    "model": "",
    "sample_questions": "May I?\r\n\r\nMust I?",
}


def personas(person: Person, query: str = "") -> dict[str, dict[str, Any]]:
    found = person.api.get(f"/api/v1/personas/{query}").json()["results"]
    return {one["name"]: one for one in found}


def send(person: Person, path: str, data: dict[str, Any] | None = None) -> Any:
    return person.client.post(path, data or {}, headers=BROWSER, follow=True)


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_an_assistant_is_made_changed_archived_and_brought_back(bob: Person) -> None:
    [collection] = [one["id"] for one in bob.api.get("/api/v1/collections/").json()["results"]]
    saved = send(bob, f"{PAGES}create/", FORM | {"collections": [collection]})
    assert "Adviser is saved." in text_of(saved)
    made = personas(bob)["Adviser"]
    assert (made["instructions"], made["sample_questions"]) == ("Be brief.\nName the rule.", ["May I?", "Must I?"])
    assert (made["mode"], made["temperature"], made["max_tokens"]) == ("open", 0.5, 300)
    assert made["collections"] == [collection]
    own = f"{PAGES}{made['id']}/"
    form = bob.client.get(own).content.decode()
    assert all(
        one in form for one in ('value="Adviser"', "Name the rule.", 'value="0.5"', 'value="300"', "Must I?")
    )
    assert f'value="{collection}" checked' in form
    assert "is_default" not in form, "that is an admin's to choose"
    changed = send(bob, f"{own}change/", FORM | {"name": "Counsel", "temperature": "", "max_tokens": ""})
    assert "Counsel is saved." in text_of(changed)
    counsel = personas(bob)["Counsel"]
    assert (counsel["temperature"], counsel["max_tokens"], counsel["collections"]) == (None, None, [])
    assert "Counsel is archived. It can be restored below." in text_of(send(bob, f"{own}archive/"))
    assert personas(bob).keys() == DEFAULTS
    assert "Counsel can be chosen again." in text_of(send(bob, f"{own}restore/"))
    assert personas(bob).keys() == DEFAULTS | {"Counsel"}


def test_what_was_typed_stays_when_it_cannot_be_used(bob: Person) -> None:
    for fields, told in (
        ({"temperature": "9"}, "Temperature: This is a number from 0 to 2."),
        ({"temperature": "hot"}, "Temperature: This is a number."),
        ({"temperature": "nan"}, "Temperature: This is a number from 0 to 2."),
        ({"max_tokens": "0"}, "Longest answer: This is a number from 1 to 32768."),
        ({"name": " "}, "An assistant needs a name."),
        ({"instructions": "x" * 8001}, "Instructions: This has at most 8,000 characters."),
        ({"collections": ["x"]}, "Collections: This is a list of collections."),
        ({"mode": "wild"}, "The mode is grounded or open."),
    ):
        answer = bob.client.post(f"{PAGES}create/", FORM | fields, headers=BROWSER)
        assert answer.status_code == 400
        assert told in text_of(answer)
        assert "May I?" in answer.content.decode()
    assert personas(bob).keys() == DEFAULTS


def test_the_pages_offer_what_one_may_do(alice: Person, bob: Person, dana: Person) -> None:
    send(bob, f"{PAGES}create/", FORM)
    ways = {"Edit Adviser": "bob", "Edit Docent": "alice", "New assistant": "bob alice"}
    for person, name in ((alice, "alice"), (bob, "bob"), (dana, "dana")):
        page = text_of(person.client.get(PAGES))
        assert {one for one in DEFAULTS if one not in page} == set()
        for way, whose in ways.items():
            assert (way in page) is (name in whose or (name == "alice" and way.startswith("Edit"))), (name, way)
    docent = personas(alice)["Docent"]
    path = f"{PAGES}{docent['id']}/"
    assert bob.client.get(path).status_code == 403
    assert dana.client.get(path).status_code == 403
    assert "Restore the default" not in text_of(alice.client.get(PAGES))
    send(alice, f"{path}change/", FORM | {"name": "Ours", "is_default": "on"})
    assert "Restore the default" in text_of(alice.client.get(PAGES))
    assert "Docent is as it was at first." in text_of(send(alice, f"{path}reset/"))
    assert personas(alice)["Docent"]["instructions"] == docent["instructions"]


def test_prompts_are_kept_shared_and_deleted(bob: Person, dana: Person) -> None:
    assert "Share it" in text_of(bob.client.get(PROMPTS))
    assert "Share it" not in text_of(dana.client.get(PROMPTS)), "viewers keep theirs to themselves"
    send(bob, f"{PROMPTS}create/", {"title": "Summary", "text": "On {{topic}}", "is_shared": "on"})
    page = dana.client.get(PROMPTS)
    assert "On {{topic}}" in page.content.decode()
    assert "Edit Summary" not in text_of(page)
    [prompt] = bob.api.get("/api/v1/prompts/").json()["results"]
    own = f"{PROMPTS}{prompt['id']}/"
    assert "Gist is saved." in text_of(send(bob, f"{own}change/", {"title": "Gist", "text": "Of {{topic}}"}))
    assert dana.api.get("/api/v1/prompts/").json()["results"] == [], "without its box it is shared no more"
    assert "A prompt needs a text." in text_of(send(bob, f"{own}change/", {"title": "Gist", "text": " "}))
    assert "Gist is deleted." in text_of(send(bob, f"{own}delete/"))
    assert bob.api.get("/api/v1/prompts/").json()["results"] == []


def test_a_chat_begins_with_the_chosen_assistant(alice: Person, bob: Person) -> None:
    def chosen(query: str = "") -> list[str]:
        page = bob.client.get(f"/o/acme/{query}").content.decode()
        return re.findall(r'<option value="([\w-]*)"[^>]* selected[ >]', page)

    # In the field's menu, and in the one of the form without scripts.
    assert chosen() == ["docent", "docent"]
    assert chosen("?persona=open-chat") == ["open-chat", "open-chat"]
    assert chosen("?persona=nobody") == ["docent", "docent"]
    assert "Draft a friendly reminder" in bob.client.get("/o/acme/").content.decode()
    begun = bob.client.post("/o/acme/c/", {"persona": "open-chat"}, content_type="application/json").json()
    page = bob.client.get(begun["url"]).content.decode()
    assert "data-conversation-assistant>Open chat</p>" in page
    assert "data-assistant " not in page, "it is chosen where a chat begins"
    assert bob.api.get(f"/api/v1/conversations/{begun['id']}/").json()["mode"] == "open"
    refused = bob.client.post("/o/acme/c/", {"persona": "nobody"}, content_type="application/json")
    assert refused.json()["errors"][0]["pointer"] == "/persona"
    gone = personas(alice)["Open chat"]["id"]
    assert alice.full_api.delete(f"/api/v1/personas/{gone}/").status_code == 204
    assert "Open chat (archived: it answers Docent’s own way)" in bob.client.get(begun["url"]).content.decode()


def test_the_administration_changes_them_too(alice: Person, bob: Person) -> None:
    admin = "/o/acme/admin/conversations/persona/"
    [collection] = [one["id"] for one in alice.api.get("/api/v1/collections/").json()["results"]]
    rows = {"chosen_collections-TOTAL_FORMS": "1", "chosen_collections-INITIAL_FORMS": "0"}
    form = FORM | rows | {"chosen_collections-0-collection": collection}
    assert "added successfully" in text_of(send(alice, f"{admin}add/", form))
    made = personas(alice)["Adviser"]
    assert (made["sample_questions"], made["collections"]) == (["May I?", "Must I?"], [collection])
    assert made["created_by"] == str(alice.user.pk)
    rows["chosen_collections-TOTAL_FORMS"] = "0"
    refused = send(alice, f"{admin}{made['id']}/change/", FORM | rows | {"temperature": "9"})
    assert "This is a number from 0 to 2." in text_of(refused)
    send(alice, f"{admin}{made['id']}/change/", FORM | rows | {"temperature": "1", "is_default": "on"})
    changed = personas(alice)["Adviser"]
    assert (changed["temperature"], changed["is_default"]) == (1, True)
    assert personas(alice)["Docent"]["is_default"] is False
    for action, offered in (("archive", False), ("restore", True)):
        send(alice, admin, {"action": action, "_selected_action": made["id"], "index": "0"})
        assert ("Adviser" in personas(alice)) is offered
