"""D1: the operator's `/admin/` is a process of its own, for staff with a second factor, and without content."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.sync.client
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from pytest_django import Settings
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from config import up
from config.celery import app
from config.up import Options, listen
from documents.models import Collection, Document
from tenants.admin_sites.platform_site import PlatformModelAdmin, platform_admin
from tenants.context import NoActiveTenant
from tenants.db import tenant_atomic
from tenants.limits.meters import today
from tenants.models import AuditEvent, Membership, Tenant, TenantModel, TenantTotals, UsageDay, User
from tenants.services.totals import count_totals
from tenants.tasks import count_totals as count_totals_task
from tests.environment import Environment
from tests.factories import uploaded
from tests.people import Browser, Person
from tests.plain import NO_TLS
from tests.processes import LiveServer, web_server

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a-long-password"


@pytest.fixture
def platform(settings: Settings) -> None:
    """This process as `DOCENT_PLATFORM_ADMIN=1` makes it."""
    settings.ROOT_URLCONF = "config.platform_urls"
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != "tenants.web.middleware.TenantMiddleware"]


@pytest.fixture
def root(db: None) -> User:
    """The operator, so far without a second factor; a member of no organisation."""
    user = User.objects.create_user("root@example.org", PASSWORD)
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    return user


@pytest.fixture
def operator(platform: None, root: User) -> Browser:
    """The operator's browser, second factor given."""
    browser, secret = _browser_of(root), generate_totp_secret()
    TOTP.activate(root, secret)
    _give_code(browser, secret)
    return browser


def _browser_of(user: User) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


def _give_code(browser: Browser, secret: str) -> Any:
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    answer = browser.post("/accounts/2fa/reauthenticate/?next=/admin/", {"code": code})
    assert answer.status_code == 302, answer.content.decode()
    return answer


@pytest.fixture
def platform_server(run_environment: Environment, logs: Path) -> Iterator[LiveServer]:
    variables = {**run_environment.variables, "DOCENT_PLATFORM_ADMIN": "1"}
    with web_server(variables, logs / "web-platform.log") as running:
        yield running


def test_D1_a_process_of_its_own(
    alice: Person, root: User, live_server: LiveServer, platform_server: LiveServer
) -> None:
    owner = {"sessionid": alice.client.cookies["sessionid"].value}
    staff = {"sessionid": _browser_of(root).cookies["sessionid"].value}
    for cookies in ({}, owner, staff):
        for path in ("/admin/", "/admin/login/", "/admin/tenants/user/"):
            assert httpx.get(live_server.url + path, cookies=cookies, verify=NO_TLS).status_code == 404, path
    assert httpx.get(f"{live_server.url}/o/acme/admin/", cookies=owner, verify=NO_TLS).status_code == 200

    url = platform_server.url
    answer = httpx.get(f"{url}/admin/", verify=NO_TLS)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/?next=/admin/")
    assert httpx.get(f"{url}/admin/", cookies=owner, verify=NO_TLS).status_code == 403
    assert (
        httpx.get(f"{url}/admin/", cookies=staff, verify=NO_TLS).headers["Location"]
        == "/accounts/2fa/?next=%2Fadmin%2F"
    )
    bearer = {"Authorization": f"Bearer {alice.token}"}
    for path in ("/o/acme/", "/o/acme/admin/", "/o/acme/documents/", "/api/v1/me/", "/api/schema/", "/mcp"):
        assert httpx.get(url + path, cookies=owner, headers=bearer, verify=NO_TLS).status_code == 404, path
    for path in ("/o/acme/ws/", "/nowhere/ws/"):
        with pytest.raises(InvalidStatus), _socket(platform_server, path, owner):
            pass
    with _socket(live_server, "/o/acme/ws/", owner):
        """The positive twin."""


def test_D1_up_starts_it_when_it_is_asked_to_and_no_other_program_hears_of_it(tmp_path: Path) -> None:
    def asked_for(options: Options) -> dict[str, bool]:
        with listen(options) as listener:
            programs = up.programs(options, {"PATH": "/bin"}, tmp_path, listener.fileno())
        return {one.name: one.environ.get("DOCENT_PLATFORM_ADMIN") == "1" for one in programs}

    plain: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "workers": 1, "demo": False}
    others = {"web": False, "worker": False, "embedder": False, "platform": False}
    assert asked_for(Options(**plain)) == others
    assert asked_for(Options(**plain, admin_port=8001)) == {**others, "admin": True}


def _socket(server: LiveServer, path: str, cookies: dict[str, str]) -> Any:
    headers = {"Cookie": f"sessionid={cookies['sessionid']}"}
    origin = Origin(server.url)
    return websockets.sync.client.connect(
        server.ws_url + path, origin=origin, additional_headers=headers, proxy=None
    )


def test_D1_only_staff_who_gave_a_second_factor_in_this_session(platform: None, alice: Person, root: User) -> None:
    pages = ["/admin/", "/admin/health/", "/admin/jsi18n/", "/admin/tenants/", "/admin/tenants/user/"]
    browser, secret = _browser_of(root), generate_totp_secret()
    for path in pages:
        assert Browser().get(path).headers["Location"] == f"/accounts/login/?next={path}"
        assert browser.get(path).headers["Location"].startswith("/accounts/2fa/?next=%2Fadmin%2F")
        assert alice.client.get(path).status_code == 403, "an owner is not an operator"
    TOTP.activate(root, secret)
    for path in pages:
        assert browser.get(path).headers["Location"].startswith("/accounts/2fa/reauthenticate/?next=%2Fadmin%2F")
    assert _give_code(browser, secret).headers["Location"] == "/admin/"
    assert {browser.get(path).status_code for path in pages} == {200}
    # Another session of the same person has to give its own.
    assert _browser_of(root).get("/admin/").status_code == 302
    # What was taken away meanwhile ends it, each by itself.
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    assert browser.get("/admin/").status_code == 403
    User.objects.filter(pk=root.pk).update(is_superuser=True, is_staff=False)
    assert browser.get("/admin/").status_code == 403
    User.objects.filter(pk=root.pk).update(is_staff=True)
    assert browser.get("/admin/").status_code == 200
    Authenticator.objects.filter(user=root).delete()
    assert browser.get("/admin/").headers["Location"].startswith("/accounts/2fa/?")


def test_D1_what_is_registered_belongs_to_no_organisation(operator: Browser) -> None:
    assert set(platform_admin._registry) == {Tenant, User, TenantTotals}
    for model in (Document, Collection, Membership):
        assert issubclass(model, TenantModel)
        with pytest.raises(ImproperlyConfigured):
            platform_admin.register(model, PlatformModelAdmin)
    for path in ("documents/document/", "tenants/membership/", "conversations/conversation/", "auth/group/"):
        assert operator.get(f"/admin/{path}").status_code == 404, path
    for path in ("tenants/tenant/add/", "tenants/user/add/", "autocomplete/", "password_change/", "login/"):
        assert operator.get(f"/admin/{path}").status_code == 404, path


def test_D1_no_content_and_no_hash_on_any_page(operator: Browser, alice: Person, root: User) -> None:
    with tenant_atomic(alice.access.tenant_id):
        collection = Collection.objects.create(name="Merger with Globex", slug="merger").id
    count_totals()
    acme = Tenant.objects.get(slug="acme")
    hidden = f"merger|Globex|{collection}|argon2|pbkdf2|md5\\$|sha256"
    rows = {"tenant": acme.pk, "user": alice.user.pk, "tenanttotals": acme.pk}
    for model, pk in rows.items():
        for tail in ("", f"{pk}/change/", f"{pk}/history/"):
            page = operator.get(f"/admin/tenants/{model}/{tail}")
            assert page.status_code == 200, (model, tail)
            assert re.findall(hidden, page.content.decode()) == [], (model, tail)
            assert "acme" in page.content.decode().casefold() or model == "user"
    for lookup in ("password__startswith", "id__in", "sample_questions__contains"):
        assert operator.get("/admin/tenants/user/", {lookup: "a"}).status_code == 400
    assert operator.post(f"/admin/tenants/user/{root.pk}/change/", {"email": "new@example.org"}).status_code == 403
    # Whatever is asked there, the database has no row for it.
    assert _count_in_database() == 0
    with tenant_atomic(acme.id):
        assert _count_in_database() == 2
    with pytest.raises(NoActiveTenant):
        Collection.objects.count()


def _count_in_database() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM documents_collection")
        return int(cursor.fetchone()[0])


def test_organisations_are_disabled_and_enabled(operator: Browser, root: User, alice: Person) -> None:
    acme = Tenant.objects.get(slug="acme")
    action = {ACTION_CHECKBOX_NAME: str(acme.pk), "index": "0"}
    operator.post("/admin/tenants/tenant/", {**action, "action": "disable"})
    assert list(Tenant.objects.filter(is_active=False)) == [acme]
    operator.post("/admin/tenants/tenant/", {**action, "action": "enable"})
    assert list(Tenant.objects.filter(is_active=True)) == [acme]
    with tenant_atomic(acme.id):
        told = AuditEvent.objects.filter(actor_id=root.pk).order_by("at").values_list("action", flat=True)
        assert list(told) == ["tenant.disabled", "tenant.enabled"]
    history = operator.get(f"/admin/tenants/tenant/{acme.pk}/history/").content.decode()
    assert {"disabled", "enabled"} <= set(re.findall(r"\w+", history))


def test_accounts_are_deactivated_but_not_ones_own(operator: Browser, root: User, alice: Person) -> None:
    both = [str(alice.user.pk), str(root.pk)]
    sent = {"action": "deactivate", ACTION_CHECKBOX_NAME: both, "index": "0"}
    operator.post("/admin/tenants/user/", sent)
    assert list(User.objects.filter(is_active=False)) == [alice.user]
    operator.post("/admin/tenants/user/", {**sent, "action": "reactivate"})
    assert not User.objects.filter(is_active=False).exists()


def test_totals_are_counted_in_each_organisations_own_context(alice: Person, bob: Person, charlie: Person) -> None:
    content = b"Three words here."
    uploaded(alice, "notes.txt", content)
    with tenant_atomic(charlie.access.tenant_id):
        UsageDay.objects.create(
            day=today(), user_id=charlie.user.pk, model="m", questions=3, prompt_tokens=40, completion_tokens=2
        )
    assert (count_totals(), count_totals()) == (2, 2)
    figures = ("members", "documents", "bytes", "questions_today", "tokens_today", "dead_jobs")
    counted = {row[0]: row[1:] for row in TenantTotals.objects.values_list("tenant__slug", *figures)}
    assert counted == {"acme": (2, 1, len(content), 0, 0, 0), "globex": (1, 0, 0, 3, 42, 0)}


def test_the_platform_process_counts_them() -> None:
    scheduled = {one["task"] for one in app.conf.beat_schedule.values()}
    assert count_totals_task.name in scheduled
    assert app.conf.task_routes[count_totals_task.name] == {"queue": "platform"}


def test_health_says_how_the_parts_are(operator: Browser, alice: Person) -> None:
    def told() -> dict[str, str]:
        page = operator.get("/admin/health/").content.decode()
        rows = re.findall(r'<th scope="row">(.*?)</th>\s*<td>(.*?)</td>', page, re.DOTALL)
        return {name: re.sub("<.*?>", "", state) for name, state in rows}

    assert told()["Totals"] == "not well", "nobody has counted yet"
    count_totals()
    assert told() == {
        "Database": "well",
        "Valkey": "well",
        "Work": "well",
        "Jobs that failed for good": "well",
        "Totals": "well",
    }
