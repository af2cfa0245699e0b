"""The log: whose line it is stands in each, and nothing that people write (I15, O2)."""

from __future__ import annotations

import json
import logging
from copy import deepcopy
from logging.config import DictConfigurator
from threading import Thread
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import DatabaseError, connection

from tenants.observing.log_context import noted
from tests.config.polling import wait_for
from tests.conversations.doors import Api, by_socket
from tests.environment import CACHE
from tests.observing.conftest import MARKERS, Observed
from tests.people import Person
from tests.plain import NO_TLS
from tests.security.test_log_lines import ATTACK

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def formatter() -> logging.Formatter:
    """The one that the settings give to every process that is to log JSON."""
    configurator: Any = DictConfigurator(deepcopy(settings.LOGGING))
    made: logging.Formatter = configurator.configure_formatter(configurator.config["formatters"]["json"])
    return made


def _told(formatter: logging.Formatter, message: str, error: Exception | None = None) -> dict[str, Any]:
    exc_info: Any = (type(error), error, error.__traceback__) if error else None
    line = formatter.format(logging.LogRecord("tenants", logging.INFO, __file__, 1, message, (), exc_info))
    assert "\n" not in line
    return dict(json.loads(line))


def test_I15_no_line_has_what_people_write(two_at_work: Observed, alice: Person) -> None:
    for running in (two_at_work.web, two_at_work.worker):
        lines = two_at_work.lines(running)
        written = running.log.read_text()
        assert {marker for marker in MARKERS if marker in written} == set()
        assert "DEBUG" in {line["level"] for line in lines}, "every detail is logged"
        assert str(alice.access.tenant_id) in {line.get("tenant") for line in lines}


def test_I15_the_database_logs_no_values(alice: Person) -> None:
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("INSERT INTO tenants_tenant (id, slug) VALUES (NULL, 'quixotical')")
    [log] = CACHE.rglob("postgres.log")
    assert "null value in column" in log.read_text(errors="replace")
    assert "quixotical" not in log.read_text(errors="replace")


def test_I15_a_traceback_has_no_values(formatter: logging.Formatter, alice: Person) -> None:
    with pytest.raises(DatabaseError, match="quixotical") as failure, connection.cursor() as cursor:
        cursor.execute("INSERT INTO tenants_tenant (id, slug) VALUES (NULL, lower(E'A\\nQUIXOTICAL'))")
    lines = _told(formatter, "It failed.", failure.value)["exception"]
    assert any("null value in column" in line for line in lines)
    assert "quixotical" not in json.dumps(lines)


def test_O2_a_line_is_one_object_without_control_characters(formatter: logging.Formatter) -> None:
    told = _told(formatter, f"safe {ATTACK}", ValueError(ATTACK))
    assert told["message"].startswith(r"safe name\n2026")
    text = "".join([told["message"], *told["exception"]])
    assert all(one.isprintable() for one in text)


def test_ids_follow_a_block_and_the_threads_that_copy_it(formatter: logging.Formatter, alice: Person) -> None:
    with noted(request="outer-request", job="a-job"), noted(reply="a-reply"):
        told = _told(formatter, "Within.")
        seen: list[dict[str, Any]] = []
        thread = Thread(target=lambda: seen.append(_told(formatter, "Elsewhere.")))
        thread.start()
        thread.join()
    assert {name: told[name] for name in ("request", "job", "reply")} == {
        "request": "outer-request",
        "job": "a-job",
        "reply": "a-reply",
    }
    assert {"request", "job", "reply"} & {*_told(formatter, "After."), *seen[0]} == set()


@pytest.mark.parametrize("given", ["abc-DEF_0.123456", "0123456789abcdef0123456789abcdef"])
def test_a_request_keeps_the_id_that_it_came_with(observed: Observed, alice: Person, given: str) -> None:
    for path, status in (("/api/v1/nowhere/", 404), ("/health/live", 200), ("/static/nothing.css", 404)):
        headers = {"X-Request-ID": given, "Authorization": f"Bearer {alice.token}"}
        answer = httpx.get(f"{observed.web.url}{path}", headers=headers, timeout=30, verify=NO_TLS)
        assert (answer.status_code, answer.headers["X-Request-ID"]) == (status, given)
        assert answer.headers.get_list("X-Request-ID") == [given]
        if "problem" in answer.headers.get("Content-Type", ""):
            assert answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space 12", "a;b;c;d;e;f", "-begins-wrong"])
def test_an_id_that_is_not_well_formed_is_replaced(observed: Observed, given: str) -> None:
    headers = {"X-Request-ID": given}
    answers = [
        httpx.get(f"{observed.web.url}/health/live", headers=headers, timeout=30, verify=NO_TLS) for _ in range(2)
    ]
    ids = {answer.headers["X-Request-ID"] for answer in answers}
    assert len(ids) == 2
    assert given not in ids


def test_lines_of_an_answer_say_whose_they_are(observed: Observed, alice: Person) -> None:
    told = by_socket(Api(observed.web, alice), "Where do the storks spend the winter?")
    reply = str(told.message["id"])
    mine = [line for line in observed.lines(observed.web) if line.get("reply") == reply]
    assert mine
    assert {line["tenant"] for line in mine} == {str(alice.access.tenant_id)}
    assert len({line["request"] for line in mine}) == 1


def test_lines_of_a_job_say_which(two_at_work: Observed, alice: Person, charlie: Person) -> None:
    def lines() -> list[dict[str, Any]]:
        return [line for line in two_at_work.lines(two_at_work.worker) if "job" in line]

    wait_for("a job is logged", lines)
    assert {line["tenant"] for line in lines()} & {str(one.access.tenant_id) for one in (alice, charlie)}
