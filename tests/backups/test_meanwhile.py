"""While others work, and when a backup dies: P4, F39."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event

import psycopg
import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection

from config.backups.archive import Backup, Manifest
from config.embedded import PROJECT
from tests.backups.conftest import Make
from tests.config.polling import wait_for
from tests.environment import Environment
from tests.factories import uploaded
from tests.people import ApiClient, Person

pytestmark = pytest.mark.django_db(transaction=True)

Opened = Callable[[Path], tuple[Backup, Manifest]]


def named_in(backup: Backup, manifest: Manifest) -> set[str]:
    """The files that the versions in a backup name."""
    place = manifest.tables["documents_documentversion"].columns.index("storage_key")
    with backup.entries() as entries:
        rows = [one.rows() for one in entries if one.kind == "rows" and one.table == "documents_documentversion"]
    return {line.split(b"\t")[place].decode() for rows_of in rows for line in rows_of.splitlines()}


def test_F39_every_file_that_a_row_names_is_in_it_whoever_uploads_and_deletes_meanwhile(
    alice: Person, make: Make, opened: Opened
) -> None:
    """Twenty files come and twenty go, their bytes at once, while backups are made one after another."""
    first = [uploaded(alice, f"before-{number}.txt", f"Old {number}.".encode())["id"] for number in range(20)]
    started, over = Event(), Event()

    def change() -> None:
        api = ApiClient(alice.token)
        try:
            for number, document in enumerate(first):
                answer = api.upload((f"new-{number}.txt", f"New {number}.".encode()))
                assert answer.status_code == 202, answer.content
                assert api.delete(f"/api/v1/documents/{document}/").status_code == 204
                started.set()
        finally:
            over.set()
            connection.close()

    sizes: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(change)
        assert started.wait(60)
        while not over.is_set() or not sizes:
            backup, manifest = opened(make(f"{len(sizes)}.tar.age"))
            assert named_in(backup, manifest) == set(manifest.files)
            assert manifest.missing == []
            sizes.append(len(manifest.files))
        done.result()
    backup, manifest = opened(make("last.tar.age"))
    assert named_in(backup, manifest) == set(manifest.files)
    assert len(manifest.files) == 20


class Held:
    """A stored file of which not a byte comes before `let_go`; whoever reads it waits."""

    def __init__(self, document: str, connection: psycopg.Connection) -> None:
        self.document = document
        query = "SELECT storage_key FROM documents_documentversion WHERE document_id = %s"
        self.key = str((connection.execute(query, [document]).fetchone() or [""])[0])
        self._path = Path(default_storage.path(self.key))
        self._content = self._path.read_bytes()
        self._path.unlink()
        os.mkfifo(self._path)
        self._end: int | None = None

    def is_read(self) -> bool:
        with suppress(OSError):  # nobody has opened it
            self._end = self._end or os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        return self._end is not None

    def let_go(self) -> None:
        assert self._end is not None
        os.write(self._end, self._content)
        os.close(self._end)


def test_F39_what_comes_and_goes_while_files_are_copied_is_in_it_as_its_rows_are(
    alice: Person, make: Make, opened: Opened, admin_connection: psycopg.Connection
) -> None:
    api = ApiClient(alice.token)

    def sent(name: str) -> str:
        return str(uploaded(alice, f"{name}.txt", f"This is {name}.".encode())["id"])

    def delete(document: str) -> None:
        assert api.delete(f"/api/v1/documents/{document}/").status_code == 204

    first = Held(sent("first"), admin_connection)
    goes_early = sent("goes early")
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(make)
        wait_for("files are copied", first.is_read)
        delete(goes_early)
        come = [Held(sent(name), admin_connection) for name in ("comes meanwhile", "comes too")]
        first.let_go()
        # The moment of its rows is here, and names what goes now: whichever is not copied first.
        wait_for("what came meanwhile is copied", lambda: any(one.is_read() for one in come))
        copied, goes_late = sorted(come, key=Held.is_read, reverse=True)
        delete(goes_late.document)
        copied.let_go()
        backup, manifest = opened(made.result())
    assert named_in(backup, manifest) == set(manifest.files) == {first.key, copied.key}
    assert manifest.missing == []


def test_P4_killed_it_leaves_nothing_half_and_the_next_one_cleans_up(  # noqa: PLR0917 - fixtures
    alice: Person,
    make: Make,
    opened: Opened,
    run_environment: Environment,
    admin_connection: psycopg.Connection,
    tmp_path: Path,
) -> None:
    path = tmp_path / "killed.tar.age"
    variables = {**os.environ, **run_environment.variables, "DATABASE_OPS_URL": run_environment.ops_url}
    with admin_connection.transaction():
        # All files are in it by the time that the schema is read, which waits for this.
        admin_connection.execute("LOCK TABLE tenants_user IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(
            [sys.executable, "manage.py", "backup", str(path)],
            cwd=PROJECT,
            env=variables,
            stdout=subprocess.DEVNULL,
        )
        with psycopg.connect(run_environment.admin_url, autocommit=True) as other:
            waiting = (
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                " AND usename = 'docent_ops'"
            )
            wait_for("it waits for the table", lambda: other.execute(waiting).fetchone(), within=60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not path.exists()
    [draft] = tmp_path.iterdir()
    assert draft.stat().st_mode & 0o777 == 0o600
    other_file = make("next.tar.age")
    assert list(tmp_path.iterdir()) == [other_file]
    opened(other_file)
    call_command("backup", path)
    opened(path)
    assert path.stat().st_mode & 0o777 == 0o600
