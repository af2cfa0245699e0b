"""Row O2: what people send makes no line of the log, and no terminal obeys it."""

from __future__ import annotations

import logging
from copy import deepcopy
from logging.config import DictConfigurator
from typing import Any

import httpx
import pytest
from django.conf import settings

from tests.plain import NO_TLS
from tests.processes import LiveServer

FORGED = "2026-01-02 03:04:05,678 INFO tenants forged"
ATTACK = f"name\n{FORGED}\r\x1b[31mred\x07 \x9b2J \u2028 \u202egnihton ünd 文 🙂"


@pytest.fixture
def formatter() -> logging.Formatter:
    """The one that the settings give to every process."""
    configurator: Any = DictConfigurator(deepcopy(settings.LOGGING))
    made: logging.Formatter = configurator.configure_formatter(configurator.config["formatters"]["plain"])
    return made


def record(message: str, *, exc_info: Any = None) -> logging.LogRecord:
    return logging.LogRecord("tenants", logging.WARNING, __file__, 1, message, ("safe",), exc_info)


def test_O2_a_message_is_one_line_without_control_characters(formatter: logging.Formatter) -> None:
    line = formatter.format(record(f"%s {ATTACK}"))
    assert line.endswith(
        rf"WARNING tenants safe name\n{FORGED}\r\x1b[31mred\x07 \x9b2J \u2028 \u202egnihton ünd 文 🙂"
    )


def test_O2_what_failed_is_told_in_lines_of_its_own(formatter: logging.Formatter) -> None:
    error = ValueError(ATTACK)
    told = formatter.format(record("%s failed", exc_info=(type(error), error, None)))
    first, *others = told.split("\n")
    assert first.endswith("WARNING tenants safe failed")
    assert others == [
        "  ValueError: name",
        rf"  {FORGED}\r\x1b[31mred\x07 \x9b2J \u2028 \u202egnihton ünd 文 🙂",
    ]


def test_O2_a_request_writes_no_line_of_its_own(live_server: LiveServer) -> None:
    path = f"/there%0A{FORGED.replace(' ', '%20')}%1B[31m"
    answer = httpx.get(f"{live_server.url}{path}", timeout=30, verify=NO_TLS)
    assert answer.status_code == 404
    written = live_server.log.read_bytes()
    assert b"/there" in written
    assert b"\x1b" not in written
    assert not any(line.startswith(FORGED.encode()) for line in written.split(b"\n"))
