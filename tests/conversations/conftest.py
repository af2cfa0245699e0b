"""A person with a document to ask, and the doors to the server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conversations.doors import Api
from tests.people import Person
from tests.processes import LiveServer, Running
from tests.shelving import shelved


@pytest.fixture
def handbook_of_alice(alice: Person, worker: Running) -> dict[str, Any]:
    """The handbook, searchable in acme."""
    return shelved(alice)


@pytest.fixture
def api(alice: Person, handbook_of_alice: dict[str, Any], live_server: LiveServer) -> Api:
    """Alice's program. The server asks the stand-in if the test takes `ollama`, and quotes otherwise."""
    return Api(live_server, alice)
