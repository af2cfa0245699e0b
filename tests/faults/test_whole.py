"""F1, F2, F5, F9, F30: a whole Docent, as `up` runs it, whose processes and servers are killed or find no room.

Leases are a tenth of what they are by default, unless the stated times are asked for: see `tests.faults.times`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

import httpx
import psutil
import psycopg
import pytest
from psycopg import sql

from bench.portal import Portal, portal
from bench.rolling import measure
from bench.storm import File, files, send, vectors, wait_until_over
from config.embedded import servers
from tests.config.polling import alive, wait_for
from tests.documents.pdfs import text_pdf
from tests.faults.full_disks import full_for
from tests.faults.times import scaled

LEASE = 20.0
# From the kill: the lease, the look of the timetable after it, and the reading.
TAKEN_OVER_WITHIN = 30.0
RESUMED_WITHIN = 60.0
# In each file of PostgreSQL's, which writes its log into files of 16 MB.
ROOM = 4 * 2**20
PAGES = [[f"Clause {number}: the tenant of house {number} pays on day {number % 28}."] for number in range(60)]


@pytest.fixture(scope="module")
def docent() -> Iterator[Portal]:
    with portal(workers=2, more={"DOCENT_JOB_LEASE_SECONDS": str(scaled(LEASE))}) as running:
        yield running


def processes(running: Portal, *words: str) -> list[psutil.Process]:
    """Those of it whose command has one of the words."""
    found = []
    for pid in running.pids():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if any(word in " ".join(process.cmdline()) for word in words):
                found.append(process)
    return found


def kill(*killed: psutil.Process) -> None:
    for process in killed:
        with suppress(psutil.Error):
            process.kill()
    wait_for("they are dead", lambda: not any(alive(process.pid) for process in killed))


def documents(running: Portal) -> list[dict[str, object]]:
    with running.client() as client:
        page = client.get("/documents/?limit=100").raise_for_status().json()
        assert page["next"] is None
        return list(page["results"])


def check_nothing_twice(running: Portal) -> None:
    """Of each document each passage once, and of each passage one vector."""
    with running.client() as client:
        for one in documents(running):
            passages, address = [], f"/documents/{one['id']}/chunks/?limit=100"
            while address:
                page = client.get(address).raise_for_status().json()
                passages += [(chunk["page"], chunk["start"], chunk["end"]) for chunk in page["results"]]
                address = page["next"]
            assert len(passages) == len(set(passages)) == one["chunks"]
    chunks, stored, current = vectors(running)
    assert chunks == stored == current


def more(running: Portal, sent: Sequence[File]) -> int:
    """Upload them; how many documents there are then."""
    before = len(documents(running))
    send(running, sent)
    return before + len(sent)


def test_F1_a_worker_killed_while_it_reads_leaves_the_file_to_the_next(docent: Portal) -> None:
    [document] = [File("houses.pdf", text_pdf(PAGES))]
    count = more(docent, [document])
    reading: list[psutil.Process] = []

    def is_being_read() -> bool:
        reading[:] = processes(docent, "documents.extraction")
        return bool(reading)

    wait_for("a parser reads it", is_being_read)
    reading[0].suspend()
    child = reading[0].parent()
    assert child is not None
    killed = time.monotonic()
    kill(child)
    reading[0].resume()
    wait_for("the parser is gone with its worker", lambda: not alive(reading[0].pid))
    found = wait_until_over(docent, count, within=TAKEN_OVER_WITHIN)
    print(f"over {time.monotonic() - killed:.1f} s after the kill")  # noqa: T201
    [one] = [one for one in found if one["name"] == "houses.pdf"]
    assert (one["status"], one["pages"], one["attempts"]) == ("ready", len(PAGES), 2)
    check_nothing_twice(docent)


def test_F2_all_workers_killed_amid_a_heap_of_files_finish_all_of_them(docent: Portal) -> None:
    sent = files(12, seed=2)
    count = more(docent, sent)
    wait_for("the first is over", lambda: any(one["status"] == "ready" for one in documents(docent)[:12]))
    kill(*processes(docent, "--queues=work", "--queues=embed"))
    found = wait_until_over(docent, count, within=120)
    broken = {file.name for file in sent if file.name.startswith("broken")}
    assert {one["name"] for one in found if one["status"] != "ready"} == broken
    check_nothing_twice(docent)


def test_F9_valkey_restarted_five_times_in_ten_seconds(docent: Portal) -> None:
    begun = time.monotonic()
    for number in range(5):
        [keeper] = processes(docent, "config.embedded.keeper valkey", "keeper valkey")[:1]
        kill(*keeper.children(recursive=True))
        while time.monotonic() < begun + 2 * (number + 1):
            with suppress(httpx.HTTPError), docent.client() as client:
                assert client.get("/me/").status_code == 200, "what needs no Valkey goes on"
    restarted = time.monotonic()
    count = more(docent, files(4, seed=9))
    wait_until_over(docent, count, within=RESUMED_WITHIN)
    print(f"consumed {time.monotonic() - restarted:.1f} s after the last restart")  # noqa: T201
    check_nothing_twice(docent)


def test_F5_no_request_fails_while_each_web_process_is_restarted(docent: Portal) -> None:
    figure, failed = measure(docent, rate=8)
    assert failed == []
    assert sum(count for name, count in figure.details.items() if name.startswith("sent")) > 50


def test_F30_no_room_for_the_write_ahead_log_and_room_again(docent: Portal) -> None:
    """PostgreSQL itself stops then. What was acknowledged is there afterwards, and nothing else ever was a 500."""
    keeper = int((docent.data / "servers" / "postgres.pid").read_text().split()[0])
    acknowledged, statuses = set(), set()

    def begin(number: int) -> int:
        with docent.client() as client:
            answer = client.post("/conversations/", json={"title": f"Number {number}"})
        if answer.status_code == 201:
            acknowledged.add(answer.json()["id"])
        return answer.status_code

    assert begin(0) == 201
    write_log_beyond(docent, ROOM)
    with full_for(keeper, beyond=ROOM):

        def is_refused() -> bool:
            statuses.add(begin(len(acknowledged)))
            return 503 in statuses

        wait_for("there is no room", is_refused)
        for _ in range(20):
            statuses.add(begin(len(acknowledged)))
        assert statuses <= {201, 503}
    freed = time.monotonic()
    wait_for("writes are taken again", lambda: begin(-1) == 201, within=30)
    print(f"writes again {time.monotonic() - freed:.1f} s after there was room")  # noqa: T201

    def are_there() -> bool:
        return all(docent_has(one) for one in acknowledged for _ in range(8))

    def docent_has(one: str) -> bool:
        with docent.client() as client:
            return client.get(f"/conversations/{one}/").is_success

    # Not every web process may have heard yet that the database is back.
    wait_for("all are there", are_there, within=10)
    check_sound(docent)


def write_log_beyond(running: Portal, size: int) -> None:
    """Tables are smaller than that: it is the log that will find no room."""
    addresses: dict[str, str] = {"PATH": os.environ["PATH"]}
    at = "SELECT (pg_walfile_name_offset(pg_current_wal_insert_lsn())).file_offset"
    with (
        servers(running.data, addresses),
        psycopg.connect(addresses["DATABASE_ADMIN_URL"], autocommit=True) as admin,
    ):
        while not size + 2**20 < admin.execute(at).fetchone()[0] < 3 * size:  # type: ignore[index]
            admin.execute("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000))")


def check_sound(running: Portal) -> None:
    """Every table is read from end to end, and made into text."""
    addresses: dict[str, str] = {"PATH": os.environ["PATH"]}
    with servers(running.data, addresses), psycopg.connect(addresses["DATABASE_OWNER_URL"]) as owner:
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            reading = sql.SQL("SELECT count(*) FROM (SELECT one::text FROM {} one) AS read")
            owner.execute(reading.format(sql.Identifier(table)))
    check_nothing_twice(running)
