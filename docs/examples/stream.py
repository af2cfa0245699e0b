"""An answer word by word over a WebSocket. Usage: stream.py "A question?" """

import asyncio
import json
import os
import sys
import urllib.request
from typing import Any

import websockets

URL = os.environ["DOCENT_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['DOCENT_TOKEN']}"}


def call(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {**HEADERS, "Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return dict(json.load(answer))


async def main(question: str) -> None:
    # The token knows its organisation, whose name is in the socket's address.
    slug = call("/api/v1/me/")["tenant"]["slug"]
    conversation = call("/api/v1/conversations/", {})["id"]
    address = f"{URL.replace('http', 'ws', 1)}/o/{slug}/ws/conversations/{conversation}/"
    async with websockets.connect(address, additional_headers=HEADERS) as socket:
        await socket.send(json.dumps({"type": "ask", "content": question}))
        async for frame in socket:
            event = json.loads(frame)
            match event["type"]:
                case "status":
                    print(f"({event['detail']})", file=sys.stderr)
                case "delta":
                    print(event["text"], end="", flush=True)
                case "finished":
                    print()
                    for one in event["citations"]:
                        print(f"[{one['marker']}] {one['title']}, p. {one['page']}: {one['quote']}")
                    return
                case "failed":
                    sys.exit(event["detail"])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
