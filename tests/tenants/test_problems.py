"""Refusals of the APIs: their shape, and that they undo what the request began."""

from __future__ import annotations

import pytest
from django.db import DataError, OperationalError, transaction
from django.test import RequestFactory

from tenants.api.problems import CONTENT_TYPE, exception_handler
from tenants.db import tenant_atomic
from tenants.errors import Conflict
from tests.people import Person

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
