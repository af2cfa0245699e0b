"""`manage.py purge_expired`."""

from typing import Any

from django.core.management.base import BaseCommand

from tenants.services.purging import (
    purge_exports,
    purge_invitations,
    purge_kept_answers,
    purge_revocations,
)


class Command(BaseCommand):
    help = "Remove what has had its time: exports, old invitations, answers to repeated requests, revocations."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{purge_exports():8} exports")
        self.stdout.write(f"{purge_invitations():8} invitations")
        self.stdout.write(f"{purge_kept_answers():8} kept answers")
        self.stdout.write(f"{purge_revocations():8} revocations")
