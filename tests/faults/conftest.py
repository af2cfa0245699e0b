"""A person with a document to ask, and the doors to a server whose model can be broken."""

from __future__ import annotations

import pytest

from tests.conversations.doors import Api
from tests.documents.conftest import remains
from tests.people import Person
from tests.processes import LiveServer, Running
from tests.shelving import shelved
from tests.standins.ollama import OllamaStandIn

__all__ = ["api", "remains"]


@pytest.fixture
def api(alice: Person, worker: Running, ollama: OllamaStandIn, live_server: LiveServer) -> Api:
    """Alice's program, at the server that asks the stand-in; the handbook is searchable."""
    shelved(alice)
    return Api(live_server, alice)
