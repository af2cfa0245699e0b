"""`/mcp` under hands that are not the official client's: what is sent wrong, too fast, or given up."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import anyio
import httpx
import pytest
from mcp.client.client import Client

from conversations.models import Message
from tenants.db import tenant_atomic
from tenants.services.tokens import create_token, revoke_token
from tests.config.polling import wait_for
from tests.conversations.conftest import api, handbook_of_alice
from tests.conversations.doors import Api
from tests.conversations.mcp_clients import HANDSHAKE, answer_of, message, refused, sent, talk
from tests.people import Person
from tests.processes import LiveServer
from tests.security.test_rate_limit import slow_down
from tests.standins.ollama import OllamaStandIn, Reply

__all__ = ["api", "handbook_of_alice"]

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
ENDLESS = Reply(text="word " * 4000, tokens_per_second=20)
LIST = message("tools/list")
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602


def test_every_version_of_the_protocol_is_answered_by_any_process(
    alice: Person, extractive_server: LiveServer, model_server: LiveServer
) -> None:
    """Stateless: one process shakes hands, the other one serves, and no session is named."""
    for version in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"):
        hello = message("initialize", **{**HANDSHAKE, "protocolVersion": version})
        greeted = sent(extractive_server, alice.token, hello)
        assert answer_of(greeted)["result"]["protocolVersion"] == version
        assert answer_of(greeted)["result"]["capabilities"] == {"tools": {"listChanged": False}}
        assert "Mcp-Session-Id" not in greeted.headers
        listed = sent(model_server, alice.token, LIST, MCP_Protocol_Version=version)
        assert {one["name"] for one in answer_of(listed)["result"]["tools"]} == {
            "search",
            "fetch",
            "ask",
            "list_collections",
        }
    unknown = sent(
        extractive_server, alice.token, message("initialize", **{**HANDSHAKE, "protocolVersion": "1999"})
    )
    assert answer_of(unknown)["result"]["protocolVersion"] == "2025-11-25"
    refusal = sent(extractive_server, alice.token, LIST, MCP_Protocol_Version="1999-01-01")
    assert refusal.status_code == 400
    assert answer_of(refusal)["error"]["code"] == INVALID_PARAMS


# What is sent, and the status and JSON-RPC code of the answer; None where it is no answer of JSON-RPC's.
WRONG: dict[str, tuple[Any, int, int | None]] = {
    "nothing": ("", 400, PARSE_ERROR),
    "no JSON": ("{", 400, PARSE_ERROR),
    "bytes": (b"\xff\xfe", 400, PARSE_ERROR),
    "no number": ('{"jsonrpc": "2.0", "id": NaN, "method": "ping"}', 400, PARSE_ERROR),
    "half a sign": ('{"jsonrpc": "2.0", "id": "\\ud800", "method": "ping"}', 400, PARSE_ERROR),
    "no end of depth": ("[" * 100_000, 400, PARSE_ERROR),
    "a number without end": ('{"jsonrpc": "2.0", "id": ' + "9" * 5000 + ', "method": "ping"}', 400, PARSE_ERROR),
    "no version": ({"id": 1, "method": "ping"}, 400, INVALID_PARAMS),
    "several": ([LIST, LIST], 400, INVALID_PARAMS),
    "a word": ('"ping"', 400, INVALID_PARAMS),
    "null": ("null", 400, PARSE_ERROR),
    "no such method": (message("tools/delete"), 200, METHOD_NOT_FOUND),
    "resources": (message("resources/list"), 200, METHOD_NOT_FOUND),
    "no such tool": (message("tools/call", name="erase", arguments={}), 200, INVALID_PARAMS),
    "no tool": (message("tools/call"), 200, INVALID_PARAMS),
    "arguments that are none": (message("tools/call", name="search", arguments=[1]), 200, INVALID_PARAMS),
}
# Arguments, and what the tool says of them.
ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, "query: This field is required."),
    "another": ({"q": "leave"}, "q: This field is not known."),
    "empty": ({"query": " "}, "query: This field may not be blank."),
    "a list": ({"query": ["leave"]}, "query: Not a valid string."),
    "null": ({"query": None}, "query: This field may not be null."),
    "a zero byte": ({"query": "\0"}, "query: Null characters are not allowed."),
    "too long": ({"query": "x" * 40_000}, "A query has at most 32,000 bytes."),
}


def test_what_is_sent_wrong_is_told_so(alice: Person, extractive_server: LiveServer) -> None:
    def send(content: Any, **options: str) -> httpx.Response:
        response: httpx.Response = sent(extractive_server, alice.token, content, **options)
        return response

    for name, (content, status, code) in WRONG.items():
        answer = send(content)
        assert (answer.status_code, answer_of(answer)["error"]["code"]) == (status, code), (name, answer.text)
        assert "Traceback" not in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert len(answer.headers["X-Request-ID"]) == 32
    for name, (arguments, told) in ARGUMENTS.items():
        result = answer_of(send(message("tools/call", name="search", arguments=arguments)))["result"]
        assert (result["isError"], result["content"]) == (True, [{"type": "text", "text": told}]), name
    for method in ("GET", "DELETE", "PUT", "PATCH", "OPTIONS"):
        answer = send(None, method=method)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST"), method
    assert send(LIST, Content_Type="text/plain").status_code == 400
    assert send(LIST, Accept="text/html").status_code == 406
    for body in (b"x" * 20_000_000, iter([b"x" * 1_000_000] * 20)):
        answer = httpx.post(
            f"{extractive_server.url}/mcp",
            content=body,
            headers={"Authorization": f"Bearer {alice.token}", "Content-Type": "application/json"},
            trust_env=False,
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    # It serves on, and with a slash at the end too.
    assert send(LIST).status_code == 200
    slashed = httpx.post(
        f"{extractive_server.url}/mcp/",
        json=LIST,
        headers={"Authorization": f"Bearer {alice.token}", "Accept": "application/json, text/event-stream"},
        trust_env=False,
    )
    assert slashed.status_code == 200
    extractive_server.require_life()


def test_pages_of_other_sites_and_other_names_are_refused(alice: Person, extractive_server: LiveServer) -> None:
    own = extractive_server.url
    for origin, status in {own: 200, "https://evil.example": 403, "null": 403, "http://[": 403}.items():
        assert sent(extractive_server, alice.token, LIST, Origin=origin).status_code == status, origin
    for host, status in {"localhost": 200, "evil.example": 400, "127.0.0.1.evil.example": 400}.items():
        assert sent(extractive_server, alice.token, LIST, Host=host).status_code == status, host
    evil = sent(extractive_server, alice.token, LIST, Host="evil.example", Origin="http://evil.example")
    assert evil.status_code == 400


def test_calls_are_counted_and_what_expects_no_answer_is_not(alice: Person, extractive_server: LiveServer) -> None:
    slow_down(alice)
    hello = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    unasked = [sent(extractive_server, alice.token, hello) for _ in range(8)]
    assert {answer.status_code for answer in unasked} == {202}
    calls = [sent(extractive_server, alice.token, LIST) for _ in range(8)]
    [status] = {answer.status_code for answer in calls} - {200}
    refusal = next(answer for answer in calls if answer.status_code == status)
    assert (status, refusal.json()["code"], refusal.headers["Retry-After"]) == (429, "rate_limited", "1")
    assert {answer.headers["RateLimit-Limit"] for answer in calls} == {"5"}
    assert calls[0].headers["RateLimit-Remaining"] == "4"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_who_leaves_stops_the_answer(api: Api, ollama: OllamaStandIn, mode: str) -> None:
    """Within a second, at the model server too."""
    ollama.script(ENDLESS)

    async def say(client: Client) -> float:
        is_written = anyio.Event()

        async def heard(progress: float, total: float | None, message: str | None) -> None:
            if (message or "").startswith("Writing: "):
                is_written.set()

        async with anyio.create_task_group() as asking:

            async def ask() -> None:
                await client.call_tool("ask", {"question": QUESTION}, progress_callback=heard)

            asking.start_soon(ask)
            await is_written.wait()
            asking.cancel_scope.cancel()
        return time.monotonic()

    left = talk(api.server, api.person.token, say, mode=mode)
    assert ollama.wait_aborted(1.0 - (time.monotonic() - left))
    with tenant_atomic(api.person.access.tenant_id):
        wait_for("it is stopped", lambda: Message.objects.filter(status="stopped").exists())


def test_an_answer_ends_with_the_authority_of_who_asked(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(ENDLESS)
    access = api.person.access
    made = create_token(access=access, name="to go")

    async def say(client: Client) -> str:
        asking = asyncio.create_task(refused(client, "ask", question=QUESTION))
        while not await asyncio.to_thread(ollama.wait_requests, 5):
            pass
        await asyncio.to_thread(revoke_token, access=access, token=made.token)
        return await asking

    assert talk(api.server, made.value, say) == "Your access has ended while you waited."
    assert ollama.wait_aborted(5)


def test_what_a_model_cannot_answer_is_told_in_plain_words(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text="They have", fault="cut", fault_after=1), Reply(status=400))

    async def say(client: Client) -> list[str]:
        return [await refused(client, "ask", question=QUESTION) for _ in range(2)]

    told = talk(api.server, api.person.token, say)
    assert told == [
        "The model server broke off before the answer was complete.",
        "The model server refused to answer.",
    ]
