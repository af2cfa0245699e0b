"""What is left of an organisation's documents, in the tables and on the disk."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from pytest_django import Settings

from tests.documents.indexed import TEXTS, made_index, stocked
from tests.environment import Environment
from tests.people import Person
from tests.standins.ollama import OllamaStandIn

Remains = Callable[[Person], dict[str, int]]

_TABLES = (
    "documents_document",
    "documents_documentversion",
    "documents_page",
    "documents_chunk",
    "documents_chunkembedding",
    "tenants_job",
)


@pytest.fixture
def remains(admin_connection: psycopg.Connection, run_environment: Environment) -> Remains:
    """Counts rows by table, and files, that the person's organisation has; without what it has none of."""

    def count(person: Person) -> dict[str, int]:
        tenant = person.access.tenant_id
        found = {}
        for table in _TABLES:
            row = admin_connection.execute(f"SELECT count(*) FROM {table} WHERE tenant_id = %s", [tenant])
            [(found[table],)] = row.fetchall()
        folder = run_environment.data / "files" / "t" / str(tenant)
        found["files"] = sum(path.is_file() for path in folder.rglob("*"))
        return {name: number for name, number in found.items() if number}

    return count


@pytest.fixture
def models(ollama: OllamaStandIn, settings: Settings) -> OllamaStandIn:
    """Two embedding models on a server. No worker hears of jobs: the test runs them."""
    ollama.dimensions = {"old-embed": 12, "new-embed": 20}
    settings.OLLAMA_HOST = ollama.url
    settings.DOCENT_JOBS_IN_FLIGHT = {}
    return ollama


@pytest.fixture
def acme_texts(alice: Person) -> list[str]:
    """The passages of alice's organisation, in the old model's index."""
    made_index(alice)
    stocked(alice, "kilns.txt", TEXTS)
    return TEXTS
