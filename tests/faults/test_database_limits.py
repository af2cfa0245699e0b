"""F12, F16, F17, F30, F38: a database that is away, locked, slow, full, or no longer the one that writes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import LiteralString

import httpx
import psycopg
import pytest
from psycopg import sql

from config.embedded import PROJECT
from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.environment import Environment
from tests.faults.times import scaled
from tests.people import Person
from tests.processes import LiveServer, web_server
from tests.security.test_revocation import Wire

pytestmark = pytest.mark.django_db(transaction=True)

LOCK_SECONDS, STATEMENT_SECONDS = 3.0, 15.0
BACK_WITHIN = 10.0
SLACK = 3.0  # of a machine that has much to do
# Doubled pauses from a second on would end 15 s and 31 s after the beginning.
AWAY_SECONDS, FOUND_WITHIN = 17.0, 5.0
COMES_AGAIN_WITHIN = 60.0
LOCKED = "conversations_conversation"


def begin(api: Api) -> httpx.Response:
    return api.post("/conversations/", json={"title": "A question"})


def listed(api: Api) -> set[str]:
    answer = api.get("/conversations/", params={"limit": 200})
    assert (answer.status_code, answer.json()["next"]) == (200, None)
    return {one["id"] for one in answer.json()["results"]}


def check_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) <= 5


@contextmanager
def set_for_the_application(admin: psycopg.Connection, name: str, value: str) -> Iterator[None]:
    """What each of its connections begins with from now on, in this run's database."""
    database = sql.Identifier(admin.info.dbname)
    role = sql.SQL("ALTER ROLE docent_app IN DATABASE {} ").format(database)
    admin.execute(role + sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    try:
        yield
    finally:
        admin.execute(role + sql.SQL("RESET {}").format(sql.Identifier(name)))


@contextmanager
def locked(url: str, mode: LiteralString = "ACCESS EXCLUSIVE") -> Iterator[None]:
    with psycopg.connect(url) as holder:
        holder.execute(sql.SQL("LOCK TABLE {} IN {} MODE").format(sql.Identifier(LOCKED), sql.SQL(mode)))
        yield
        holder.rollback()


@pytest.fixture
def api(alice: Person, extractive_server: LiveServer) -> Api:
    return Api(extractive_server, alice)


def test_F17_a_lock_that_lasts_is_a_clean_refusal_and_others_are_served(
    api: Api, run_environment: Environment
) -> None:
    with locked(run_environment.admin_url):
        started = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(begin, api)
            assert api.get("/documents/").status_code == 200, "what is not locked is served meanwhile"
            check_refused(waiting.result())
        assert LOCK_SECONDS - 0.1 < time.monotonic() - started < LOCK_SECONDS + SLACK
    assert listed(api) == set()
    assert begin(api).status_code == 201


def test_F17_a_statement_without_end_is_cancelled(
    alice: Person, admin_connection: psycopg.Connection, run_environment: Environment, logs: Path
) -> None:
    patience = scaled(STATEMENT_SECONDS)
    with (
        set_for_the_application(admin_connection, "lock_timeout", "0"),
        set_for_the_application(admin_connection, "statement_timeout", f"{1000 * patience:.0f}ms"),
        web_server(run_environment.variables, logs / "web-limited.log") as running,
    ):
        api = Api(running, alice)
        with locked(run_environment.admin_url):
            started = time.monotonic()
            check_refused(begin(api))
            assert patience - 0.1 < time.monotonic() - started < patience + SLACK
        assert begin(api).status_code == 201


def test_F12_however_long_it_was_away_it_is_found_at_once(
    alice: Person, run_environment: Environment, logs: Path
) -> None:
    """A pool that asked less and less often would be another outage as long as the first."""
    wire = Wire(run_environment.app_url)
    variables = {**run_environment.variables, "DATABASE_URL": wire.url}
    with web_server(variables, logs / "web-away.log") as running:
        api = Api(running, alice)
        assert begin(api).status_code == 201
        with wire.cut():
            away_until = time.monotonic() + AWAY_SECONDS
            while time.monotonic() < away_until:
                check_refused(begin(api))
        back = time.monotonic()
        wait_for("it is connected again", lambda: begin(api).status_code == 201)
        found = time.monotonic() - back
        print(f"found again after {found:.1f} s")  # noqa: T201
        assert found < FOUND_WITHIN


def test_F16_the_server_that_writes_is_another_one_now(
    alice: Person, admin_connection: psycopg.Connection, run_environment: Environment, logs: Path
) -> None:
    """The connections lead to one that only reads, as after a switch; then the name leads to the new one."""
    wire = Wire(run_environment.app_url)
    variables = {**run_environment.variables, "DATABASE_URL": wire.url}
    with web_server(variables, logs / "web-switched.log") as running:
        api = Api(running, alice)
        acknowledged = {begin(api).json()["id"]}
        with set_for_the_application(admin_connection, "default_transaction_read_only", "on"):
            with wire.cut():
                pass
            wait_for("it is connected again", lambda: api.get("/me/").status_code == 200, within=BACK_WITHIN)
            for _ in range(5):
                check_refused(begin(api))
            assert listed(api) == acknowledged, "reading goes on"
        mended = time.monotonic()

        def is_back() -> bool:
            answer = begin(api)
            if answer.status_code == 201:
                acknowledged.add(answer.json()["id"])
            return answer.status_code == 201

        wait_for("writes are taken", is_back, within=BACK_WITHIN)
        assert [is_back() for _ in range(20)] == [True] * 20, "no connection is left that leads to the old one"
        print(f"writes again after {time.monotonic() - mended:.1f} s")  # noqa: T201
        assert listed(api) == acknowledged


def test_F30_a_database_whose_disk_is_full_serves_what_it_has(
    api: Api, owner_connection: psycopg.Connection
) -> None:
    """The word of the server for it, at the moment at which a table would have to grow."""
    first = begin(api).json()["id"]
    owner_connection.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
    )
    try:
        for table in (LOCKED, "documents_document"):
            owner_connection.execute(
                sql.SQL(
                    "CREATE TRIGGER full_disk BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION no_room()"
                ).format(sql.Identifier(table))
            )
        check_refused(begin(api))
        check_refused(api.post("/documents/", files={"files": ("lease.txt", b"The lease ends in May.")}))
        assert listed(api) == {first}
        assert api.get(f"/conversations/{first}/").status_code == 200
    finally:
        owner_connection.execute("DROP FUNCTION no_room CASCADE")
    second = begin(api)
    assert second.status_code == 201
    assert listed(api) == {first, second.json()["id"]}
    assert api.get("/documents/").json()["results"] == []


def migrate(run_environment: Environment, *target: str) -> subprocess.Popen[str]:
    """What the release to come does; see `tests.faults.next_release`."""
    owner = {"DATABASE_URL": run_environment.owner_url, "DATABASE_OWNER_URL": run_environment.owner_url}
    settings = {"DJANGO_SETTINGS_MODULE": "tests.faults.next_release.settings"}
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "next_release", *target, "--no-input", "--skip-checks"],
        cwd=PROJECT,
        env={**os.environ, **run_environment.variables, **owner, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_F38_a_migration_waits_for_nobody_long_and_the_code_of_before_goes_on(
    api: Api, run_environment: Environment
) -> None:
    made: set[str] = set()
    slowest = 0.0
    try:
        with locked(run_environment.admin_url, "ACCESS SHARE"):  # somebody reads, for long
            migrating = migrate(run_environment)
            assert migrating.stdout is not None
            # One that waited for the reader would never say a word.
            too_long = Timer(COMES_AGAIN_WITHIN, migrating.kill)
            too_long.start()
            while "trying again" not in migrating.stdout.readline():
                assert migrating.poll() is None
            too_long.cancel()
            # It has come to the table, and comes again every few seconds: who comes after it is served.
            for _ in range(30):
                started = time.monotonic()
                answer = begin(api)
                slowest = max(slowest, time.monotonic() - started)
                assert answer.status_code == 201, answer.text
                made.add(answer.json()["id"])
            assert migrating.poll() is None
        output = migrating.communicate(timeout=60)[0]
        assert migrating.returncode == 0, output
        print(f"the slowest request beside the migration took {slowest:.1f} s")  # noqa: T201
        # The new schema under the code of before.
        made.add(begin(api).json()["id"])
        assert listed(api) == made
        assert api.get("/me/").status_code == 200
    finally:
        back = migrate(run_environment, "zero")
        assert (back.communicate(timeout=60), back.returncode)[1] == 0
