"""A transaction of the superuser's in which walls may be torn down: none of it is ever committed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.environment import Environment


@pytest.fixture
def scratch(run_environment: Environment) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(run_environment.admin_url) as connection:
        yield connection
        connection.rollback()
