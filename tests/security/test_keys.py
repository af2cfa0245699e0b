"""Keys that are changed while what they sealed and signed goes on: T7, D3."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt, encrypt
from django.core import signing
from django.core.management import CommandError, call_command
from pytest_django import Settings

from config.secrets import forget_former_secrets, former_secrets, load_secrets, renew_secret
from conversations.chat_models import own_models, sealed_key
from conversations.models import Site
from conversations.services.sites import secret_purpose
from tenants.audit.resealing import reseal_audit
from tenants.audit.sealing import seal_audit
from tenants.audit.verification import verify_audit
from tenants.db import tenant_atomic
from tenants.models import ModelAccess, SignInProvider, Webhook
from tenants.vault import VaultError, seal, unseal
from tenants.webhooks.services import create_webhook, secrets_of
from tests.environment import Environment
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keys(settings: Settings, tmp_path: Path) -> Any:
    """A state folder with keys of its own; the function takes them anew, as a process that starts does."""

    def take() -> None:
        secrets = load_secrets(tmp_path)
        settings.DOCENT_DATA = tmp_path
        settings.SECRET_KEY = secrets.django_key
        settings.DOCENT_VAULT_KEY = secrets.vault_key
        settings.SECRET_KEY_FALLBACKS = former_secrets(tmp_path, "django_key")
        settings.DOCENT_FORMER_VAULT_KEYS = former_secrets(tmp_path, "vault_key")

    take()
    return take


def test_T7_everything_sealed_is_rewrapped_and_opens_without_the_former_key(
    alice: Person, keys: Any, settings: Settings
) -> None:
    access = alice.access
    with tenant_atomic(access.tenant_id):
        webhook = create_webhook(access=access, url="https://localhost/told", events=["quota.near"])
        site = Site(name="Shop", key="key-of-shop", origins=["https://shop.example"])
        site.sealed_secret = seal("of the site", tenant_id=access.tenant_id, purpose=secret_purpose(site))
        site.save()
        key = sealed_key("of the model", tenant_id=access.tenant_id, server="groq")
        ModelAccess.objects.create(server="groq", sealed_secret=key)
        SignInProvider.objects.create(
            name="in",
            issuer="https://in.example",
            client_id="docent",
            domains=["example.org"],
            sealed_secret=seal("of the provider", tenant_id=access.tenant_id, purpose="sign-in"),
        )
    factor = Authenticator.objects.create(
        user=alice.user, type=Authenticator.Type.TOTP, data={"secret": encrypt("of the factor")}
    )
    signed = signing.dumps("of a person")

    call_command("rotate_keys", "new")
    keys()
    assert signing.loads(signed) == "of a person"
    assert _opened(alice, webhook.webhook.id, site.id) == "of the site of the model of the provider"
    call_command("rotate_keys", "rewrap")
    call_command("rotate_keys", "forget")
    keys()

    assert settings.DOCENT_FORMER_VAULT_KEYS == []
    assert _opened(alice, webhook.webhook.id, site.id) == "of the site of the model of the provider"
    factor.refresh_from_db()
    assert decrypt(factor.data["secret"]) == "of the factor"
    with pytest.raises(signing.BadSignature):
        signing.loads(signed)
    with pytest.raises(VaultError):
        unseal(key, tenant_id=access.tenant_id, purpose="model-server groq")


def _opened(person: Person, webhook: Any, site: Any) -> str:
    tenant = person.access.tenant_id
    with tenant_atomic(tenant):
        assert len(secrets_of(Webhook.objects.get(id=webhook))) == 1
        one = Site.objects.get(id=site)
        provider = SignInProvider.objects.get()
        return " ".join(
            (
                unseal(bytes(one.sealed_secret), tenant_id=tenant, purpose=secret_purpose(one)),
                unseal(own_models().about("groq").sealed_key, tenant_id=tenant, purpose="model-server groq"),
                unseal(bytes(provider.sealed_secret), tenant_id=tenant, purpose="sign-in"),
            )
        )


def test_T7_a_key_that_is_needed_is_not_forgotten(
    alice: Person, keys: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with tenant_atomic(alice.access.tenant_id):
        create_webhook(access=alice.access, url="https://localhost/told", events=["quota.near"])
    renew_secret(tmp_path, "vault_key")
    lost = (tmp_path / "secrets" / "former" / "vault_key.1").read_text()
    (tmp_path / "secrets" / "former" / "vault_key.1").unlink()
    keys()
    call_command("rotate_keys", "new")
    keys()
    with pytest.raises(CommandError, match="opened by none of the keys"):
        call_command("rotate_keys", "forget")
    assert "1 sealed secrets lost" in capsys.readouterr().out
    assert len(former_secrets(tmp_path, "vault_key")) == 1
    (tmp_path / "secrets" / "former" / "vault_key.2").write_text(lost)
    keys()
    call_command("rotate_keys", "forget")
    assert "1 sealed secrets rewrapped" in capsys.readouterr().out
    assert former_secrets(tmp_path, "vault_key") == []


def test_T7_former_keys_are_kept_as_secretly_and_read_newest_first(tmp_path: Path) -> None:
    values = []
    for _ in range(12):
        values.append(load_secrets(tmp_path).vault_key)
        renew_secret(tmp_path, "vault_key")
    assert former_secrets(tmp_path, "vault_key") == values[::-1]
    assert load_secrets(tmp_path).vault_key not in values
    folder = tmp_path / "secrets" / "former"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {0o600}
    assert (forget_former_secrets(tmp_path, "vault_key"), list(folder.iterdir())) == (12, [])


def test_D3_the_audit_log_is_sealed_anew_and_what_was_altered_before_is_not_covered(  # noqa: PLR0917 - fixtures
    alice: Person,
    charlie: Person,
    keys: Any,
    settings: Settings,
    run_environment: Environment,
    admin_connection: psycopg.Connection[Any],
    tmp_path: Path,
) -> None:
    settings.DOCENT_AUDIT_KEY = load_secrets(tmp_path).audit_key
    settings.DOCENT_OWNER_URL = run_environment.owner_url
    assert seal_audit(run_environment.owner_url) == 4
    with pytest.raises(CommandError, match="stop Docent"):
        call_command("rotate_keys", "audit")
    (tmp_path / "audit" / "sealed").unlink()
    before = _seals(admin_connection)

    call_command("rotate_keys", "audit")
    assert [log.faults != [] for log in verify_audit()] == [True, True], "this process has the former key"
    settings.DOCENT_AUDIT_KEY = load_secrets(tmp_path).audit_key

    assert [log.faults for log in verify_audit()] == [[], []]
    after = _seals(admin_connection)
    assert len(after) == len(before)
    assert set(after).isdisjoint(before)
    admin_connection.execute("UPDATE tenants_auditevent SET action = 'x' WHERE tenant_id = %s", [_tenant(alice)])
    with pytest.raises(CommandError, match="faults: new seals would cover their traces"):
        call_command("rotate_keys", "audit")
    assert _seals(admin_connection) == after


def test_D3_killed_half_way_the_sealing_goes_on(  # noqa: PLR0917 - fixtures
    alice: Person,
    charlie: Person,
    keys: Any,
    settings: Settings,
    run_environment: Environment,
    tmp_path: Path,
) -> None:
    """One organisation's log was sealed anew, of the other's not even the head was written."""
    settings.DOCENT_AUDIT_KEY = former = load_secrets(tmp_path).audit_key
    settings.DOCENT_OWNER_URL = run_environment.owner_url
    seal_audit(run_environment.owner_url)
    (tmp_path / "audit" / "sealed").unlink()
    head = tmp_path / "audit" / f"{_tenant(alice)}.head"
    old_head = head.read_text()
    (tmp_path / "secrets" / "resealing").touch()
    renew_secret(tmp_path, "audit_key")
    settings.DOCENT_AUDIT_KEY = present = load_secrets(tmp_path).audit_key
    reseal_audit(run_environment.owner_url, [_tenant(alice)], former=former, present=present)
    head.write_text(old_head)
    assert [log.faults != [] for log in verify_audit()] == [True, True]

    call_command("rotate_keys", "audit")

    assert [log.faults for log in verify_audit()] == [[], []]
    assert not (tmp_path / "secrets" / "resealing").exists()
    assert load_secrets(tmp_path).audit_key == present


def _tenant(person: Person) -> UUID:
    return UUID(str(person.access.tenant_id))


def _seals(admin: psycopg.Connection[Any]) -> list[bytes]:
    return [one for (one,) in admin.execute("SELECT digest FROM tenants_auditseal ORDER BY tenant_id, number")]
