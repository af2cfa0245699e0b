"""``manage.py migrate``, beside people who are using what it changes."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import DeadlockDetected, LockNotAvailable

# A statement that waits for a lock has everybody wait behind it: so it gives up soon, and comes again.
_LOCK_SECONDS = 2
_PAUSE = 1.0


class Command(migrate.Command):
    """Whoever waits for a table's lock holds up all who come to that table after them.

    So no step waits long. A migration that could not have its lock is rolled back, and tried again in a moment:
    those before it are done and are not done again.
    """

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--patience",
            type=float,
            default=300.0,
            metavar="SECONDS",
            help="how long to try again while others keep a table locked (%(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> str | None:
        until = time.monotonic() + options["patience"]
        while True:
            try:
                self._bound_waits(options["database"])
                result: str | None = super().handle(*args, **options)
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                    raise
                if time.monotonic() > until:
                    message = "Others keep a table locked; nothing is half done: run it again. "
                    raise CommandError(f"{message}{error}") from error
                connections[options["database"]].close()
                self.stderr.write(f"A table is in use; trying again: {str(error).splitlines()[0]}")
                time.sleep(_PAUSE)
            else:
                return result

    @staticmethod
    def _bound_waits(database: str) -> None:
        with connections[database].cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{_LOCK_SECONDS}s"])
