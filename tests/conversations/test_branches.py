"""Conversations of before there were branches, and long ones."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from conversations.models import Conversation, Message, Role, Status
from conversations.selectors.branches import branch_of, latest_leaf, leaf_below, path_to, siblings
from conversations.services.conversations import create_conversation
from tenants.db import tenant_atomic
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

migration: Any = import_module("conversations.migrations.0005_turns")


class _Editor:
    """The only part of a schema editor that the migration needs."""

    connection = connection


def said(conversation: Conversation, parent: Message | None, role: Role, text: str = "Why?") -> Message:
    message: Message = Message.objects.create(
        conversation=conversation, parent=parent, role=role, content=text, status=Status.FINISHED
    )
    return message


def test_questions_of_before_follow_the_answers_before_them(alice: Person, charlie: Person) -> None:
    expected: dict[Person, list[Any]] = {}
    for person in (alice, charlie):
        with tenant_atomic(person.access.tenant_id):
            for _ in range(2):
                conversation = create_conversation(access=person.access)
                first = said(conversation, None, Role.USER)
                answer = said(conversation, first, Role.ASSISTANT)
                second = said(conversation, None, Role.USER)
                other = said(conversation, second, Role.ASSISTANT)
                third = said(conversation, None, Role.USER)
                chosen = said(conversation, answer, Role.USER)
                parents = {first: None, second: answer, third: other, chosen: answer, answer: first, other: second}
                expected.setdefault(person, []).append((conversation, parents, chosen))
    with transaction.atomic():
        migration.follow_answers(apps, _Editor)
    for person, conversations in expected.items():
        with tenant_atomic(person.access.tenant_id):
            for conversation, parents, last in conversations:
                stored = dict(
                    Message.objects.filter(conversation=conversation).values_list("id", "parent_id").iterator()
                )
                assert stored == {one.id: parent.id if parent else None for one, parent in parents.items()}
                assert latest_leaf(conversation) == last
                path = [one for one, parent in parents.items() if parent is None or one in {parents[last]}]
                assert branch_of(conversation) == [*path, last]


def test_the_way_to_the_end_of_a_long_conversation_is_short(alice: Person) -> None:
    with tenant_atomic(alice.access.tenant_id):
        conversation = create_conversation(access=alice.access)
        leaf = first = said(conversation, None, Role.USER, "x" * 500)
        for number in range(999):
            leaf = said(conversation, leaf, Role.USER if number % 2 else Role.ASSISTANT, "x" * 500)
        beside = said(conversation, first, Role.ASSISTANT)
        with CaptureQueriesContext(connection) as asked:
            path = path_to(leaf)
            near = path_to(leaf, last=5)
        assert (len(path), path[0], near) == (999, first, path[-5:])
        assert leaf_below(path[1]) == leaf.id
        assert leaf_below(first) == beside.id, "it was gone on with last"
        assert siblings(beside) == [path[1].id, beside.id]
    assert len(asked) == 4, "the ids, then the messages"
