"""What a search costs by way of MCP, beside the same search over REST: both in turn, on kept connections."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from statistics import median
from typing import Any

import httpx

from bench.corpus import pdfs, questions
from bench.figures import Figure, parser, report
from bench.portal import BenchError, portal, upload

ROUNDS = 100
TARGET_MS = 15.0
_WARM_UP = 5
_VERSION = "2026-07-28"
_ACCEPT = "application/json, text/event-stream"


def measure() -> Iterable[Figure]:
    """How much longer it takes, by the newest protocol and by the one before."""
    with portal() as running, running.client() as client:
        upload(running, pdfs(None, 20))
        client.headers["Accept"] = _ACCEPT
        url = f"{running.url}/mcp"
        seconds: dict[str, list[float]] = {"REST": [], "newest": [], "handshake": []}
        for place, question in enumerate(questions(ROUNDS + _WARM_UP)):
            rest = {"query": question, "top_k": 10}
            for name, took in (
                ("REST", _took(client, f"{running.url}/api/v1/search/", rest)),
                ("newest", _took(client, url, _call(question, newest=True), _newest())),
                ("handshake", _took(client, url, _call(question, newest=False))),
            ):
                if place >= _WARM_UP:
                    seconds[name].append(took * 1000)
    for name in ("newest", "handshake"):
        yield Figure(
            name=f"Search by MCP over REST's, {name} protocol, median of {ROUNDS}",
            value=median(seconds[name]) - median(seconds["REST"]),
            unit="ms",
            target=TARGET_MS,
            details={
                "REST, ms": median(seconds["REST"]),
                "MCP, ms": median(seconds[name]),
                "slowest tenth of MCP from, ms": sorted(seconds[name])[int(0.9 * ROUNDS)],
            },
        )


def _newest() -> dict[str, str]:
    return {"MCP-Protocol-Version": _VERSION, "Mcp-Method": "tools/call", "Mcp-Name": "search"}


def _call(query: str, *, newest: bool) -> dict[str, Any]:
    params: dict[str, Any] = {"name": "search", "arguments": {"query": query}}
    if newest:
        prefix = "io.modelcontextprotocol"
        params["_meta"] = {f"{prefix}/protocolVersion": _VERSION, f"{prefix}/clientCapabilities": {}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def _took(client: httpx.Client, url: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> float:
    begun = time.perf_counter()
    response = client.post(url, json=body, headers=headers)
    took = time.perf_counter() - begun
    if response.status_code != httpx.codes.OK or '"error"' in response.text or "results" not in response.text:
        raise BenchError(response.text)
    return took


def main() -> int:
    options = parser(__doc__).parse_args()
    return report(measure(), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
