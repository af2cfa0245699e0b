"""Everybody whom the matrix asks for; and a transaction of the superuser's in which walls may be torn down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from tests.environment import Environment
from tests.isolation.population import Population, populate
from tests.isolation.walls import Walls
from tests.processes import Running


@pytest.fixture(scope="module")
def population(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, empty_tables: Callable[[], None], worker: Running
) -> Iterator[Population]:
    """One for all tests here: what is refused changes nothing, and what is allowed is undone."""
    with django_db_blocker.unblock():
        try:
            yield populate()
        finally:
            empty_tables()


@pytest.fixture(scope="module")
def planted(run_environment: Environment) -> Iterator[Walls]:
    """Rows of two tenants in every table, planted once: what each test tears down is put up again."""
    with psycopg.connect(run_environment.admin_url) as connection:
        yield Walls(connection)
        connection.rollback()


@pytest.fixture
def walls(planted: Walls) -> Iterator[Walls]:
    """The walls of one test; its `connection` may change them."""
    with planted.connection.transaction(force_rollback=True):
        yield planted


@pytest.fixture
def scratch(walls: Walls) -> psycopg.Connection[Any]:
    return walls.connection
