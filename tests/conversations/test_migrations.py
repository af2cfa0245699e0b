"""What migrations make of rows that were there before them, as the owner runs them: under row-level security."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from config.embedded import PROJECT
from config.provisioning import create_database, drop_database, with_database
from conversations.default_personas import default_personas
from tests.environment import Environment

# Before conversations were trees, had assistants, and could be searched.
BEFORE = ("conversations", "0004_answer_traces")
_FILLERS = {"boolean": "false", "ARRAY": "'{}'", "jsonb": "'{}'", "uuid": "gen_random_uuid()"}


@dataclass(frozen=True, slots=True)
class OldDatabase:
    """One at an earlier state of the schema; `admin` writes past its policies."""

    owner_url: str
    admin: psycopg.Connection
    variables: dict[str, str]

    def migrate(self, *target: str) -> None:
        command = [sys.executable, "manage.py", "migrate", *target, "--no-input", "--skip-checks", "-v", "0"]
        variables = {**self.variables, "DATABASE_URL": self.owner_url, "DATABASE_OWNER_URL": self.owner_url}
        done = subprocess.run(
            command, cwd=PROJECT, env=os.environ | variables, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def insert(self, table: str, **values: Any) -> UUID:
        """A row whose other columns are as empty as they may be; its id."""
        values = {"id": uuid4(), **values}
        needed = self.admin.execute(
            """
            SELECT column_name, data_type FROM information_schema.columns
            WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND is_generated = 'NEVER'
            """,
            [table],
        ).fetchall()
        fillers = {name: self._filler(kind) for name, kind in needed if name not in values}
        self.admin.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, [*values, *fillers])),
                sql.SQL(", ").join([*map(sql.Literal, values.values()), *fillers.values()]),
            )
        )
        return UUID(str(values["id"]))

    def _filler(self, kind: str) -> sql.Composable:
        if kind.startswith("timestamp"):
            return sql.SQL("now()")
        return sql.SQL(_FILLERS.get(kind, "0" if kind in {"smallint", "integer", "bigint"} else "''"))

    def rows(self, query: str) -> set[tuple[Any, ...]]:
        return set(self.admin.execute(query).fetchall())


@pytest.fixture
def old(run_environment: Environment) -> Iterator[OldDatabase]:
    """A database of its own, at the state `BEFORE`."""
    name = f"docent_old_{os.getpid()}"
    create_database(run_environment.admin_url, name)
    try:
        with psycopg.connect(with_database(run_environment.admin_url, name), autocommit=True) as admin:
            found = OldDatabase(with_database(run_environment.owner_url, name), admin, run_environment.variables)
            found.migrate(*BEFORE)
            yield found
    finally:
        drop_database(run_environment.admin_url, name)


def talk(old: OldDatabase, tenant: UUID, author: UUID, *turns: tuple[str, str]) -> list[UUID]:
    """A conversation, cut into pieces as the worker leaves it: its id, then its messages', oldest first."""
    conversation = old.insert("conversations_conversation", tenant_id=tenant, author_id=author, mode="grounded")
    said: list[UUID] = []
    for question, answer in turns:
        for role, content in (("user", question), ("assistant", answer)):
            minute = f"2026-01-01 10:{len(said):02}:00+00"
            message = old.insert(
                "conversations_message",
                tenant_id=tenant,
                conversation_id=conversation,
                role=role,
                status="finished",
                content=content,
                created_at=minute,
                parent_id=said[-1] if role == "assistant" else None,
            )
            piece = {"message_id": message, "text": content, "end": len(content)}
            old.insert("conversations_messagechunk", tenant_id=tenant, **piece)
            said.append(message)
    return [conversation, *said]


def test_conversations_from_before_become_trees_with_words_in_every_organisation(old: OldDatabase) -> None:
    acme, globex = (old.insert("tenants_tenant", name=slug, slug=slug) for slug in ("acme", "globex"))
    bob, charlie = uuid4(), uuid4()
    leave, *first = talk(
        old, acme, bob, ("Holidays in spring?", "Twenty-eight of them."), ("Trains?", "Refunded."), ("And?", "No.")
    )
    ships, *second = talk(old, globex, charlie, ("Which ships sail?", "The brig sails."))
    silent = old.insert("conversations_conversation", tenant_id=acme, author_id=bob, mode="grounded")

    old.migrate()

    parents = "SELECT id, parent_id FROM conversations_message"
    assert old.rows(parents) == {
        *zip(first, [None, *first], strict=False),
        *zip(second, [None, *second], strict=False),
    }
    words = "SELECT tenant_id, author_id, conversation_id, word FROM conversations_conversationwords"
    found = old.rows(f"{words}, unnest(tsvector_to_array(words)) AS w (word)")
    # Words of the dictionary's stop list are none.
    assert found == {
        *((acme, bob, leave, word) for word in ("holiday", "spring", "twenti", "twenty-eight", "eight")),
        *((acme, bob, leave, word) for word in ("train", "refund")),
        *((globex, charlie, ships, word) for word in ("ship", "sail", "brig")),
    }
    assert silent not in {conversation for _, _, conversation, _ in found}
    personas = old.rows("SELECT tenant_id, slug FROM conversations_persona")
    assert personas == {(tenant, one.key) for tenant in (acme, globex) for one in default_personas()}
