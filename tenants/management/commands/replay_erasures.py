"""`manage.py replay_erasures`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.erasure.tombstones import list_tombstones
from tenants.services.erasure import replay_erasures


class Command(BaseCommand):
    help = (
        "After a restore: erase again what the backup brought back, and finish what was ordered. "
        "Exit 1 while anything is left."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        known = sum(1 for _ in list_tombstones())
        done = replay_erasures()
        for one in done:
            state = f"left: {'; '.join(one.residue)}" if one.residue else "nothing is left"
            self.stdout.write(f"{one.kind} {one.subject}: {state}")
        self.stdout.write(f"{known} erasures known, {len(done)} carried out again.")
        if not all(one.is_finished for one in done):
            raise CommandError("Not everything could be erased; the platform process goes on every half minute.")
