"""Long conversations as pages show them: the end first, then the parts before it."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.selectors.branches import Step
from conversations.views.parts import FIRST, NEXT, last_part, part_before
from tenants.errors import NotFound
from tests.conversations.life import begun, turns
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

_QUESTIONS = re.compile(r'<article class="question"[^>]* data-message="([0-9a-f-]{36})"')
_EARLIER = re.compile(r'href="([^"]*\?before=[^"]*)"')


def branch(count: int) -> list[Step]:
    return [Step(UUID(int=number), ("user", "assistant")[number % 2]) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, FIRST - 1, FIRST])
def test_what_is_short_is_one_part(count: int) -> None:
    part = last_part(branch(count))
    assert (list(part.messages), part.earlier) == (branch(count), None)


@pytest.mark.parametrize("count", [FIRST + 1, FIRST + 2, 500, 501])
def test_parts_one_before_the_other_are_all_of_it(count: int) -> None:
    whole = branch(count)
    part = last_part(whole)
    seen = list(part.messages)
    assert len(seen) in {FIRST, FIRST + 1}
    while part.earlier:
        assert part.messages[0].role == "user"
        part = part_before(whole, str(part.earlier))
        assert len(part.messages) <= NEXT + 1
        seen = [*part.messages, *seen]
    assert seen == whole


def test_a_message_that_is_wanted_is_there_with_all_that_follows() -> None:
    whole = branch(500)
    part = last_part(whole, str(UUID(int=101)))
    assert whole[101] in part.messages
    assert part.messages[-1] == whole[-1]
    assert part.messages[0].role == "user"
    assert last_part(whole, str(UUID(int=490))) == last_part(whole)
    assert last_part(whole, "of another branch") == last_part(whole)


def test_before_what_is_not_there_is_nothing() -> None:
    with pytest.raises(NotFound):
        part_before(branch(10), str(UUID(int=10)))


def test_the_page_and_those_before_it(alice: Person, charlie: Person) -> None:
    conversation, other = begun(alice), begun(alice)
    messages = turns(alice, conversation, 60)
    [elsewhere, _] = turns(alice, other, 1)
    path = f"/o/{alice.slug}/c/{conversation}/"
    shown: list[str] = []
    address = path
    while address:
        page = alice.client.get(address)
        assert page.status_code == 200
        html = page.content.decode()
        shown = _QUESTIONS.findall(html) + shown
        earlier = _EARLIER.findall(html)
        address = earlier[0] if earlier else ""
    assert shown == [str(one) for one in messages[::2]]
    foreign = turns(charlie, begun(charlie), 1)[0]
    answers = {
        (
            alice.client.get(f"{path}?before={one}").status_code,
            alice.client.get(f"{path}?message={one}").status_code,
        )
        for one in (foreign, elsewhere, uuid4(), "nonsense")
    }
    assert answers == {(404, 404)}


def test_the_page_asks_the_database_as_often_for_many_messages(alice: Person) -> None:
    asked = set()
    for count in (2, 30):
        conversation = begun(alice)
        turns(alice, conversation, count)
        alice.client.get(f"/o/{alice.slug}/c/{conversation}/")
        with CaptureQueriesContext(connection) as queries:
            alice.client.get(f"/o/{alice.slug}/c/{conversation}/")
        asked.add(len(queries))
    assert len(asked) == 1
