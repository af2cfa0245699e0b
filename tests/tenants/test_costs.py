"""What answers cost: at the price of the moment, stored with the answer and summed up by day."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.utils import timezone
from pytest_django import Settings

from conversations.answering.pipeline import Outcome
from conversations.models import Message, Status
from conversations.services.leases import interrupt_reply
from tenants.db import tenant_atomic
from tenants.jobs.models import ReplyLease
from tests.people import Person
from tests.tenants.test_usage import PATH, asked_by, end, store

pytestmark = pytest.mark.django_db(transaction=True)

PRICES = {"large": {"in": 2.5, "out": 10, "currency": "EUR"}, "small": {"in": 0.05, "out": 0.5, "currency": "USD"}}
TIMED = {"first_token": 1.5, "model_first_token": 0.5, "total": 3.5}


@pytest.fixture(autouse=True)
def prices(settings: Settings) -> None:
    settings.DOCENT_MODEL_PRICES = json.dumps(PRICES)


def answered(person: Person, model: str, *, status: Status = Status.FINISHED, **about: Any) -> dict[str, Any]:
    """What is stored of an answer, as programs read it."""
    asked = asked_by(person.access)
    assert end(person.access, asked, Outcome(model=model, timings=dict(TIMED), **about), status)
    usage: dict[str, Any] = person.api.get(f"/api/v1/messages/{asked.message_id}/").json()["usage"]
    return usage


def costs(person: Person, **query: str) -> dict[str | None, list[dict[str, Any]]]:
    rows = person.full_api.get(PATH, {"group": "model", **query}).json()["results"]
    return {row["key"]: row["costs"] for row in rows}


def test_an_answer_says_what_it_took_how_fast_and_for_how_much(alice: Person) -> None:
    usage = answered(alice, "large", usage={"prompt_tokens": 1000, "completion_tokens": 100})
    assert usage == {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "time_to_first_token": 0.5,
        "tokens_per_second": 50.0,
        "cost": {"amount": 0.0035, "currency": "EUR"},
    }
    assert costs(alice) == {"large": [{"amount": 0.0035, "currency": "EUR"}]}


def test_what_was_asked_before_the_answer_is_paid_and_says_nothing_of_its_speed(alice: Person) -> None:
    used = {"prompt_tokens": 1000, "completion_tokens": 140}
    usage = answered(alice, "large", usage=used, aside_tokens=(300, 40))
    assert (usage["tokens_per_second"], usage["cost"]["amount"]) == (50.0, 0.0039)


@pytest.mark.parametrize("status", [Status.STOPPED, Status.FAILED, Status.INTERRUPTED])
def test_L7_an_answer_cut_short_costs_what_it_took(alice: Person, status: Status) -> None:
    usage = answered(alice, "large", status=status, prompt_characters=4000, completion_characters=400)
    assert (usage["is_estimated"], usage["cost"]) == (True, {"amount": 0.0035, "currency": "EUR"})
    assert costs(alice) == {"large": [{"amount": 0.0035, "currency": "EUR"}]}


def test_L7_an_answer_whose_process_died_costs_what_is_kept_of_it(alice: Person) -> None:
    asked = asked_by(alice.access)
    tenant = alice.access.tenant_id
    with tenant_atomic(tenant):
        Message.objects.filter(id=asked.message_id).update(content="x" * 400, model="large", timings=TIMED)
        ReplyLease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert interrupt_reply(tenant_id=tenant, message_id=asked.message_id)
    usage = alice.api.get(f"/api/v1/messages/{asked.message_id}/").json()["usage"]
    assert (usage["completion_tokens"], usage["is_estimated"]) == (100, True)
    assert usage["cost"] == {"amount": 0.001, "currency": "EUR"}
    # Its question stays nobody's: which model would have answered is not known.
    assert costs(alice) == {"large": [{"amount": 0.001, "currency": "EUR"}], None: []}


def test_without_a_price_nothing_is_said_of_cost(alice: Person) -> None:
    usage = answered(alice, "llama3.2", usage={"prompt_tokens": 1000, "completion_tokens": 100})
    assert usage["cost"] is None
    assert costs(alice) == {"llama3.2": []}


def test_a_model_that_was_never_reached_used_nothing(alice: Person) -> None:
    assert answered(alice, "large", status=Status.FAILED) == {}
    assert costs(alice) == {"large": [{"amount": 0.0, "currency": "EUR"}]}


def test_prices_that_change_change_no_stored_cost(alice: Person, settings: Settings) -> None:
    used = {"prompt_tokens": 1000, "completion_tokens": 100}
    asked = asked_by(alice.access)
    assert end(alice.access, asked, Outcome(model="large", usage=used))
    settings.DOCENT_MODEL_PRICES = json.dumps({"large": {"in": 5, "out": 20, "currency": "USD"}})
    message = alice.api.get(f"/api/v1/messages/{asked.message_id}/").json()
    assert message["usage"]["cost"] == {"amount": 0.0035, "currency": "EUR"}
    answered(alice, "large", usage=used)
    # Another currency is not added to the first.
    assert costs(alice) == {"large": [{"amount": 0.0035, "currency": "EUR"}, {"amount": 0.007, "currency": "USD"}]}


def test_costs_are_ones_own_or_for_admins_everybodys(alice: Person, bob: Person, charlie: Person) -> None:
    for person, model in ((alice, "large"), (bob, "small"), (charlie, "large")):
        answered(person, model, usage={"prompt_tokens": 100_000, "completion_tokens": 0})
    large, small = [{"amount": 0.25, "currency": "EUR"}], [{"amount": 0.005, "currency": "USD"}]
    assert costs(bob) == {"small": small}
    assert costs(alice, of="tenant") == {"large": large, "small": small}
    assert costs(charlie, of="tenant") == {"large": large}
    table = alice.client.get("/o/acme/settings/usage/usage.csv", {"of": "tenant", "group": "model"})
    rows = list(csv.reader(StringIO(table.content.decode())))
    assert rows[0][-2:] == ["cost_eur", "cost_usd"]
    amounts = {"large": ["0.250000", "0.000000"], "small": ["0.000000", "0.005000"]}
    assert {row[0]: row[-2:] for row in rows[1:]} == amounts
    page = alice.client.get("/o/acme/settings/usage/", {"of": "tenant"}).content.decode()
    assert "Cost in EUR" in page
    assert "0.2500" in page
    early = {"from": "2020-01-01", "to": "2020-01-02"}
    assert "Cost" not in charlie.client.get("/o/globex/settings/usage/", early).content.decode()


def test_fractions_of_a_token_price_are_rounded_once_an_answer(alice: Person) -> None:
    for _ in range(3):
        answered(alice, "small", usage={"prompt_tokens": 13, "completion_tokens": 1})
    assert costs(alice) == {"small": [{"amount": 0.000003, "currency": "USD"}]}


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ("{", "it is not JSON"),
        ("[]", "it is no JSON object"),
        ('{"large": {"in": 1}}', "“large” needs “in”, “out” and “currency”"),
        (
            '{"large": {"in": 1, "out": 1, "currency": "Euro"}}',
            "the currency of “large” is not three capital letters",
        ),
        ('{"large": {"in": -1, "out": 1, "currency": "EUR"}}', "the price of “large” is not a number"),
        ('{"large": {"in": true, "out": 1, "currency": "EUR"}}', "the price of “large” is not a number"),
        ('{"large": {"in": NaN, "out": 1, "currency": "EUR"}}', "the price of “large” is not a number"),
    ],
)
def test_prices_that_cannot_be_read_are_refused_in_plain_words(
    settings: Settings, prices: str, words: str
) -> None:
    settings.DOCENT_MODEL_PRICES = prices
    with pytest.raises(SystemCheckError) as refused:
        call_command("check")
    assert "DOCENT_MODEL_PRICES cannot be used" in str(refused.value)
    assert words in str(refused.value)


def test_days_of_before_have_no_cost(alice: Person) -> None:
    store(alice, model="large", questions=1, prompt_tokens=10, completion_tokens=1)
    assert costs(alice) == {"large": []}
