"""Behind a bouncer each transaction may be on another of the server's sessions: nothing relies on one of its own.

Where the machine has PgBouncer the same is tried behind it, in transaction mode, with fewer connections than
clients.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from config.embedded import PROJECT
from tenants.jobs.periodic import only_here
from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.environment import Environment
from tests.factories import handbook
from tests.people import Person
from tests.processes import LiveServer, celery_worker, web_server
from tests.standins.bouncer import PROGRAM, bouncer

pytestmark = pytest.mark.django_db(transaction=True)

_WAYS = ["straight", "without a pool", *(["bounced", "bounced without a pool"] if PROGRAM else [])]

GUARDED = """
import sys, django
django.setup()
from tenants.jobs.periodic import only_here
with only_here("a test") as is_free:
    print(is_free, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=_WAYS)
def variables(request: pytest.FixtureRequest, run_environment: Environment) -> Iterator[dict[str, str]]:
    """Where processes of Docent find the database."""
    with ExitStack() as stack:
        found = {**run_environment.variables}
        if "bounced" in request.param:
            found["DATABASE_URL"], _ = stack.enter_context(bouncer(run_environment.app_url))
        if "without" in request.param:
            found["DOCENT_DB_POOL"] = "0"
        yield found


def test_a_lock_that_lasts_longer_than_a_statement_is_a_transactions(admin_connection: psycopg.Connection) -> None:
    """A session's would stay with one that others go on to use."""
    with only_here("a test") as is_free:
        assert is_free
        held = admin_connection.execute(
            "SELECT state FROM pg_stat_activity WHERE pid IN"
            " (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()))"
        ).fetchall()
    assert held == [("idle in transaction",)]


def test_one_of_two_processes_is_at_it_and_leaves_it_when_it_dies(variables: dict[str, str]) -> None:
    def guarded() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", GUARDED],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()

    with guarded() as first:
        assert says(first) == "True"
        with guarded() as second:
            assert says(second) == "False"
            second.kill()
        first.kill()

    def is_free() -> bool:
        with guarded() as third:
            word = says(third)
            third.kill()
        return word == "True"

    wait_for("the dead one's lock is free", is_free)


@pytest.mark.usefixtures("style_and_scripts")
def test_a_document_is_read_and_asked(variables: dict[str, str], alice: Person, bob: Person, logs: Path) -> None:
    with (
        web_server(variables, logs / "web-bounced.log") as server,
        celery_worker(variables, logs / "worker-bounced.log"),
    ):
        api = Api(server, alice)
        sent = api.post("/documents/", files=[("files", ("handbook.pdf", handbook()))]).json()["results"][0]
        place = f"/documents/{sent['id']}/"
        wait_for("it is read", lambda: api.get(place).json()["status"] in {"ready", "failed"}, within=60)
        assert api.get(place).json()["status"] == "ready"
        with ThreadPoolExecutor(12) as pool:
            asked = list(pool.map(_asked, [(server, one) for one in (alice, bob) * 12]))
    assert asked == [sent["id"]] * 24


def _asked(who: tuple[LiveServer, Person]) -> str:
    """The document of the best passage."""
    server, person = who
    found = Api(server, person).post("/search/", json={"query": "paid holiday"}).json()["results"]
    return str(found[0]["document"])
