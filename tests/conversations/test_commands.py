"""`manage.py ask` and `manage.py search`."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from conversations.models import Conversation
from tenants.db import tenant_atomic
from tests.factories import HANDBOOK_PAGES, ready
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
HOLIDAY = HANDBOOK_PAGES[0][1]


def printed(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def test_ask_streams_the_answer_with_its_sources_under_it(
    alice: Person, handbook_of_alice: dict[str, Any]
) -> None:
    lines = printed("ask", QUESTION, "--tenant", "acme").splitlines()
    assert lines[0].startswith("No language model is connected")
    assert f"- {HOLIDAY} [1]" in lines
    place = next(index for index, line in enumerate(lines) if line.startswith("[1] handbook.pdf, page 1: http"))
    assert f"/o/acme/d/{handbook_of_alice['id']}/v/1/p/1?start=" in lines[place]
    assert lines[place + 1] == f"    “{HOLIDAY}”"


def test_ask_acts_for_the_first_owner_or_the_person_named(
    alice: Person, bob: Person, handbook_of_alice: dict[str, Any]
) -> None:
    printed("ask", QUESTION, "--tenant", "acme")
    printed("ask", QUESTION, "--tenant", "acme", "--user", "bob@example.org")
    with tenant_atomic(alice.access.tenant_id):
        authors = list(Conversation.objects.order_by("created_at").values_list("author_id", flat=True))
    assert authors == [alice.user.pk, bob.user.pk]


def test_ask_keeps_to_the_collection_named(alice: Person, handbook_of_alice: dict[str, Any]) -> None:
    alice.api.post("/api/v1/collections/", {"name": "Trains"})
    assert "I found no answer" in printed("ask", QUESTION, "--tenant", "acme", "--collection", "trains")
    for arguments, words in (
        (("--tenant", "acme", "--collection", "boats"), "There is no collection “boats”."),
        (("--tenant", "nobody"), "There is no tenant with the slug “nobody”."),
        (("--tenant", "acme", "--user", "x@example.org"), "“acme” has no member x@example.org."),
    ):
        with pytest.raises(CommandError) as error:
            printed("ask", QUESTION, *arguments)
        assert str(error.value) == words


def test_search_prints_hits_for_people_and_as_json(alice: Person, handbook_of_alice: dict[str, Any]) -> None:
    other = ready(alice, "trains.txt", b"Full-time employees ride trains.")
    hits = json.loads(printed("search", QUESTION, "--tenant", "acme", "-k", "2", "--json"))
    assert len(hits) == 2
    assert set(hits[0]) == {"document", "title", "version", "page", "text", "score"}
    first = {name: hits[0][name] for name in ("document", "title", "version", "page")}
    assert first == {"document": handbook_of_alice["id"], "title": "handbook.pdf", "version": 1, "page": 1}
    assert hits[0]["text"] == "\n".join(HANDBOOK_PAGES[0])
    assert printed("search", QUESTION, "--tenant", "acme", "-k", "1").startswith(" 1. handbook.pdf, page 1 (")
    everything = json.loads(printed("search", QUESTION, "--tenant", "acme", "--json"))
    assert {hit["document"] for hit in everything} == {handbook_of_alice["id"], other["id"]}
