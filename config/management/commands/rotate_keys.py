"""`manage.py rotate_keys new|rewrap|forget`."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.secrets import forget_former_secrets, renew_secret
from tenants.services.rewrapping import rewrap_everything

# Of the secrets, those that others' words and sealed values hang on.
_ROTATED = ("django_key", "vault_key")


class Command(BaseCommand):
    help = (
        "Change the keys that sign what people hold and that seal secrets at rest. First `new`, then restart "
        "every process, then `rewrap`; the former keys are still believed and opened until `forget`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("step", choices=["new", "rewrap", "forget"])

    def handle(self, *args: Any, **options: Any) -> None:
        match options["step"]:
            case "new":
                for name in _ROTATED:
                    renew_secret(settings.DOCENT_DATA, name)
                self.stdout.write("There are new keys. Restart every process, then run: rotate_keys rewrap")
            case "rewrap":
                self._rewrap()
                self.stdout.write(
                    "What people hold is signed anew as they use it: in two weeks, rotate_keys forget"
                )
            case "forget":
                self._rewrap()
                counts = [forget_former_secrets(settings.DOCENT_DATA, name) for name in _ROTATED]
                self.stdout.write(f"{sum(counts)} former keys are gone. Restart every process.")

    def _rewrap(self) -> None:
        counts = rewrap_everything()
        for words in ("looked at", "rewrapped", "lost"):
            self.stdout.write(f"{counts[words]:9} sealed secrets {words}")
        if counts["lost"]:
            raise CommandError(
                "Some secrets are opened by none of the keys: put the lost key back, or set them anew."
            )
