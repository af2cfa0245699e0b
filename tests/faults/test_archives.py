"""The disk and the database fail while conversations are archived: nothing is lost, nothing is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from config.embedded import PROJECT
from conversations.models import ArchiveRecord
from conversations.tasks import sweep_archives
from documents.services.sweeping import STRAY_AFTER
from tenants.db import tenant_atomic
from tests.conversations.doors import Api
from tests.conversations.life import PATH, begun, files_of, make_old, rows_of, turns
from tests.environment import Environment
from tests.faults.full_disks import full_for
from tests.faults.test_storage import make_old as make_file_old
from tests.people import Person
from tests.processes import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


def file_of(person: Person, conversation: str) -> Path:
    with tenant_atomic(person.access.tenant_id):
        return Path(default_storage.path(ArchiveRecord.objects.get(conversation=conversation).storage_key))


def run(code: str, environment: Environment) -> subprocess.CompletedProcess[str]:
    """Python of its own in the project, with Django."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, **environment.variables},
        check=False,
        capture_output=True,
        text=True,
    )


def test_F29_a_full_disk_archives_nothing_and_what_is_archived_comes_back(
    alice: Person, extractive_server: LiveServer
) -> None:
    api = Api(extractive_server, alice)
    put_away, conversation = begun(alice), begun(alice)
    for one in (put_away, conversation):
        turns(alice, one, 10)
    before = {one: rows_of(alice, one) for one in (put_away, conversation)}
    assert api.post(f"/conversations/{put_away}/archive/").status_code == 200
    with full_for(extractive_server.process.pid):
        refused = api.post(f"/conversations/{conversation}/archive/")
        assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
        assert len(files_of(alice)) == 1
        assert api.get(f"/conversations/{conversation}/").json()["status"] == "active"
        assert rows_of(alice, conversation) == before[conversation]
        assert len(api.get(f"/conversations/{put_away}/messages/").json()["results"]) == 20
        assert api.post(f"/conversations/{put_away}/reopen/").status_code == 200
        assert rows_of(alice, put_away) == before[put_away]
    assert api.post(f"/conversations/{conversation}/archive/").status_code == 200


ARCHIVE_ON_A_FULL_DISK = """
import resource
import django
django.setup()
from conversations.tasks import archive_ended
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
print(archive_ended())
"""


def test_F29_the_timetable_archives_what_fits_and_the_rest_later(
    alice: Person, charlie: Person, run_environment: Environment
) -> None:
    small, large, foreign = begun(alice), begun(alice), begun(charlie)
    for person, one, count in ((alice, small, 1), (alice, large, 30), (charlie, foreign, 1)):
        turns(person, one, count)
        assert person.api.post(f"{PATH}{one}/end/").status_code == 200
        make_old(person, one, column="ended_at", days=40 if one == small else 35)
    ended = run(ARCHIVE_ON_A_FULL_DISK, run_environment)
    assert ended.stdout.splitlines()[-1] == "2", ended
    assert "Conversations of acme wait to be archived: there is no space left." in ended.stderr
    status = [person.api.get(f"{PATH}{one}/").json()["status"] for person, one in ((alice, small), (alice, large))]
    assert status == ["archived", "ended"]
    assert (len(files_of(alice)), len(files_of(charlie))) == (1, 1)
    again = run(ARCHIVE_ON_A_FULL_DISK.replace("4000", "4000000"), run_environment)
    assert again.stdout.splitlines()[-1] == "1", again


DIE = """
import os, signal
import django
django.setup()
from django.db import transaction
from conversations import records
from conversations.models import Conversation
from conversations.services import archives
from conversations.services.conversations import remove_conversations
from tenants.access import access_of_cli
from tenants.db import tenant_atomic
access = access_of_cli("acme")
remove = lambda access, conversation: remove_conversations([conversation.id])
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
with tenant_atomic(access.tenant_id):
    {what}
"""
BEFORE_THE_COMMIT = "archives.archive_conversation(access=access, conversation=Conversation.objects.get()); die()"
AFTER_THE_COMMIT = """transaction.on_commit(die)
    {service}(access=access, conversation=Conversation.objects.get())"""


@pytest.mark.parametrize(
    ("what", "is_archived", "left"),
    [
        (BEFORE_THE_COMMIT, False, "active"),
        (AFTER_THE_COMMIT.format(service="archives.reopen_conversation"), True, "active"),
        (AFTER_THE_COMMIT.format(service="remove"), True, None),
    ],
    ids=["archiving", "reopening", "deleting"],
)
def test_F34_a_process_that_dies_leaves_a_file_at_most_which_is_swept(
    alice: Person, run_environment: Environment, what: str, is_archived: bool, left: str | None
) -> None:
    conversation = begun(alice)
    turns(alice, conversation, 2)
    before = rows_of(alice, conversation)
    if is_archived:
        assert alice.api.post(f"{PATH}{conversation}/archive/").status_code == 200
    assert run(DIE.format(what=what), run_environment).returncode == -signal.SIGKILL
    assert alice.api.get(f"{PATH}{conversation}/").json().get("status") in {left, 404}
    if left is not None:
        assert rows_of(alice, conversation) == before
    [stray] = files_of(alice)
    path = Path(default_storage.path(f"t/{alice.access.tenant_id}/archives/{stray}"))
    assert sweep_archives() == 0
    make_file_old(path, 2 * STRAY_AFTER)
    assert sweep_archives() == 1
    assert files_of(alice) == []


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda path: path.unlink(), "archive_missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "archive_damaged"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"Answer", b"Lies!!")), "archive_damaged"),
    ],
    ids=["missing", "cut", "altered"],
)
def test_F40_what_was_altered_or_lost_is_said_and_never_restored(alice: Person, damage: Any, code: str) -> None:
    conversation = begun(alice, title="Leave")
    turns(alice, conversation, 2)
    before = rows_of(alice, conversation)
    assert alice.api.post(f"{PATH}{conversation}/archive/").status_code == 200
    path = file_of(alice, conversation)
    good = path.read_bytes()
    damage(path)
    [archive] = alice.api.get(f"{PATH}archives/").json()["results"]
    for method, url in (
        ("get", f"{PATH}archives/{archive['id']}/"),
        ("get", f"{PATH}{conversation}/messages/"),
        ("post", f"{PATH}{conversation}/reopen/"),
    ):
        refused = getattr(alice.api, method)(url)
        assert (refused.status_code, refused.json()["code"]) == (500, code)
    assert alice.api.get(f"{PATH}{conversation}/").json()["status"] == "archived"
    path.write_bytes(good)
    assert alice.api.post(f"{PATH}{conversation}/reopen/").status_code == 200
    assert rows_of(alice, conversation) == before
