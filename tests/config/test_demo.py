"""The demo organisation: complete, the same on every start, and repaired when half of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.test import Client

from config.demo import ensure_demo
from documents.models import Document
from documents.services.documents import delete_document
from tenants.access import Access, access_by_token
from tenants.db import tenant_atomic
from tenants.models import Tenant, User
from tenants.services.organisations import create_tenant
from tests.environment import Environment

pytestmark = pytest.mark.django_db

NAMES = {
    "visitor-services-handbook.pdf",
    "annual-review-2024.pdf",
    "lending-policy.md",
    "volunteer-newsletter.txt",
}


@pytest.fixture(autouse=True)
def kept(run_environment: Environment) -> Iterator[Path]:
    """The file that keeps log-in and token; no test finds another's."""
    path = run_environment.data / "demo.json"
    path.unlink(missing_ok=True)
    yield path
    path.unlink(missing_ok=True)


def opens(demo: dict[str, str]) -> Access:
    """Whether log-in and token work, for the same person and organisation."""
    access = access_by_token(demo["token"])
    person = authenticate(None, email=demo["email"], password=demo["password"])
    assert person is not None
    assert (person.pk, access.tenant_slug) == (access.user_id, demo["slug"])
    return access


def names(access: Access) -> list[str]:
    with tenant_atomic(access.tenant_id):
        return sorted(Document.objects.values_list("name", flat=True))


def test_it_is_complete(kept: Path) -> None:
    demo = ensure_demo()
    access = opens(demo)
    assert set(demo) == {"address", "email", "password", "token", "slug"}
    assert demo["address"].endswith("/o/demo/")
    assert access.role == "owner"
    assert names(access) == sorted(NAMES)
    assert len(Tenant.objects.get(slug="demo").sample_questions) == 4
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_second_start_changes_nothing(kept: Path) -> None:
    first = ensure_demo()
    written = kept.stat().st_mtime_ns
    assert ensure_demo() == first
    assert kept.stat().st_mtime_ns == written
    assert names(opens(first)) == sorted(NAMES)


def test_a_deleted_document_stays_deleted() -> None:
    access = opens(ensure_demo())
    with tenant_atomic(access.tenant_id):
        document = Document.objects.get(name="lending-policy.md")
    delete_document(access=access, document=document)
    assert names(opens(ensure_demo())) == sorted(NAMES - {"lending-policy.md"})


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"password": 7}'])
def test_without_the_file_the_same_organisation_gets_a_new_log_in(kept: Path, content: str | None) -> None:
    first = ensure_demo()
    if content is None:
        kept.unlink()
    else:
        kept.write_text(content)
    second = ensure_demo()
    opens(second)
    assert (second["slug"], second["email"]) == (first["slug"], first["email"])
    assert second["token"] != first["token"]
    assert Tenant.objects.count() == 1


def test_with_the_file_a_new_database_gets_the_same_log_in(kept: Path) -> None:
    kept.write_text('{"password": "kept-from-before", "token": "dct_of-another-database"}')
    demo = ensure_demo()
    opens(demo)
    assert demo["password"] == "kept-from-before"


def test_a_slug_that_somebody_else_took_is_left_alone() -> None:
    create_tenant(name="Theirs", slug="demo", owner=User.objects.create_user("first@example.org"))
    demo = ensure_demo()
    assert opens(demo).tenant_slug == "wrenfield-museum"
    assert ensure_demo() == demo


def test_the_log_in_opens_the_portal(client: Client) -> None:
    demo = ensure_demo()
    assert client.login(email=demo["email"], password=demo["password"])
    assert client.get("/o/demo/").status_code == 200
