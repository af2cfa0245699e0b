"""The second factor, and asking again who it is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import struct
import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator

from tenants.adapters import SecondFactorAdapter
from tenants.models import User
from tests.people import Browser, Person
from tests.tenants.accounts import PASSWORD, is_logged_in, log_in, mails_to, reauthenticate

pytestmark = pytest.mark.django_db(transaction=True)


def _code(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238, RFC 4226)."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 0xF)
    return f"{(number & 0x7FFFFFFF) % 10**6:06d}"


def _turn_on(person: Person) -> str:
    """With an authenticator app; its key."""
    EmailAddress.objects.update_or_create(
        user=person.user, email=person.user.email, defaults={"verified": True, "primary": True}
    )
    browser = person.client
    reauthenticate(browser)
    page = browser.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.findall(r'id="authenticator_secret" value="(\w+)"', page)[0]
    assert browser.post("/accounts/2fa/totp/activate/", {"code": _code(secret)}).status_code == 302
    return str(secret)


def test_setting_it_up_asks_who_it_is_and_for_a_verified_address(alice: Person) -> None:
    EmailAddress.objects.create(user=alice.user, email=alice.user.email, verified=True, primary=True)
    asked = alice.client.get("/accounts/2fa/totp/activate/")
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    wrong = alice.client.post("/accounts/reauthenticate/", {"password": "not-the-password"})
    assert wrong.status_code == 200
    reauthenticate(alice.client)
    assert alice.client.get("/accounts/2fa/totp/activate/").status_code == 200
    EmailAddress.objects.update(verified=False)
    assert alice.client.get("/accounts/2fa/totp/activate/")["Location"] == "/accounts/2fa/"


def test_with_it_a_password_alone_opens_nothing(alice: Person) -> None:
    secret = _turn_on(alice)
    browser = Browser()
    assert log_in(browser, alice.user.email)["Location"].startswith("/accounts/2fa/authenticate/")
    assert not is_logged_in(browser)
    assert browser.get("/o/acme/").status_code == 302
    assert browser.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert not is_logged_in(browser)
    # allauth takes each code once; the app's first one was used to set it up.
    codes = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES).wrap().get_unused_codes()
    assert browser.post("/accounts/2fa/authenticate/", {"code": codes[0]})["Location"] == "/o/acme/"
    assert is_logged_in(browser)
    again = Browser()
    log_in(again, alice.user.email)
    again.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert not is_logged_in(again)
    assert len(secret) == 32


def test_its_secrets_are_sealed_and_its_changes_told_by_mail(alice: Person) -> None:
    secret = _turn_on(alice)
    stored = Authenticator.objects.get(type=Authenticator.Type.TOTP).data
    assert secret not in str(stored)
    assert SecondFactorAdapter().decrypt(stored["secret"]) == secret
    seed = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES).data["seed"]
    assert len(SecondFactorAdapter().decrypt(seed)) >= 40
    assert len(mails_to(alice.user.email)) >= 1
    reauthenticate(alice.client)
    alice.client.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(type=Authenticator.Type.TOTP).exists()
    browser = Browser()
    log_in(browser, alice.user.email)
    assert is_logged_in(browser)


def test_recovery_codes_are_shown_made_anew_and_downloaded(alice: Person) -> None:
    _turn_on(alice)
    shown = set(
        re.findall(r"<code>(\d+)</code>", alice.client.get("/accounts/2fa/recovery-codes/").content.decode())
    )
    assert len(shown) == 10
    reauthenticate(alice.client)
    alice.client.post("/accounts/2fa/recovery-codes/generate/")
    anew = set(
        re.findall(r"<code>(\d+)</code>", alice.client.get("/accounts/2fa/recovery-codes/").content.decode())
    )
    assert len(anew) == 10
    assert not anew & shown
    file = alice.client.get("/accounts/2fa/recovery-codes/download/")
    assert set(re.findall(r"^\d+$", file.content.decode(), re.MULTILINE)) == anew


def test_P9_what_no_browser_says_for_a_key_is_refused(alice: Person) -> None:
    _turn_on(alice)
    answer = {"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": "e30"}}
    wrong = [3, [], {"id": 3}, {"id": "YQ"}, answer, {**answer, "rawId": 3}, {**answer, "response": None}]
    for place in ("add", "login", "reauthenticate"):
        for said in wrong:
            browser = Browser() if place == "login" else alice.client
            path = f"/accounts/2fa/webauthn/{place}/"
            browser.get(path)
            assert browser.post(path, {"credential": json.dumps(said)}).status_code in {200, 302}, (place, said)
    assert not Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN).exists()


def test_the_key_that_a_passkey_is_made_for_is_the_address_that_people_use(alice: Person) -> None:
    EmailAddress.objects.create(user=alice.user, email=alice.user.email, verified=True, primary=True)
    reauthenticate(alice.client)
    page = alice.client.get("/accounts/2fa/webauthn/add/").content.decode()
    assert '"rp": {"name": "Docent", "id": "localhost"}' in page
    options = Browser().get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"}).json()
    assert options["request_options"]["publicKey"]["rpId"] == "localhost"
    assert options["request_options"]["publicKey"]["userVerification"] == "required"


def test_every_page_of_an_account_is_its_persons_alone(alice: Person, bob: Person) -> None:
    _turn_on(alice)
    key = Authenticator.objects.create(
        user=alice.user, type=Authenticator.Type.WEBAUTHN, data={"name": "Key", "credential": {}}
    )
    reauthenticate(bob.client)
    for page in ("edit", "remove"):
        foreign = bob.client.post(f"/accounts/2fa/webauthn/keys/{key.pk}/{page}/", {"name": "Mine"})
        missing = bob.client.post(f"/accounts/2fa/webauthn/keys/{key.pk + 1}/{page}/", {"name": "Mine"})
        assert (foreign.status_code, missing.status_code) == (404, 404)
    key.refresh_from_db()
    assert key.data["name"] == "Key"
    assert bob.client.get("/accounts/2fa/recovery-codes/").status_code == 404


def test_a_password_is_needed_before_one_can_be_changed(alice: Person) -> None:
    form = {"password1": "another-long-one", "password2": "another-long-one"}
    alice.client.post("/accounts/password/change/", {**form, "oldpassword": "not-the-password"})
    assert User.objects.get().check_password(PASSWORD)
    alice.client.post("/accounts/password/change/", {**form, "oldpassword": PASSWORD})
    assert User.objects.get().check_password("another-long-one")
