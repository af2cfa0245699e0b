"""After the rows are back: this release's migrations, erasures again, and a look at walls and seals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from config.backups.archive import Manifest
from config.backups.errors import BackupError
from config.backups.restoring import Place, Say
from config.backups.tenants import Order
from tenants.audit.chain import read_head
from tenants.audit.recording import record_of_platform
from tenants.db import tenant_atomic
from tenants.erasure import outside_rows
from tenants.files.private_files import write_private
from tenants.revocations import announce_revocation
from tenants.services.erasure import replay_erasures


@dataclass(frozen=True, slots=True)
class Check:
    """A command that ran after a restore, in words, and what it said where it was not content."""

    title: str
    fault: str = ""


def finish(place: Place, say: Say) -> list[Check]:
    """Bring the restored database to this release, and look. Raises `BackupError` where it does not migrate."""
    code, said = place.run("migrate", "--no-input", "--skip-checks", "-v", "0")
    if code:
        raise BackupError(f"The rows are back as they were, but this release's migrations failed: {said}")
    checks = []
    for title, *command in (
        ("erasures are carried out again", "replay_erasures"),
        ("row-level security holds", "check_isolation"),
        ("the audit log is the one that was sealed", "verify_audit"),
    ):
        code, said = place.run(*command)
        checks.append(Check(title, said if code else ""))
        say(f"{'no' if code else 'ok':>9} {title}")
    return checks


def finish_tenant(manifest: Manifest, order: Order) -> None:
    """The same for one organisation: its chain's end where there was none, erasures again, nothing remembered."""
    head = f"{order.tenant}.head"
    if head in manifest.heads and read_head(order.tenant) is None:
        write_private(Path(settings.DOCENT_DATA) / "audit" / head, manifest.heads[head])
    with tenant_atomic(order.tenant):
        record_of_platform(
            None,
            "tenant.restored",
            target_kind="tenant",
            target_id=order.tenant,
            made_at=manifest.made_at,
            replaced=order.replace,
        )
        announce_revocation(tenant_id=order.tenant)  # what is open there comes again, and sees what there is now
    outside_rows.remove_keys(order.tenant)
    replay_erasures()
