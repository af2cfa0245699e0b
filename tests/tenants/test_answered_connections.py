"""F14: a database that answers nobody is given up, one that has much to do is not."""

from __future__ import annotations

import pytest
from django.db import connection

# Longer than a server may be quiet without being asked whether it lives.
LONG_SECONDS = 3.5


@pytest.mark.django_db
def test_F14_a_statement_that_takes_long_is_waited_for() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'done' FROM pg_sleep(%s)", [LONG_SECONDS])
        assert cursor.fetchone() == ("done",)
