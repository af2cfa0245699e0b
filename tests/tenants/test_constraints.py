"""What makes a model tenant-owned, the checks that miss nothing, and the role that must not be too strong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connections, models
from django.db.models import UniqueConstraint
from pytest_django import DjangoDbBlocker

from config.provisioning import with_login
from conversations.models import Message
from documents.models import Collection, Document
from tenants.checks import check_role, check_tenant_models, role_faults
from tenants.constraints import RowLevelSecurity, TenantForeignKey
from tenants.models import Job, Membership, TenantModel
from tests.environment import Environment


def _names(model: type[TenantModel]) -> set[str]:
    return {constraint.name for constraint in model._meta.constraints}


def test_a_model_that_lists_constraints_of_its_own_keeps_the_walls() -> None:
    assert _names(Document) == {
        "document_bytes_once",
        "document_source_once",
        "documents_document_tenant_id",
        "documents_document_collection_tenant",
        "documents_document_source_tenant",
        "documents_document_rls",
    }
    assert _names(Message) == {
        "question_once",
        "conversations_message_tenant_id",
        "conversations_message_conversation_tenant",
        "conversations_message_parent_tenant",
        "conversations_message_rls",
    }


@pytest.mark.parametrize(
    "constraint",
    [
        RowLevelSecurity(name="rls"),
        RowLevelSecurity(name="rls", person_column="user_id"),
        TenantForeignKey(name="key", field="document"),
    ],
)
def test_constraints_travel_in_migrations(constraint: RowLevelSecurity | TenantForeignKey) -> None:
    path, args, kwargs = constraint.deconstruct()
    assert path == f"tenants.constraints.{type(constraint).__name__}"
    copy = type(constraint)(*args, **kwargs)
    assert copy == constraint
    assert hash(copy) == hash(constraint)
    assert copy.deconstruct() == constraint.deconstruct()


def test_constraints_that_differ_are_different() -> None:
    assert RowLevelSecurity(name="rls") != RowLevelSecurity(name="rls", person_column="user_id")
    assert TenantForeignKey(name="key", field="document") != TenantForeignKey(name="key", field="page")
    assert Membership.row_person_column == "user_id"


def test_the_models_pass_the_check() -> None:
    assert check_tenant_models(None) == []


@pytest.mark.parametrize(
    ("lost", "code"),
    [
        ("documents_document_rls", "tenants.E002"),
        ("documents_document_tenant_id", "tenants.E003"),
        ("documents_document_collection_tenant", "tenants.E005"),
    ],
)
def test_a_model_without_one_of_its_walls_is_reported(
    monkeypatch: pytest.MonkeyPatch, lost: str, code: str
) -> None:
    kept = [one for one in Document._meta.constraints if one.name != lost]
    assert len(kept) == len(Document._meta.constraints) - 1
    monkeypatch.setitem(vars(Document._meta), "constraints", kept)
    assert [(error.obj, error.id) for error in check_tenant_models(None)] == [(Document, code)]


def test_a_unique_constraint_that_does_not_begin_with_the_tenant_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beyond = UniqueConstraint(fields=["slug"], name="slug_once")
    monkeypatch.setitem(vars(Collection._meta), "constraints", [*Collection._meta.constraints, beyond])
    assert [(error.obj, error.id) for error in check_tenant_models(None)] == [(Collection, "tenants.E004")]


def test_a_unique_field_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(Collection._meta.get_field("slug")), "unique", True)
    assert [(error.obj, error.id) for error in check_tenant_models(None)] == [(Collection, "tenants.E006")]


def test_a_many_to_many_relation_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(Collection._meta), "local_many_to_many", [models.ManyToManyField(Document)])
    assert [(error.obj, error.id) for error in check_tenant_models(None)] == [(Collection, "tenants.E007")]


def test_a_table_of_no_class_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(Job._meta), "db_table", "tenants_novelty")
    assert [(error.obj, error.id) for error in check_tenant_models(None)] == [(Job, "tenants.E001")]


@contextmanager
def _connected(url: str, blocker: DjangoDbBlocker) -> Iterator[str]:
    """Another way into the run's database, by its alias."""
    parts = urlsplit(url)
    own = {**connections.settings["default"], "USER": parts.username or "", "PASSWORD": parts.password or ""}
    connections.settings["other"] = own
    try:
        with blocker.unblock():
            yield "other"
            connections["other"].close_pool()  # type: ignore[attr-defined]
    finally:
        del connections["other"]
        del connections.settings["other"]


@pytest.fixture
def bypassing_url(run_environment: Environment, admin_connection: psycopg.Connection) -> Iterator[str]:
    """The address for a role that may read past row-level security and nothing more."""
    role = f"docent_test_bypass_{os.getpid()}"
    admin_connection.execute(f"CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD 'for-a-moment'")
    database = run_environment.admin_url.rpartition("/")[2]
    admin_connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
    try:
        yield with_login(run_environment.admin_url, role, "for-a-moment")
    finally:
        admin_connection.execute(f"DROP OWNED BY {role}")
        admin_connection.execute(f"DROP ROLE {role}")


def _faults(url: str, blocker: DjangoDbBlocker) -> tuple[list[str], set[str | None]]:
    """What is said of a role when serving starts, and what `check` reports."""
    with _connected(url, blocker) as alias:
        return role_faults(alias), {error.id for error in check_role([alias])}


def test_I8_the_applications_role_has_no_fault(
    run_environment: Environment, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    assert _faults(run_environment.app_url, django_db_blocker) == ([], set())


def test_I8_the_owner_may_migrate_and_not_serve(
    run_environment: Environment, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    assert _faults(run_environment.owner_url, django_db_blocker) == (["owns tables"], set())


def test_I8_a_role_that_bypasses_the_policies_is_refused(
    bypassing_url: str, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    assert _faults(bypassing_url, django_db_blocker) == (["bypasses row-level security"], {"tenants.E101"})


def test_I8_a_superuser_is_refused(
    run_environment: Environment, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    faults, reported = _faults(run_environment.admin_url, django_db_blocker)
    assert faults == ["is a superuser", "bypasses row-level security", "owns tables"]
    assert reported == {"tenants.E101"}
