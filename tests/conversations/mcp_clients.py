"""Programs that speak the Model Context Protocol: the official client, and one that sends what it likes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from tests.plain import NO_TLS
from tests.processes import LiveServer

HANDSHAKE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
JSON_OR_EVENTS = "application/json, text/event-stream"


T = TypeVar("T")


def talk(server: LiveServer, token: str, say: Callable[[Client], Awaitable[T]], *, mode: str = "auto") -> T:
    """What a client at `/mcp` came to: `legacy` shakes hands, `auto` speaks the newest protocol that both know."""

    async def talked() -> T:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False, verify=NO_TLS) as http,
            Client(streamable_http_client(f"{server.url}/mcp", http_client=http), mode=mode) as client,
        ):
            return await say(client)

    return asyncio.run(talked())


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool has found: its structure, and word for word the same as one text of JSON."""
    result = await client.call_tool(tool, arguments)
    text = _only_text(result)
    assert not result.is_error, text
    assert json.loads(text) == result.structured_content
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """The words in which a tool refuses."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result
    assert result.structured_content is None
    return _only_text(result)


def _only_text(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


def message(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def sent(server: LiveServer, token: str | None, content: Any, *, method: str = "POST", **headers: str) -> Any:
    """The answer to a request of one's own making; `content` that is no string or bytes goes as JSON."""
    given = {"Content-Type": "application/json", "Accept": JSON_OR_EVENTS}
    if token is not None:
        given["Authorization"] = f"Bearer {token}"
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    body = content if isinstance(content, str | bytes) or content is None else json.dumps(content)
    url = f"{server.url}/mcp"
    return httpx.request(method, url, content=body, headers=given, timeout=30, trust_env=False, verify=NO_TLS)


def answer_of(response: httpx.Response) -> Any:
    """The JSON-RPC answer, which may come as an event."""
    if response.headers["Content-Type"].startswith("text/event-stream"):
        [data] = [line for line in response.text.splitlines() if line.startswith("data: {")]
        return json.loads(data.removeprefix("data: "))
    return response.json()
