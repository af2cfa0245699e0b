"""Takes defences away, one after another, and sees the tests go red: `make mutations`, or `python -m` this module.

Each mutation is made in a copy of the tree, of which only the tests that should notice are run. They are run
once without any first: what is red anyway notices nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.embedded import PROJECT, servers
from tests.environment import CACHE

_ADDRESSES = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_ADMIN_URL", "REDIS_URL")
_LEFT_BEHIND = shutil.ignore_patterns(".git", ".venv", ".docent*", "__pycache__", ".*_cache")
_API, _PORTAL = (f"test_matrix.py::test_I1_the_matrix_of_the_{one}" for one in ("api", "portal"))
_SOCKETS = "test_matrix.py::test_W3_the_matrix_of_the_sockets"


@dataclass(frozen=True, slots=True)
class Mutation:
    """`old` stands once in `file` and becomes `new`; the test, of this folder, is to fail."""

    words: str
    file: str
    old: str
    new: str
    test: str


MUTATIONS = (
    Mutation(
        "everybody reads everybody's conversations",
        "conversations/selectors/conversations.py",
        "Conversation.objects.filter(openable(), author_id=author, id=wanted)",
        'Conversation.objects.filter(id=wanted).exclude(author_id=author, title="nobody\'s")',
        f"{_API}[GET conversation]",
    ),
    Mutation(
        "a message is looked up without its author",
        "conversations/selectors/conversations.py",
        ".filter(id=message_id, conversation__author_id=access.user_id, conversation__deleted_at=None)",
        ".filter(id=message_id)",
        f"{_API}[GET message-events]",
    ),
    Mutation(
        "what is shared with somebody is shared with all",
        "conversations/selectors/shares.py",
        "filter(Q(is_by_link=True) | _named(access), id=share_id)",
        "filter(id=share_id)",
        f"{_API}[GET share]",
    ),
    Mutation(
        "restricted collections are seen by all",
        "documents/selectors.py",
        "if not access.sees_restricted:",
        "if False:",
        f"{_API}[GET document]",
    ),
    Mutation(
        "members delete what others uploaded",
        "documents/services/documents.py",
        "if document.uploaded_by_id != access.user_id and not access.allows(Action.MANAGE_DOCUMENTS):",
        "if False:",
        f"{_PORTAL}[POST document-delete]",
    ),
    Mutation(
        "anybody's token may be looked at",
        "tenants/selectors.py",
        "visible = list_tenant_tokens if access.allows(Action.MANAGE_TENANT) else list_tokens",
        "visible = lambda access: _tokens()",
        f"{_API}[GET token]",
    ),
    Mutation(
        "jobs of every organisation are one's own",
        "tenants/selectors.py",
        "Job.objects.filter(tenant_id=access.tenant_id)",
        "Job.objects.all()",
        f"{_API}[POST job-retry]",
    ),
    Mutation(
        "admins remove owners",
        "tenants/services/members.py",
        "is_own = user_id == access.user_id",
        "is_own = True",
        "test_promises.py",
    ),
    Mutation(
        "a body may name what its asker does not see",
        "documents/selectors.py",
        "Document.objects.filter(collection__in=seen, id__in=ids)",
        "Document.objects.filter(id__in=ids)",
        "test_matrix_bodies.py",
    ),
    Mutation(
        "REST views do not ask the permission table",
        "tenants/api/permissions.py",
        "        access.require(action)\n",
        "",
        f"{_API}[GET documents]",
    ),
    Mutation(
        "asynchronous views do not either",
        "tenants/api/asynchronous.py",
        "            access.require(cls.actions_by_method[method])\n",
        "",
        f"{_API}[GET document-file]",
    ),
    Mutation(
        "portal views do not either",
        "tenants/web/portal_views.py",
        "    access.require(action)\n",
        "",
        f"{_PORTAL}[GET settings-groups]",
    ),
    Mutation(
        "one portal view forgets to",
        "tenants/views/usage.py",
        "@portal_view(Action.CHAT)\ndef tight(request: HttpRequest, access: Access)",
        "def tight(request: HttpRequest, access: Access)",
        "test_matrix.py::test_A3_every_view_says_which_action_it_is_and_every_id_who_sees_it",
    ),
    Mutation(
        "a REST view serves a method that its row does not name",
        "tenants/api/jobs.py",
        '    actions_by_method = {"GET": Action.MANAGE_TENANT}',
        "    actions_by_method = {}",
        "test_matrix.py::test_A3_every_view_says_which_action_it_is_and_every_id_who_sees_it",
    ),
    Mutation(
        "a table that is too generous",
        "tenants/permissions.py",
        "Action.WRITE_DOCUMENTS: Rule(Role.MEMBER, Scope.DOCUMENTS_WRITE)",
        "Action.WRITE_DOCUMENTS: Rule(Role.VIEWER, Scope.DOCUMENTS_WRITE)",
        "test_promises.py",
    ),
    Mutation(
        "every member administers",
        "tenants/admin_sites/tenant_site.py",
        "return access is not None and access.allows(Action.MANAGE_TENANT)",
        "return access is not None",
        "test_matrix_admin.py::test_A3_the_matrix_of_the_administration",
    ),
    Mutation(
        "a token opens every organisation's sockets",
        "tenants/web/socket_middleware.py",
        'if access.tenant_slug != match["slug"]:',
        "if False:",
        _SOCKETS,
    ),
    Mutation(
        "whoever is inside follows any conversation",
        "conversations/consumers.py",
        "await run_in_tenant(tenant_id, access_conversation, self.access, self.conversation_id)",
        'type("Any", (), {"is_temporary": False})',
        _SOCKETS,
    ),
    Mutation(
        "signatures of tasks are not checked",
        "tenants/celery.py",
        "if tenant is None or not hmac.compare_digest(",
        "if tenant is None and not hmac.compare_digest(",
        "test_matrix_tasks.py::test_P7_a_task_that_is_not_signed_is_not_run",
    ),
    Mutation(
        "a task runs another organisation's job",
        "tenants/jobs/runner.py",
        "if find_tenant_id() not in {None, lease.tenant_id}:",
        "if False:",
        "test_matrix_tasks.py::test_I6_a_job_runs_in_its_own_tenants_name_alone",
    ),
)


@contextmanager
def _copy() -> Iterator[Path]:
    """The tree, and of the state of test runs the converted embedding model."""
    with tempfile.TemporaryDirectory(prefix="docent-mutations-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL, which is never root, keeps its data in it
        tree = Path(folder) / "tree"
        shutil.copytree(PROJECT, tree, ignore=_LEFT_BEHIND)
        (CACHE / "models").mkdir(parents=True, exist_ok=True)
        (tree / CACHE.name).mkdir()
        (tree / CACHE.name / "models").symlink_to(CACHE / "models")
        yield tree


@contextmanager
def _made(mutation: Mutation, tree: Path) -> Iterator[None]:
    file = tree / mutation.file
    original = file.read_text()
    if original.count(mutation.old) != 1:
        raise ValueError(f"{mutation.words}: what is to be changed stands not once in {mutation.file}")
    file.write_text(original.replace(mutation.old, mutation.new))
    try:
        yield
    finally:
        file.write_text(original)


def _run(tree: Path, variables: dict[str, str], tests: list[str]) -> int:
    """How many tests fail. Raises `RuntimeError` where they could not be run: that is not red."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
    named = [f"tests/isolation/{one}" for one in tests]
    run = subprocess.run([*command, *named], cwd=tree, env=variables, capture_output=True, text=True, check=False)
    summary = run.stdout.strip().rpartition("\n")[2]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (failed|passed|errors?)", summary)}
    if not counts.keys() <= {"failed", "passed"} or not counts:
        raise RuntimeError(run.stdout + run.stderr)
    return counts.get("failed", 0)


def main(words: str = "") -> int:
    """Print a line for each mutation, or for those described with `words`; 1 when one was not noticed."""
    chosen = [one for one in MUTATIONS if words in one.words]
    survived = 0
    # Servers of the copy's own, which its runs find: they outlive each of them here.
    with _copy() as tree, servers(tree / CACHE.name, {}):
        variables = {name: value for name, value in os.environ.items() if name not in _ADDRESSES}
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
        if _run(tree, variables, sorted({one.test for one in chosen})):
            sys.stderr.write("The tests fail without any mutation.\n")
            return 1
        for mutation in chosen:
            begin = time.monotonic()
            with _made(mutation, tree):
                is_noticed = _run(tree, variables, [mutation.test]) > 0
            survived += not is_noticed
            seconds = time.monotonic() - begin
            sys.stdout.write(f"{'red' if is_noticed else 'NOT NOTICED'}  {seconds:4.0f} s  {mutation.words}\n")
            sys.stdout.flush()
    return int(bool(survived))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
