"""After the rows are back: this release's migrations, erasures again, and a look at walls and seals."""

from __future__ import annotations

from dataclasses import dataclass

from config.backups.errors import BackupError
from config.backups.restoring import Place, Say


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
