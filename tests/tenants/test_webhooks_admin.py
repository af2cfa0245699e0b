"""Webhooks in an organisation's administration: made, tried, given a new secret, sent again, deleted."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.people import Person
from tests.standins.receiver import ReceiverStandIn, Said
from tests.tenants.hooks import PATH, deliveries, hook, hurry, is_signed, send_now

pytestmark = pytest.mark.django_db(transaction=True)

HOOKS = "/o/acme/admin/tenants/webhook/"
TOLD = "/o/acme/admin/tenants/webhookdelivery/"


def post(person: Person, path: str, **data: Any) -> str:
    answer = person.client.post(path, data, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def secret_in(page: str) -> str:
    [secret] = re.findall(r"whsec_[A-Za-z0-9+/=]{44}", page.replace("&#x3D;", "="))
    return str(secret)


def test_one_is_made_and_its_secret_shown_once(alice: Person, receiver: ReceiverStandIn) -> None:
    given = {"url": receiver.url, "description": "Intranet", "events": ["document.ready", "quota.near"]}
    secret = secret_in(post(alice, f"{HOOKS}add/", **given))
    [webhook] = alice.full_api.get(PATH).json()["results"]
    assert {name: webhook[name] for name in given} == given
    change = f"{HOOKS}{webhook['id']}/change/"
    assert "whsec_" not in alice.client.get(change).content.decode()
    assert "told in a moment" in post(alice, change, **given, is_active="on", _test="1")
    new = secret_in(post(alice, change, **given, is_active="on", _rotate="1"))
    send_now(alice)
    [heard] = receiver.heard
    assert [is_signed(heard, one) for one in (secret, new)] == [True, True]
    # What is not given is not changed by the buttons, what is wrong is said where it stands.
    wrong = post(alice, change, **{**given, "url": "http://example.org/"}, is_active="on")
    assert "A webhook’s address" in wrong or "A webhook&#x27;s address begins with https://" in wrong
    post(alice, change, **given)
    assert alice.full_api.get(f"{PATH}{webhook['id']}/").json()["disabled_reason"] == "by_hand"
    post(alice, f"{HOOKS}{webhook['id']}/delete/", post="yes")
    assert alice.full_api.get(PATH).json()["results"] == []


def test_a_delivery_is_read_and_sent_again(alice: Person, adam: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    receiver.script(Said(500, b"<b>not today</b>"))
    post(alice, HOOKS, action="test", _selected_action=webhook["id"])
    send_now(alice)
    [delivery] = deliveries(alice, webhook)
    page = adam.client.get(f"{TOLD}{delivery['id']}/change/").content.decode()
    assert "&lt;b&gt;not today&lt;/b&gt;" in page
    assert delivery["event"] in page
    assert "sent again in a moment" in post(adam, TOLD, action="send_again", _selected_action=delivery["id"])
    hurry(alice)
    send_now(alice)
    assert [one["status"] for one in deliveries(alice, webhook)] == ["delivered"]
    listed = alice.client.get(f"{TOLD}?webhook__id__exact={webhook['id']}").content.decode()
    assert "1 webhook delivery" in listed
