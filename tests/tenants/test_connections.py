"""Who reads slowly, and who waits, keeps no connection to the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.db import connection

from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


def taken() -> int:
    """How many of the pool's connections somebody has."""
    stats = connection.pool.get_stats()  # type: ignore[attr-defined]
    return int(stats["pool_size"] - stats["pool_available"])


async def taken_while_sending(person: Person, path: str) -> list[int]:
    """What is taken for it at each moment at which a part of the answer is handed to the server."""
    before = taken()
    cookies = "; ".join(f"{name}={one.value}" for name, one in person.client.cookies.items())
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"cookie", cookies.encode())],
    }
    asked, counts = asyncio.Event(), []

    async def receive() -> dict[str, Any]:
        if asked.is_set():
            await asyncio.Event().wait()
        asked.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        assert message.get("status", 200) == 200
        counts.append(taken() - before)

    await ASGIHandler()(scope, receive, send)
    return counts


async def test_whoever_reads_slowly_keeps_no_connection(alice: Person) -> None:
    for path in ("/o/acme/", "/o/acme/documents/", "/o/acme/settings/usage/", "/accounts/email/"):
        counts = await taken_while_sending(alice, path)
        assert len(counts) >= 2, path
        assert set(counts) == {0}, path
