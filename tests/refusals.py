"""Comparing refusals: what a foreign id answers must be what a missing one does."""

from __future__ import annotations

from typing import Any


def refusal(response: Any) -> tuple[int, dict[str, Any]]:
    """Status and problem+json of a refusal, without the one part that differs from request to request."""
    assert response.headers["Content-Type"] == "application/problem+json", response.content
    body = dict(response.json())
    assert body.pop("request_id") == response.headers["X-Request-ID"]
    assert body["status"] == response.status_code
    return response.status_code, body


def pointers(response: Any) -> list[tuple[str, str]]:
    """Pointer and code of each field error of a 400."""
    status, body = refusal(response)
    assert status == 400, body
    return [(error["pointer"], error["code"]) for error in body.get("errors", [])]
