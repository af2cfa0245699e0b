"""`/mcp`, by the official client over a real socket: what tools there are, what they give, and to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from mcp.client.client import Client

from documents.masking import MaskingRules
from documents.models import Document
from documents.services.documents import update_document
from documents.services.masking import set_masking_policy
from tenants.db import tenant_atomic
from tenants.models import ApiToken
from tenants.permissions import Scope
from tenants.services.tokens import create_token
from tests.conversations.conftest import api, handbook_of_alice
from tests.conversations.doors import Api
from tests.conversations.mcp_clients import called, refused, sent, talk
from tests.factories import processed, ready, uploaded
from tests.people import Person
from tests.processes import LiveServer, Running
from tests.standins.ollama import OllamaStandIn, Reply

__all__ = ["api", "handbook_of_alice"]

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
SENTENCE = "Every full-time employee has twenty-eight days of paid holiday a year."
NOTHING = "There is nothing under this id. Take one that `search` has given."
TOOLS = {
    "search": (["query"], ["query"]),
    "fetch": (["id"], ["id"]),
    "ask": (["question", "collection"], ["question"]),
    "list_collections": ([], []),
}


def page_url(server: LiveServer, document: str, page: int) -> str:
    return f"{server.url}/o/acme/d/{document}/v/1/p/{page}"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_client_finds_the_tools_searches_reads_and_asks(
    api: Api, handbook_of_alice: dict[str, Any], ollama: OllamaStandIn, mode: str
) -> None:
    """By the newest protocol, and by the one before, which shakes hands."""
    document, server = handbook_of_alice["id"], api.server
    ollama.script(Reply(text="They have twenty-eight days [1].", tokens_per_second=8))
    said: list[tuple[float, str | None]] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        said.append((progress, message))

    async def say(client: Client) -> None:
        assert client.server_info is not None
        assert (client.server_info.name, client.server_info.title) == ("docent", "Docent")
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        shown = {
            name: (list(one.input_schema["properties"]), one.input_schema["required"])
            for name, one in tools.items()
        }
        assert shown == TOOLS
        for tool in tools.values():
            hints = tool.annotations
            assert hints is not None
            assert (hints.read_only_hint, hints.destructive_hint, hints.open_world_hint) == (True, False, False)
            assert tool.title
            assert tool.description
            assert tool.output_schema

        found = await called(client, "search", query=QUESTION)
        assert set(found) == {"results"}
        assert {(one["id"], one["title"]) for one in found["results"]} == {
            (f"{document}:{page}", f"handbook.pdf, page {page}") for page in (1, 2, 3)
        }
        assert found["results"][0] == {
            "id": f"{document}:1",
            "title": "handbook.pdf, page 1",
            "url": f"{page_url(server, document, 1)}?start=0&end=85",
        }
        for one in (f"{document}:1", document, document.upper()):
            read = await called(client, "fetch", id=one)
            assert read == {
                "id": f"{document}:1",
                "title": "handbook.pdf",
                "text": read["text"],
                "url": page_url(server, document, 1),
                "metadata": {
                    "document": document,
                    "name": "handbook.pdf",
                    "collection": "Documents",
                    "version": 1,
                    "pages": "1-3",
                    "page_count": 3,
                    "language": "en",
                },
            }
            assert read["text"].startswith(f"--- Page 1 ---\nStaff handbook\n{SENTENCE}\n\n--- Page 2 ---\n")
        [collection] = (await called(client, "list_collections"))["collections"]
        assert (collection["name"], collection["slug"], collection["documents"]) == ("Documents", "documents", 1)

        asked = await client.call_tool("ask", {"question": QUESTION}, progress_callback=heard)
        answer = asked.structured_content
        assert (answer["answer"], answer["is_refused"]) == ("They have twenty-eight days [1].", False)
        [citation] = answer["citations"]
        assert (citation["marker"], citation["page"], citation["quote"]) == (1, 1, SENTENCE)
        assert citation["url"] == f"{page_url(server, document, 1)}?start=15&end=85"
        assert [one["marker"] for one in answer["sources"]] == [1, 2, 3]
        assert {one["id"] for one in answer["sources"]} == {f"{document}:{page}" for page in (1, 2, 3)}

    talk(server, api.person.token, say, mode=mode)
    assert api.get("/conversations/").json()["results"] == []
    numbers = [number for number, _ in said]
    assert numbers == sorted(set(numbers))
    words = [words or "" for _, words in said]
    assert "Searching your documents…" in words
    assert any(one.startswith("Writing: ") for one in words)


def test_each_sees_exactly_their_own(
    alice: Person, bob: Person, charlie: Person, worker: Running, extractive_server: LiveServer
) -> None:
    """Alice all of acme, bob's token one collection of it, charlie globex; what is not theirs looks missing."""
    minutes = alice.api.post("/api/v1/collections/", {"name": "Minutes"}).json()["id"]
    text = "The board met on the third of May and raised the days of paid holiday to twenty-eight."
    handbook, theirs = ready(alice)["id"], ready(charlie)["id"]
    told = uploaded(alice, "minutes.txt", text.encode(), collection=minutes)["id"]
    assert processed(alice, told)["status"] == "ready"
    ids = {"handbook": handbook, "minutes": told, "charlie's": theirs}
    from_there = create_token(access=bob.access, name="minutes", collections=[UUID(minutes)]).value
    tokens = {"alice": alice.token, "bob": from_there, "charlie": charlie.token}
    sees = {"alice": {"handbook", "minutes"}, "bob": {"minutes"}, "charlie": {"charlie's"}}
    names = {"alice": {"Documents", "Minutes"}, "bob": {"Minutes"}, "charlie": {"Documents"}}

    def see(who: str) -> Any:
        async def say(client: Client) -> None:
            found = (await called(client, "search", query=QUESTION))["results"]
            assert {one["id"].partition(":")[0] for one in found} == {ids[name] for name in sees[who]}
            for name, one in ids.items():
                if name in sees[who]:
                    assert (await called(client, "fetch", id=one))["metadata"]["document"] == one
                else:
                    assert await refused(client, "fetch", id=one) == NOTHING
                    assert await refused(client, "fetch", id=f"{one}:1") == NOTHING
            listed = (await called(client, "list_collections"))["collections"]
            assert {one["name"] for one in listed} == names[who]
            answer = await called(client, "ask", question=QUESTION)
            assert {one["id"].partition(":")[0] for one in answer["sources"]} == {ids[name] for name in sees[who]}
            if who == "alice":
                answer = await called(client, "ask", question=QUESTION, collection="minutes")
                assert {one["id"] for one in answer["sources"]} == {f"{ids['minutes']}:1"}
            if who == "charlie":
                for missing in (minutes, "minutes", str(uuid4()), "none"):
                    told = await refused(client, "ask", question=QUESTION, collection=missing)
                    assert told == "collection: There is no such collection."
            for nothing in (
                str(uuid4()),
                f"{ids['minutes']}:2",
                f"{handbook}:0",
                "1",
                "../1",
                "\u202e",
                "x" * 200,
            ):
                assert await refused(client, "fetch", id=nothing) == NOTHING

        return say

    for who, token in tokens.items():
        talk(extractive_server, token, see(who))


def test_a_token_does_what_its_scopes_say_and_nothing_once_it_ended(
    alice: Person, extractive_server: LiveServer
) -> None:
    tools = {
        Scope.CHAT: {"ask"},
        Scope.DOCUMENTS_READ: {"search", "fetch", "list_collections"},
        Scope.DOCUMENTS_WRITE: set(),
    }
    takes = {
        "search": {"query": "leave"},
        "fetch": {"id": "1"},
        "ask": {"question": "Who?"},
        "list_collections": {},
    }
    for scope, allowed in tools.items():
        token = create_token(access=alice.access, name=scope, scopes=frozenset({scope})).value

        async def say(client: Client, allowed: set[str] = allowed) -> None:
            assert {tool.name for tool in (await client.list_tools()).tools} == allowed
            for name in set(takes) - allowed:
                needed = "chat" if name == "ask" else "documents:read"
                told = await refused(client, name, **takes[name])
                assert told == f"This token lacks the scope “{needed}”, which {name} needs. Make one that has it."

        talk(extractive_server, token, say)

    def challenge(token: str | None, **headers: str) -> tuple[int, str]:
        answer = sent(extractive_server, token, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, **headers)
        return answer.status_code, answer.headers.get("WWW-Authenticate", "")

    asked = 'Bearer realm="docent", scope="chat documents:read"'
    wrong = f'{asked}, error="invalid_token"'
    cookie = f"sessionid={alice.client.cookies['sessionid'].value}"
    assert challenge(alice.token)[0] == 200
    assert challenge(None) == challenge(None, Cookie=cookie) == (401, asked)
    assert challenge(alice.token[:-1]) == challenge("nothing") == (401, wrong)
    for end in ({"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(seconds=1)}):
        ended = create_token(access=alice.access, name="ended").value
        with tenant_atomic(alice.access.tenant_id):
            ApiToken.objects.filter(name="ended").update(**end)
        assert challenge(ended) == (401, wrong)


def test_a_long_document_is_read_part_by_part(
    alice: Person, worker: Running, extractive_server: LiveServer
) -> None:
    parts = [f"# Part {number}\n\n" + f"Clause {number} binds both parties. " * 260 for number in range(1, 7)]
    document = ready(alice, "contract.md", "\n\n".join(parts).encode())["id"]

    async def say(client: Client) -> list[dict[str, Any]]:
        read = [await called(client, "fetch", id=document)]
        while "next" in read[-1]["metadata"]:
            read.append(await called(client, "fetch", id=read[-1]["metadata"]["next"]))
        return read

    read = talk(extractive_server, alice.token, say)
    assert len(read) > 1
    whole = "\n\n".join(one["text"] for one in read)
    pages = read[0]["metadata"]["page_count"]
    assert [f"--- Page {number} ---" for number in range(1, pages + 1)] == [
        line for line in whole.splitlines() if line.startswith("--- ")
    ]
    assert {whole.count(f"Clause {number} binds") for number in range(1, 7)} == {260}
    assert all(len(one["text"]) < 42_000 for one in read)


def test_a_model_reads_neither_what_is_masked_nor_what_nobody_sees(
    alice: Person, worker: Running, extractive_server: LiveServer
) -> None:
    address = "ann@acme.example"
    masked = "•" * len(address)
    unseen = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    with tenant_atomic(alice.access.tenant_id):
        set_masking_policy(access=alice.access, rules=MaskingRules(emails=True))
    letter = f"Whoever loses a key of the harbour office{unseen} writes to {address} on the same day."
    document = ready(alice, "letter.txt", letter.encode())["id"]
    with tenant_atomic(alice.access.tenant_id):
        found = Document.objects.get(id=document)
        update_document(access=alice.access, document=found, title=f"Letter{unseen} to {address}")

    async def say(client: Client) -> None:
        question = "Whom does one write to who loses a key of the harbour office?"
        [result] = (await called(client, "search", query=question))["results"]
        assert result["title"] == f"Letter to {masked}, page 1"
        read = await called(client, "fetch", id=result["id"])
        assert read["title"] == f"Letter to {masked}"
        assert read["text"].endswith(f"harbour office writes to {masked} on the same day.")
        answer = str(await called(client, "ask", question=question))
        assert masked in answer
        assert address not in answer

    talk(extractive_server, alice.token, say)
