"""What an assistant does with Docent's tools: search, read, ask. Usage: mcp_client.py "A question?"."""

import asyncio
import os
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

URL = f"{os.environ['DOCENT_URL']}/mcp"
HEADERS = {"Authorization": f"Bearer {os.environ['DOCENT_TOKEN']}"}


async def say_progress(progress: float, total: float | None, message: str | None) -> None:
    print(f"… {message}", file=sys.stderr)


async def main(question: str) -> None:
    async with (
        httpx2.AsyncClient(headers=HEADERS, timeout=300) as http,
        Client(streamable_http_client(URL, http_client=http)) as docent,
    ):
        tools = await docent.list_tools()
        print("tools:", ", ".join(tool.name for tool in tools.tools))

        found = await docent.call_tool("search", {"query": question})
        results = found.structured_content["results"]
        print("found:", *(f"  {one['title']}: {one['url']}" for one in results), sep="\n")
        if results:
            document = await docent.call_tool("fetch", {"id": results[0]["id"]})
            print("read:", document.structured_content["text"].splitlines()[1])

        asked = await docent.call_tool("ask", {"question": question}, progress_callback=say_progress)
        if asked.is_error:
            sys.exit(" ".join(one.text for one in asked.content if isinstance(one, TextContent)))
        print(asked.structured_content["answer"])
        for citation in asked.structured_content["citations"]:
            print(f"[{citation['marker']}] {citation['title']}, p. {citation['page']}: {citation['quote']}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
