"""A web server with tight limits, and one socket client for all rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environment import Environment
from tests.processes import LiveServer, web_server

MAX_UPLOAD = 2_000_000
IDLE_SECONDS = 0.5


@pytest.fixture(scope="session")
def strict_server(run_environment: Environment, logs: Path) -> Iterator[LiveServer]:
    """Takes uploads of up to `MAX_UPLOAD` bytes, and waits `IDLE_SECONDS` for the next piece of a body."""
    tight = {"DOCENT_MAX_REQUEST_BYTES": str(MAX_UPLOAD), "DOCENT_BODY_IDLE_SECONDS": str(IDLE_SECONDS)}
    with web_server({**run_environment.variables, **tight}, logs / "web-strict.log") as running:
        yield running
