"""Texts of running answers are kept together: what holds up one of them holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import psycopg
import pytest

from conversations.models import Message
from tenants.db import tenant_atomic
from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
WORDS = "".join(f"word{number} " for number in range(100)).strip()


def kept(person: Person, message: str) -> Callable[[], str]:
    """What Postgres has of an answer, at each call."""

    def look() -> str:
        with tenant_atomic(person.access.tenant_id):
            found: str = Message.objects.get(id=message).content
        return found

    return look


def test_an_answer_that_is_held_keeps_no_other_from_being_stored(
    api: Api, bob: Person, charlie: Person, ollama: OllamaStandIn, admin_connection: psycopg.Connection
) -> None:
    ollama.script(*[Reply(text=WORDS, tokens_per_second=12)] * 3)
    people = [api, Api(api.server, bob), Api(api.server, charlie)]
    messages = [one.begin(QUESTION, one.conversation(mode="open")) for one in people]
    held, *others = (kept(one.person, message) for one, message in zip(people, messages, strict=True))
    wait_for("something is kept", held)
    with admin_connection.transaction():
        admin_connection.execute("SELECT FROM conversations_message WHERE id = %s FOR UPDATE", [messages[0]])
        before = held()
        for look in others:
            for _ in range(2):
                seen = look()
                wait_for("more is kept", partial(longer, look, seen))
        assert held() == before
    for one, message in zip(people, messages, strict=True):
        assert one.follow(message)[-1]["type"] == "finished"
        assert one.message(message)["content"] == WORDS


def longer(look: Callable[[], str], seen: str) -> bool:
    return len(look()) > len(seen)
