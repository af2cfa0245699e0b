"""Refusals of the APIs: their shape, and that they undo what the request began."""

from __future__ import annotations

from base64 import b64encode

import pytest
from django.db import DataError, OperationalError, transaction
from django.test import RequestFactory

from tenants.api.problems import CONTENT_TYPE, exception_handler
from tenants.db import tenant_atomic
from tenants.errors import Conflict
from tests.people import Person
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (Conflict("Not now.", code="not_now"), 409, "not_now"),
        (OperationalError("server at 10.0.0.1 is gone"), 503, "unavailable"),
        (DataError("secret value"), 500, "internal_error"),
    ],
)
def test_a_refused_request_commits_nothing(alice: Person, raised: Exception, status: int, code: str) -> None:
    with tenant_atomic(alice.access.tenant_id):
        answer = exception_handler(raised, {"request": RequestFactory().get("/api/v1/me/")})
        must_roll_back = transaction.get_rollback()
    assert must_roll_back
    assert (answer.status_code, answer.content_type, answer.data["code"]) == (status, CONTENT_TYPE, code)
    assert answer.data["request_id"] == answer.headers["X-Request-ID"]


def test_a_failure_says_nothing_of_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    answer = exception_handler(DataError("secret value"), {"request": RequestFactory().get("/api/v1/me/")})
    assert "secret value" not in str(answer.data)
    assert "secret value" in caplog.text
    assert answer.data["request_id"] in caplog.text


@pytest.mark.parametrize("path", ["audit", "conversations", "documents", "exports", "jobs", "members", "tokens"])
@pytest.mark.parametrize("position", ["p=x", "p=%00", "p=2026-13-45", "p=1&o=9"])
def test_I11_a_cursor_of_ones_own_making_leads_nowhere(alice: Person, path: str, position: str) -> None:
    cursor = b64encode(position.encode()).decode()
    status, body = refusal(alice.full_api.get(f"/api/v1/{path}/", {"cursor": cursor}))
    assert (status, body["code"], body["detail"]) == (404, "not_found", "Invalid cursor")


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"of": "\\ud800"}',
        '{"\\udfff": 1}',
        '{"of": 1e400}',
        '{"of": NaN}',
        "{",
        "\ufeff{}",
    ],
)
@pytest.mark.parametrize("path", ["exports", "query"])
def test_P9_a_body_that_cannot_be_kept_is_refused(alice: Person, path: str, body: str) -> None:
    status, problem = refusal(alice.full_api.post(f"/api/v1/{path}/", body.encode()))
    assert (status, problem["code"]) == (400, "parse_error")


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing/", "/mcp/nothing"])
def test_programs_hear_of_paths_that_lead_nowhere_as_of_everything_else(alice: Person, path: str) -> None:
    answer = alice.api.get(path)
    assert (refusal(answer)[0], refusal(answer)[1]["code"]) == (404, "not_found")
    assert "RateLimit-Remaining" in answer.headers
    page = alice.client.get("/nothing/")
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
