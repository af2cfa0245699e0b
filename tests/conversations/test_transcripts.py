"""Conversations as files: as their reader may see them today, and harmless wherever they are opened."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.conversations.doors import Api
from tests.conversations.talks import talk_of
from tests.conversations.test_sight import HOLIDAY, QUESTION, Shelf, shelf
from tests.people import Person
from tests.processes import LiveServer
from tests.refusals import pointers, refusal
from tests.standins.ollama import OllamaStandIn, Reply

__all__ = ["shelf"]

pytestmark = pytest.mark.django_db(transaction=True)

WILD = (
    "# Question 9\n\nSee [here](https://evil.example/a) and ![pixel](https://evil.example/b) \\\\[c](https://evil.example/c)"
    "\n\n[ref]: https://evil.example/d\n\n[ref] <img src=https://evil.example/e> <https://evil.example/f>"
    "\n\nTitle\n=====\n\n- a\n\n  ```\n[out](https://evil.example/g)\n  ```\n\n| a | b |\n|---|---|\n| 1 | **2** |"
    "\n\n<script>alert(1)</script>\n\n```\ncode [x](https://evil.example/h)\n"
)


def exported(person: Person, conversation: str, wanted: str, **query: str) -> Any:
    response = person.api.get(f"/api/v1/conversations/{conversation}/export/", {"format": wanted, **query})
    assert response.status_code == 200, response.content
    portal = person.client.get(f"/o/acme/c/{conversation}/export/", {"format": wanted, **query})
    for one in (response, portal):
        assert one.headers["Cache-Control"] == "no-store"
        assert one.headers["X-Content-Type-Options"] == "nosniff"
        assert one.headers["Content-Disposition"].startswith("attachment")
        assert one.headers["Content-Security-Policy"].startswith("sandbox")
    assert portal.headers["Content-Disposition"] == response.headers["Content-Disposition"]
    return response


def ask(api: Api, conversation: str, content: str, parent: str | None = None) -> dict[str, Any]:
    body = {"content": content} if parent is None else {"content": content, "parent": parent}
    response = api.post(f"/conversations/{conversation}/messages/", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


def tokens(markdown: str) -> list[Token]:
    """As a renderer reads it that lets everything through."""
    parsed = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(markdown)
    return [one for block in parsed for one in (block, *(block.children or []))]


def links(markdown: str) -> list[str]:
    found = [one for one in tokens(markdown) if one.type in {"link_open", "image", "html_inline", "html_block"}]
    return [str(one.attrs.get("href") or one.attrs.get("src") or one.content) for one in found]


def headings(markdown: str) -> list[str]:
    parsed = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    pairs = pairwise(parsed)
    return [text.content for opening, text in pairs if opening.type == "heading_open"]


def test_three_formats_of_a_branch(bob: Person, shelf: Shelf, live_server: LiveServer) -> None:
    api = Api(live_server, bob)
    conversation = api.conversation(title="Leave & trains: “2024”/x")
    first = ask(api, conversation, QUESTION)
    second = ask(api, conversation, "Are night trains refunded?", first["id"])
    other = ask(api, conversation, "How many months of leave may parents share?", first["id"])
    whole = exported(bob, conversation, "json")
    assert whole.headers["Content-Disposition"].startswith('attachment; filename="Leave-trains-2024-x.json"')
    record = whole.json()
    listed = bob.api.get(f"/api/v1/conversations/{conversation}/messages/").json()["results"]
    assert (record["schema"], record["messages"], record["leaf"]) == ("docent-conversation/1", listed, other["id"])
    assert record["conversation"]["title"] == "Leave & trains: “2024”/x"
    for wanted in ("markdown", "html"):
        latest = exported(bob, conversation, wanted).content.decode()
        chosen = exported(bob, conversation, wanted, leaf=second["id"]).content.decode()
        assert ("months of leave" in latest, "night trains refunded" in latest) == (True, False)
        assert ("months of leave may" in chosen, "night trains refunded" in chosen) == (False, True)
        assert "How many days of paid holiday" in latest
    markdown = exported(bob, conversation, "markdown", leaf=first["id"]).content.decode()
    [citation] = [one for one in first["citations"] if one["quote"] == HOLIDAY]
    here = bob.api.get(f"/api/v1/messages/{first['id']}/").json()["citations"]
    assert f"{HOLIDAY} [{citation['marker']}]" in markdown
    assert f"- \\[{citation['marker']}\\] handbook.pdf, p. {citation['page']}: “{HOLIDAY}” <" in markdown
    assert set(links(markdown)) == {one["url"] for one in here}
    assert headings(markdown) == ["Leave \\& trains: “2024”/x", "Question 1", "Answer", "Sources"]


def test_a_file_says_what_its_reader_may_see_today(bob: Person, shelf: Shelf, live_server: LiveServer) -> None:
    api = Api(live_server, bob)
    conversation = api.conversation(title="Leave")
    ask(api, conversation, QUESTION)
    shelf.open_to()
    for wanted in ("markdown", "html", "json"):
        text = exported(bob, conversation, wanted).content.decode()
        assert shelf.document not in text
        assert HOLIDAY in text, "what was told stays told"
    assert "no longer available to you" in exported(bob, conversation, "markdown").content.decode()
    html = exported(bob, conversation, "html").content.decode()
    assert "no longer available to you" in html
    assert 'href="http' not in html


def test_O1_L2_what_others_wrote_is_only_text(
    alice: Person, shelf: Shelf, model_server: LiveServer, ollama: OllamaStandIn
) -> None:
    alice.api.patch(f"/api/v1/documents/{shelf.document}/", {"title": "# [t](https://evil.example/t) <img src=x>"})
    api = Api(model_server, alice)
    conversation = api.conversation(title="![i](https://evil.example/i)\n<b>bold</b>")
    ollama.script(Reply(text=f"{HOLIDAY} [1]\n\n{WILD}"))
    first = ask(api, conversation, QUESTION)
    assert first["citations"]
    wild = "<script>alert(2)</script> [q](https://evil.example/q)\n# One\n1. Two\n- Three"
    ask(api, conversation, wild, first["id"])
    markdown = exported(alice, conversation, "markdown").content.decode()
    assert "evil.example" in markdown
    assert [one for one in links(markdown) if "/o/acme/" not in one] == []
    assert headings(markdown)[1:] == ["Question 1", "Answer", "Sources", "Question 2", "Answer"]
    kinds = {one.type for one in tokens(markdown)}
    assert {"table_open", "strong_open", "fence"} <= kinds, "its own form stays"
    html = exported(alice, conversation, "html").content.decode()
    assert re.findall(r"<(script|img|iframe|object|link|form)\b", html) == []
    assert [one for one in re.findall(r'(?:href|src)="([^"]*)"', html) if "evil" in one] == []
    assert re.findall(r"@import|url\(", html) == []
    assert '<meta http-equiv="Content-Security-Policy" content="default-src &#x27;none&#x27;' in html
    anchors = re.findall(r'class="chip" data-marker="1" href="#([^"]+)"', html)
    assert anchors
    assert all(f'<li id="{one}" value="1">' in html for one in anchors)


def test_what_cannot_be_exported(alice: Person, bob: Person, charlie: Person) -> None:
    own = bob.api.post("/api/v1/conversations/", {}).json()["id"]
    path = f"/api/v1/conversations/{own}/export/"
    missing = refusal(alice.api.get(f"/api/v1/conversations/{uuid4()}/export/"))
    for person in (alice, charlie):
        assert refusal(person.api.get(path)) == missing
    assert missing[0] == 404
    # Nobody's, a colleague's, a stranger's, and one's own of another conversation.
    leaves = [str(uuid4()), *(str(talk_of(person, turns=1).answers[0]) for person in (alice, charlie, bob))]
    for query, wrong in (
        ({"format": "pdf"}, ("/format", "invalid_choice")),
        *(({"format": "markdown", "leaf": leaf}, ("/leaf", "unknown_id")) for leaf in leaves),
        ({"colour": "red"}, ("/colour", "unknown_field")),
    ):
        assert pointers(bob.api.get(path, query)) == [wrong]
    assert 'filename="conversation.md"' in exported(bob, own, "markdown").headers["Content-Disposition"]
    assert exported(bob, own, "html").status_code == 200
    assert exported(bob, own, "json").json()["messages"] == []
