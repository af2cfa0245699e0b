"""Quotas: what may be spent, who sets it, and that two at once never share the last of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from conversations.models import Conversation, Message
from conversations.services.conversations import create_conversation
from conversations.services.messages import ask
from documents.models import Document
from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.errors import QuotaExceeded
from tenants.limits.meters import meter_of, today
from tenants.limits.quotas import require_quotas, resets_at
from tenants.limits.usage import Spender, count_reply
from tenants.models import AuditEvent, Quota, QuotaFor, QuotaKind, UsageDay
from tenants.permissions import Scope
from tenants.services.limits import NewQuota, set_quota
from tenants.services.members import remove_member
from tenants.services.tokens import create_token
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/usage/limits/"
DAY = QuotaKind.QUESTIONS_DAY


@pytest.fixture
def admin(alice: Person) -> ApiClient:
    """Alice's program that may manage."""
    return ApiClient(create_token(access=alice.access, name="admin", scopes=frozenset(Scope)).value)


def limit(
    owner: Person, kind: QuotaKind, amount: int, *, each: bool = False, person: Person | None = None
) -> Quota:
    """A limit for everybody together, for each person, or for one."""
    applies_to = QuotaFor.PERSON if person else QuotaFor.EACH if each else QuotaFor.TENANT
    quota = NewQuota(kind, applies_to, amount, person.user.pk if person else None)
    return set_quota(access=owner.access, quota=quota)


def put_question(person: Person) -> Any:
    """Ask in a new conversation; nobody writes the answer."""
    access = person.access
    conversation = create_conversation(access=access)
    return ask(access=access, conversation_id=conversation.id, content="Who?", process_id=uuid4())


def refused(person: Person) -> QuotaExceeded:
    with pytest.raises(QuotaExceeded) as raised:
        put_question(person)
    return raised.value


def spend_tokens(person: Person, tokens: int, *, days_ago: int = 0) -> None:
    with tenant_atomic(person.access.tenant_id):
        UsageDay.objects.create(
            day=today() - timedelta(days=days_ago), user_id=person.user.pk, model="m", completion_tokens=tokens
        )


def test_the_tenants_limit_counts_everybody(alice: Person, bob: Person, charlie: Person) -> None:
    limit(alice, DAY, 2)
    put_question(alice)
    put_question(bob)
    error = refused(bob)
    assert (error.status, error.code) == (429, "quota_exceeded")
    assert error.quota == {
        "kind": "questions_day",
        "applies_to": "tenant",
        "amount": 2,
        "used": 2,
        "left": 0,
        "resets_at": resets_at(DAY).isoformat(),  # type: ignore[union-attr]
    }
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 24 * 3600
    put_question(charlie)  # another organisation has its own
    with tenant_atomic(alice.access.tenant_id):
        assert Message.objects.filter(role="user").count() == 2


def test_every_door_refuses_and_leaves_nothing(alice: Person) -> None:
    limit(alice, DAY, 0)
    conversation = alice.api.post("/api/v1/conversations/", {}).json()["id"]
    for path, body in (
        (f"/api/v1/conversations/{conversation}/messages/", {"content": "Who?"}),
        ("/api/v1/query/", {"query": "Who?"}),
    ):
        response = alice.api.post(path, body)
        status, problem = refusal(response)
        assert (status, problem["code"], problem["quota"]["kind"]) == (429, "quota_exceeded", "questions_day")
        assert 0 < int(response.headers["Retry-After"]) <= 24 * 3600
    with tenant_atomic(alice.access.tenant_id):
        assert (Conversation.objects.count(), Message.objects.count(), UsageDay.objects.count()) == (1, 0, 0)


def test_a_persons_own_limit_takes_the_place_of_everybodys(alice: Person, bob: Person, dana: Person) -> None:
    limit(alice, DAY, 1, each=True)
    limit(alice, DAY, 2, person=bob)
    put_question(bob)
    put_question(bob)
    put_question(dana)
    assert refused(bob).quota["amount"] == 2
    assert refused(dana).quota == {**refused(bob).quota, "applies_to": "person", "amount": 1, "used": 1}
    put_question(alice)


def test_a_limit_of_nothing_allows_nothing(alice: Person, bob: Person) -> None:
    limit(alice, DAY, 0, person=bob)
    assert refused(bob).quota["left"] == 0
    put_question(alice)


@pytest.mark.parametrize("kind", [QuotaKind.TOKENS_DAY, QuotaKind.TOKENS_MONTH])
def test_L7_without_tokens_left_nothing_is_asked(alice: Person, kind: QuotaKind) -> None:
    limit(alice, kind, 100)
    spend_tokens(alice, 99)
    put_question(alice)
    with tenant_atomic(alice.access.tenant_id):
        spender = Spender(alice.user.pk)
        count_reply(spender, asked_on=today(), model="m", prompt_tokens=20, completion_tokens=30)
    error = refused(alice)
    assert (error.quota["used"], error.quota["left"]) == (149, 0)


def test_what_was_used_earlier_counts_no_more(alice: Person) -> None:
    limit(alice, QuotaKind.TOKENS_DAY, 1)
    limit(alice, QuotaKind.TOKENS_MONTH, 1)
    spend_tokens(alice, 50, days_ago=31)
    put_question(alice)


def test_L7_answers_at_the_same_time(alice: Person, bob: Person) -> None:
    limit(alice, QuotaKind.REPLIES, 1, each=True)
    put_question(alice)
    error = refused(alice)
    assert (error.quota["kind"], error.retry_after) == ("replies", None)
    put_question(bob)


def test_an_upload_beyond_the_limit_stores_nothing(alice: Person, bob: Person, admin: ApiClient) -> None:
    limit(alice, QuotaKind.DOCUMENTS, 1, each=True)
    limit(alice, QuotaKind.BYTES, 30)
    assert bob.api.upload(("one.txt", b"x" * 20)).status_code == 202
    for person, kind, size in ((bob, "documents", 5), (alice, "bytes", 11)):
        response = person.api.upload(("two.txt", b"y" * size))
        status, body = refusal(response)
        assert (status, body["code"], body["quota"]["kind"]) == (429, "quota_exceeded", kind)
        assert "Retry-After" not in response.headers
    assert alice.api.upload(("three.txt", b"z" * 10)).status_code == 202
    with tenant_atomic(alice.access.tenant_id):
        assert set(Document.objects.values_list("name", flat=True)) == {"one.txt", "three.txt"}
        assert (meter_of(QuotaKind.BYTES).read(), meter_of(QuotaKind.BYTES).read(bob.user.pk)) == (30, 20)


def test_of_several_files_those_within_the_limit_are_taken(alice: Person) -> None:
    limit(alice, QuotaKind.DOCUMENTS, 1)
    response = alice.api.upload(("one.txt", b"One."), ("two.txt", b"Two."))
    assert [(one["status"], one.get("error", {}).get("code")) for one in response.json()["results"]] == [
        ("queued", None),
        ("rejected", "quota_exceeded"),
    ]


@pytest.mark.parametrize("each", [False, True])
def test_the_last_of_it_goes_to_exactly_one(alice: Person, *, each: bool) -> None:
    limit(alice, DAY, 3, each=each)
    access, barrier = alice.access, Barrier(8)
    conversations = [create_conversation(access=access).id for _ in range(8)]

    def attempt(number: int) -> bool:
        try:
            barrier.wait(20)
            ask(access=access, conversation_id=conversations[number], content="Now?", process_id=uuid4())
        except QuotaExceeded:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(8))) == 3


def test_where_nothing_is_limited_nobody_waits(alice: Person) -> None:
    def spends(access: Access) -> None:
        try:
            with tenant_atomic(access.tenant_id):
                require_quotas(access, {DAY: 1})
        finally:
            connections.close_all()

    access = alice.access
    with tenant_atomic(access.tenant_id), ThreadPoolExecutor(1) as thread:
        require_quotas(access, {DAY: 1})
        thread.submit(spends, access).result(10)


def test_resets_at_the_next_midnight_and_the_next_first_of_a_month() -> None:
    now = datetime.now(UTC)
    day, month = resets_at(DAY), resets_at(QuotaKind.TOKENS_MONTH)
    assert day is not None
    assert month is not None
    assert (day.hour, day.minute, day.tzinfo) == (0, 0, UTC)
    assert timedelta(0) < day - now <= timedelta(days=1)
    assert (month.day, month.hour) == (1, 0)
    assert (month.year, month.month) == (now.year + now.month // 12, now.month % 12 + 1)
    assert resets_at(QuotaKind.BYTES) is None


def test_admins_replace_all_limits_at_once(alice: Person, bob: Person, admin: ApiClient) -> None:
    wanted: list[dict[str, Any]] = [
        {"kind": "tokens_day", "applies_to": "tenant", "user": None, "amount": 1000},
        {"kind": "questions_day", "applies_to": "each", "user": None, "amount": 10},
        {"kind": "questions_day", "applies_to": "person", "user": str(bob.user.pk), "amount": 20},
    ]
    response = admin.put(PATH, {"limits": wanted}, content_type="application/json")
    assert (response.status_code, response.json()) == (200, {"limits": wanted})
    fewer = [{**wanted[0], "amount": 500}, wanted[2]]
    assert admin.put(PATH, {"limits": fewer}, content_type="application/json").json() == {"limits": fewer}
    assert admin.get(PATH).json() == {"limits": fewer}
    with tenant_atomic(alice.access.tenant_id):
        events = AuditEvent.objects.filter(action__startswith="limit.").order_by("at")
        recorded = [(event.action, event.data["kind"], event.data["amount"]) for event in events]
    assert recorded == [
        ("limit.set", "tokens_day", 1000),
        ("limit.set", "questions_day", 10),
        ("limit.set", "questions_day", 20),
        ("limit.set", "tokens_day", 500),
        ("limit.removed", "questions_day", 10),
    ]


def test_a_wrong_limit_changes_nothing(alice: Person, bob: Person, charlie: Person, admin: ApiClient) -> None:
    put_question(bob)
    put_question(bob)
    limit(alice, QuotaKind.BYTES, 7)
    members, strangers = str(bob.user.pk), str(charlie.user.pk)
    wrong: dict[tuple[str, str], list[dict[str, Any]]] = {
        ("/limits/1/kind", "invalid_choice"): [{"kind": "wishes"}],
        ("/limits/1/applies_to", "invalid_choice"): [{"applies_to": "world"}],
        ("/limits/1/amount", "invalid"): [{"amount": "many"}],
        ("/limits/1/amount", "out_of_range"): [{"amount": -1}, {"amount": 2**53}],
        # Two questions were asked, both by bob.
        ("/limits/1/amount", "below_use"): [
            {"amount": 1},
            {"applies_to": "each", "amount": 1},
            {"applies_to": "person", "user": members, "amount": 1},
        ],
        ("/limits/1/user", "required"): [{"applies_to": "person"}],
        ("/limits/1/user", "invalid"): [{"user": members}],
        ("/limits/1/user", "unknown_id"): [
            {"applies_to": "person", "user": strangers},
            {"applies_to": "person", "user": str(uuid4())},
        ],
        ("/limits/1/until", "unknown_field"): [{"until": "May"}],
        ("/limits/1", "duplicate"): [{"kind": "documents"}],
    }
    first = {"kind": "documents", "applies_to": "tenant", "amount": 5}
    for expected, changes in wrong.items():
        for change in changes:
            second = {"kind": "questions_day", "applies_to": "tenant", "amount": 9, **change}
            response = admin.put(PATH, {"limits": [first, second]}, content_type="application/json")
            assert pointers(response) == [expected], change
    before = [{"kind": "bytes", "applies_to": "tenant", "user": None, "amount": 7}]
    assert admin.get(PATH).json() == {"limits": before}


def test_a_limit_that_was_overrun_may_stand(alice: Person, admin: ApiClient) -> None:
    limit(alice, QuotaKind.TOKENS_DAY, 10)
    spend_tokens(alice, 25)
    same = {"limits": [{"kind": "tokens_day", "applies_to": "tenant", "user": None, "amount": 10}]}
    assert admin.put(PATH, same, content_type="application/json").json() == same


def test_the_limit_of_somebody_who_left_may_stand(alice: Person, bob: Person, admin: ApiClient) -> None:
    limit(alice, DAY, 5, person=bob)
    remove_member(access=alice.access, user_id=bob.user.pk)
    kept = admin.get(PATH).json()
    assert [one["user"] for one in kept["limits"]] == [str(bob.user.pk)]
    assert admin.put(PATH, kept, content_type="application/json").json() == kept
    another = {**kept["limits"][0], "kind": "bytes"}
    refused = admin.put(PATH, {"limits": [another]}, content_type="application/json")
    assert pointers(refused) == [("/limits/0/user", "unknown_id")]


def test_only_admins_see_and_set_limits(alice: Person, bob: Person, dana: Person, admin: ApiClient) -> None:
    for client in (alice.api, bob.api, dana.api):  # alice's token lacks the scope, the others the role
        assert refusal(client.get(PATH))[0] == 403
        assert refusal(client.put(PATH, {"limits": []}, content_type="application/json"))[0] == 403


def test_says_what_is_left(alice: Person, bob: Person) -> None:
    limit(alice, DAY, 5, person=bob)
    put_question(bob)
    body = bob.api.get("/api/v1/me/").json()
    assert body["limits"]["quotas"] == [
        {
            "kind": "questions_day",
            "applies_to": "person",
            "amount": 5,
            "used": 1,
            "left": 4,
            "resets_at": resets_at(DAY).isoformat(),  # type: ignore[union-attr]
        }
    ]
    assert (body["used"]["questions_day"], body["used"]["replies"]) == (1, 1)
    assert alice.api.get("/api/v1/me/").json()["limits"]["quotas"] == []
