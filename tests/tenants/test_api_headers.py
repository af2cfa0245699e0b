"""What stands in the headers of every answer: what may still be called, and which web pages may read it."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.people import ApiClient, Person

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "https://app.example.org"
ME = "/api/v1/me/"
EXPOSED = {
    "Content-Disposition",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-ID",
}


@pytest.fixture
def _one_page(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [PAGE]


def _cors(answer: object) -> dict[str, str]:
    headers = answer.headers  # type: ignore[attr-defined]
    return {name: value for name, value in headers.items() if name.lower().startswith("access-control-")}


@pytest.mark.usefixtures("_one_page")
def test_a_page_of_a_named_origin_may_call_with_a_token_and_never_with_a_cookie(alice: Person) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "x-any"}
    nobody = ApiClient("")
    for path in (ME, "/openai/v1/models", "/api/v1/documents/"):
        preflight = nobody.options(path, headers=asked)
        assert preflight.status_code == 200
        told = _cors(preflight)
        assert told["access-control-allow-origin"] == PAGE
        assert told["access-control-allow-headers"] == "*, authorization"
        assert {"PATCH", "DELETE", "PUT", "POST"} <= set(told["access-control-allow-methods"].split(", "))
        assert "access-control-allow-credentials" not in told
    for client, status in ((alice.api, 200), (nobody, 401), (alice.client, 401)):
        answer = client.get(ME, headers={"Origin": PAGE})
        assert answer.status_code == status
        assert _cors(answer).keys() == {"access-control-allow-origin", "access-control-expose-headers"}
        assert set(_cors(answer)["access-control-expose-headers"].split(", ")) == EXPOSED
    assert "origin" in answer.headers["Vary"].lower()


@pytest.mark.usefixtures("_one_page")
def test_pages_of_other_origins_and_other_paths_are_told_nothing(alice: Person) -> None:
    asked = {"Access-Control-Request-Method": "GET"}
    for origin in ("https://evil.example", f"{PAGE}.evil.example", "http://app.example.org", "null"):
        assert _cors(alice.api.options(ME, headers={"Origin": origin, **asked})) == {}
        assert _cors(alice.api.get(ME, headers={"Origin": origin})) == {}
    for path in ("/o/acme/", "/accounts/login/", "/mcp", "/health/live"):
        assert _cors(alice.client.options(path, headers={"Origin": PAGE, **asked})) == {}
        assert _cors(alice.client.get(path, headers={"Origin": PAGE})) == {}


def test_without_the_setting_no_page_may(alice: Person) -> None:
    assert _cors(alice.api.get(ME, headers={"Origin": PAGE})) == {}


@pytest.mark.usefixtures("_one_page")
def test_what_a_browser_asks_beforehand_is_no_call(alice: Person) -> None:
    before = int(alice.api.get(ME).headers["RateLimit-Remaining"])
    for _ in range(30):
        asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
        assert "RateLimit-Remaining" not in alice.api.options(ME, headers=asked).headers
    assert int(alice.api.get(ME).headers["RateLimit-Remaining"]) >= before - 2


def test_every_answer_to_a_known_caller_says_how_many_calls_are_left(alice: Person) -> None:
    paths = {ME: 200, "/api/v1/nowhere/": 404, "/api/v1/documents/?limit=x": 400, "/api/v1/query/": 405}
    for path, status in paths.items():
        answer = alice.api.get(path)
        assert answer.status_code == status
        assert {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} <= answer.headers.keys()
    assert "RateLimit-Limit" not in ApiClient("").get(ME).headers
