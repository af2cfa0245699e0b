"""Usage: counted once, by day, person, token and model; shown to whom it belongs."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from conversations.answering.pipeline import Outcome
from conversations.models import Message, Status
from conversations.services.conversations import create_conversation
from conversations.services.leases import interrupt_reply
from conversations.services.messages import Asked, ask
from conversations.services.outcomes import Ending, save_ending
from tenants.access import Access, access_by_token
from tenants.db import tenant_atomic
from tenants.files.spreadsheets import csv_lines
from tenants.jobs.models import ReplyLease
from tenants.limits.meters import today
from tenants.models import QuotaFor, QuotaKind, UsageDay, User
from tenants.permissions import Scope
from tenants.services.limits import NewQuota, set_quota
from tenants.services.members import remove_member
from tenants.services.tokens import create_token
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/usage/"
PROCESS = uuid4()
REPORTED = {"prompt_tokens": 70, "completion_tokens": 9}
Row = tuple[date, UUID, UUID | None, str, int, int, int]


def asked_by(access: Access, **options: Any) -> Asked:
    conversation = options.pop("conversation_id", None) or create_conversation(access=access).id
    return ask(access=access, conversation_id=conversation, content="Who?", process_id=PROCESS, **options)


def end(access: Access, asked: Asked, outcome: Outcome, status: Status = Status.FINISHED) -> bool:
    told = save_ending(
        access=access,
        process_id=PROCESS,
        message_id=asked.message_id,
        text="Somebody.",
        outcome=outcome,
        ending=Ending(status),
    )
    return told is not None


def rows(person: Person) -> list[Row]:
    with tenant_atomic(person.access.tenant_id):
        columns = ("day", "user_id", "token_id", "model", "questions", "prompt_tokens", "completion_tokens")
        return sorted(UsageDay.objects.values_list(*columns), key=str)


def store(person: Person, *, days_ago: int = 0, **fields: Any) -> None:
    with tenant_atomic(person.access.tenant_id):
        UsageDay.objects.create(day=today() - timedelta(days=days_ago), user_id=person.user.pk, **fields)


def test_a_question_counts_when_asked_and_its_tokens_when_answered(alice: Person) -> None:
    access = access_by_token(alice.token)
    asked = asked_by(access)
    who = (today(), alice.user.pk, access.token_id)
    assert rows(alice) == [(*who, "", 1, 0, 0)]
    assert end(access, asked, Outcome(model="small", usage=REPORTED))
    # Now that it is known which model answered, the question is that model's.
    assert rows(alice) == [(*who, "", 0, 0, 0), (*who, "small", 1, 70, 9)]
    again = asked_by(access)
    assert end(access, again, Outcome(model="small", usage=REPORTED))
    assert rows(alice) == [(*who, "", 0, 0, 0), (*who, "small", 2, 140, 18)]


def test_nothing_counts_twice(alice: Person) -> None:
    access = alice.access
    asked = asked_by(access, request_id="once")
    assert asked_by(access, conversation_id=asked.conversation_id, request_id="once").question is None
    outcome = Outcome(model="small", usage=REPORTED)
    assert [end(access, asked, outcome), end(access, asked, outcome)] == [True, False]
    assert rows(alice)[-1] == (today(), alice.user.pk, None, "small", 1, 70, 9)


@pytest.mark.parametrize("status", [Status.STOPPED, Status.FAILED, Status.INTERRUPTED])
def test_L7_an_answer_cut_short_is_not_free(alice: Person, status: Status) -> None:
    asked = asked_by(alice.access)
    outcome = Outcome(model="small", prompt_characters=400, completion_characters=41)
    assert end(alice.access, asked, outcome, status)
    assert rows(alice)[-1] == (today(), alice.user.pk, None, "small", 1, 100, 11)


def test_L7_an_answer_whose_process_died_is_not_free(alice: Person) -> None:
    asked = asked_by(alice.access)
    tenant = alice.access.tenant_id
    with tenant_atomic(tenant):
        Message.objects.filter(id=asked.message_id).update(content="x" * 41, model="small")
        ReplyLease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    died = [interrupt_reply(tenant_id=tenant, message_id=asked.message_id) for _ in range(2)]
    assert died == [True, False]
    who = (today(), alice.user.pk, None)
    assert rows(alice) == [(*who, "", 1, 0, 0), (*who, "small", 0, 0, 11)]


def test_a_model_that_was_never_reached_costs_nothing(alice: Person) -> None:
    asked = asked_by(alice.access)
    assert end(alice.access, asked, Outcome(), Status.FAILED)
    assert rows(alice) == [(today(), alice.user.pk, None, "", 1, 0, 0)]


def test_a_whole_answer_counts(alice: Person) -> None:
    response = alice.api.post("/api/v1/query/", {"query": "How many?", "mode": "open"})
    assert response.status_code == 200, response.content
    [row] = alice.api.get(PATH, {"group": "model"}).json()["results"]
    assert (row["key"], row["questions"]) == ("extractive", 1)


@pytest.fixture
def admin(alice: Person) -> ApiClient:
    """Alice's program that may manage."""
    return ApiClient(create_token(access=alice.access, name="admin", scopes=frozenset(Scope)).value)


def _counts(response: Any) -> list[tuple[Any, ...]]:
    assert response.status_code == 200, response.content
    columns = ("key", "label", "questions", "prompt_tokens", "completion_tokens")
    return [tuple(row[column] for column in columns) for row in response.json()["results"]]


def test_sums_by_day_person_token_and_model(alice: Person, bob: Person, charlie: Person, admin: ApiClient) -> None:
    token = access_by_token(bob.token).token_id
    store(alice, model="large", questions=1, prompt_tokens=10, completion_tokens=1)
    store(bob, model="small", questions=2, prompt_tokens=200, completion_tokens=20, token_id=token)
    store(bob, model="large", questions=4, prompt_tokens=4000, completion_tokens=400, days_ago=1)
    store(bob, model="small", questions=8, days_ago=40)
    store(charlie, model="large", questions=16)
    day, before = str(today()), str(today() - timedelta(days=1))

    def ask_for(**query: str) -> list[tuple[Any, ...]]:
        return _counts(admin.get(PATH, {"of": "tenant", **query}))

    assert ask_for() == [(day, day, 3, 210, 21), (before, before, 4, 4000, 400)]
    assert ask_for(group="person") == [
        (str(bob.user.pk), "bob@example.org", 6, 4200, 420),
        (str(alice.user.pk), "alice@example.org", 1, 10, 1),
    ]
    assert ask_for(group="token") == [
        (None, "Portal, without a token", 5, 4010, 401),
        (str(token), "tests", 2, 200, 20),
    ]
    assert ask_for(group="model") == [("large", "large", 5, 4010, 401), ("small", "small", 2, 200, 20)]
    long_ago = str(today() - timedelta(days=40))
    assert ask_for(**{"from": long_ago, "to": long_ago}) == [(long_ago, long_ago, 8, 0, 0)]
    # Without asking for more, everyone has their own.
    assert _counts(bob.api.get(PATH)) == [(day, day, 2, 200, 20), (before, before, 4, 4000, 400)]
    assert _counts(charlie.api.get(PATH)) == [(day, day, 16, 0, 0)]


def test_A8_where_a_former_member_is_reached_now_is_not_told(alice: Person, bob: Person, admin: ApiClient) -> None:
    store(bob, model="large", questions=1)
    remove_member(access=alice.access, user_id=bob.user.pk)
    User.objects.filter(pk=bob.user.pk).update(email="elsewhere@example.org")
    shown = admin.get(PATH, {"of": "tenant", "group": "person"})
    assert _counts(shown) == [(str(bob.user.pk), str(bob.user.pk), 1, 0, 0)]
    assert "elsewhere" not in alice.client.get("/o/acme/settings/usage/?of=tenant&group=person").content.decode()


def test_the_first_days_there_are_can_be_asked_for(alice: Person) -> None:
    answer = alice.api.get(PATH, {"to": "0001-01-05"})
    assert answer.json() == {"from": "0001-01-01", "to": "0001-01-05", "results": []}


def test_everybodys_is_for_admins(alice: Person, bob: Person, dana: Person, admin: ApiClient) -> None:
    assert admin.get(PATH, {"of": "tenant"}).status_code == 200
    for client in (alice.api, bob.api, dana.api):  # alice's token lacks the scope, the others the role
        assert refusal(client.get(PATH, {"of": "tenant"}))[0] == 403
        assert client.get(PATH).status_code == 200


def test_refuses_days_that_make_no_sense(alice: Person) -> None:
    for query, expected in (
        ({"from": "2026-02-02", "to": "2026-02-01"}, ("/from", "out_of_range")),
        ({"from": "2025-01-01", "to": "2026-01-02"}, ("/from", "out_of_range")),
        ({"from": "yesterday"}, ("/from", "invalid")),
        ({"group": "mood"}, ("/group", "invalid_choice")),
        ({"of": "globex"}, ("/of", "invalid_choice")),
        ({"until": "2026-01-01"}, ("/until", "unknown_field")),
    ):
        assert pointers(alice.api.get(PATH, query)) == [expected], query


def test_U11_no_cell_of_a_csv_is_a_formula() -> None:
    harmful = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1"]
    harmless = ["plain", "1-2", "a=b", "", "'quoted'"]
    lines = "".join(csv_lines(["=head"], [[cell] for cell in [*harmful, *harmless]]))
    read = [row[0] if row else "" for row in csv.reader(StringIO(lines, newline=""))]
    assert read == ["'=head", *(f"'{cell}" for cell in harmful), *harmless]
    assert list(csv_lines(["n"], [[-5]])) == ["n\r\n", "-5\r\n"]


def test_U11_usage_as_csv(alice: Person, bob: Person) -> None:
    store(bob, model='=HYPERLINK("http://evil.example")', questions=3, prompt_tokens=5)
    store(alice, model="small", questions=1)
    path = "/o/acme/settings/usage/usage.csv"
    response = alice.client.get(path, {"of": "tenant", "group": "model"})
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="usage-acme-')
    assert list(csv.reader(StringIO(response.content.decode()))) == [
        ["key", "model", "questions", "prompt_tokens", "completion_tokens"],
        *[['\'=HYPERLINK("http://evil.example")'] * 2 + ["3", "5", "0"], ["small", "small", "1", "0", "0"]],
    ]
    assert bob.client.get(path, {"of": "tenant"}).status_code == 403
    assert b"small" not in bob.client.get(path, {"group": "model"}).content


def test_the_page_shows_limits_and_use_and_admins_change_them(alice: Person, bob: Person, charlie: Person) -> None:
    store(bob, model="small", questions=82)
    url = "/o/acme/settings/usage/"
    form = {"kind": "questions_day", "whom": str(bob.user.pk), "amount": "100"}
    as_form: dict[str, Any] = {"headers": {"Accept": "text/html"}, "follow": True}
    assert "Saved." in alice.client.post(f"{url}limits/", form, **as_form).content.decode()
    shown = bob.client.get(url).content.decode()
    assert "82 of 100 questions today" in shown
    assert "Limits of the organisation" not in shown
    # Less than is used: said on the page, and nothing is changed.
    refused = alice.client.post(f"{url}limits/", {**form, "amount": "81"}, **as_form).content.decode()
    assert "This person uses 82 already" in refused
    assert "Questions a day: 100" in refused
    with tenant_atomic(alice.access.tenant_id):
        quota = set_quota(access=alice.access, quota=NewQuota(QuotaKind.DOCUMENTS, QuotaFor.TENANT, 5))
    for person, status in ((bob, 403), (charlie, 404)):
        assert person.client.post(f"{url}limits/", form).status_code == status
        assert person.client.post(f"{url}limits/{quota.id}/remove/").status_code == status
    missing = charlie.client.post(f"/o/globex/settings/usage/limits/{uuid4()}/remove/")
    foreign = charlie.client.post(f"/o/globex/settings/usage/limits/{quota.id}/remove/")
    assert refusal(foreign) == refusal(missing)
    assert alice.client.post(f"{url}limits/{quota.id}/remove/").status_code == 302
    assert "Documents: 5" not in alice.client.get(url).content.decode()


def test_what_is_left_stands_beside_the_question_before_it_hits(alice: Person, bob: Person) -> None:
    set_quota(access=alice.access, quota=NewQuota(QuotaKind.QUESTIONS_DAY, QuotaFor.EACH, 100))
    store(bob, model="small", questions=79)
    path = "/o/acme/settings/usage/tight/"
    assert bob.client.get(path).json() == {"limits": [], "used_up": None}
    store(bob, model="large", questions=1)
    assert bob.client.get(path).json() == {"limits": ["80 of 100 questions today"], "used_up": None}
    assert "80 of 100 questions today" in bob.client.get("/o/acme/").content.decode()
    assert "questions today" not in alice.client.get("/o/acme/").content.decode()
