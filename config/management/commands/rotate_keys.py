"""`manage.py rotate_keys new|rewrap|forget|audit`."""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.secrets import forget_former_secrets, former_secrets, load_secrets, renew_secret
from tenants.audit.chain import last_sealing
from tenants.audit.resealing import reseal_audit
from tenants.audit.verification import verify_audit
from tenants.models import Tenant
from tenants.services.rewrapping import rewrap_everything

# Of the secrets, those that others' words and sealed values hang on.
_ROTATED = ("django_key", "vault_key")
_AUDIT = "audit_key"
# The platform process seals every few seconds.
_AT_WORK = 60.0


class Command(BaseCommand):
    help = (
        "Change the keys that sign what people hold and that seal secrets at rest. First `new`, then restart "
        "every process, then `rewrap`; the former keys are still believed and opened until `forget`. "
        "While nothing runs, `audit` seals the audit log anew under another key."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("step", choices=["new", "rewrap", "forget", "audit"])

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.DOCENT_SECRETS and options["step"] != "rewrap":
            raise CommandError(
                "The secrets are given (DOCENT_SECRETS): put the new key there, the one before it beside it as"
                " former/vault_key.1 or former/django_key.1, restart every process and run: rotate_keys rewrap"
            )
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
            case "audit":
                self._reseal()

    def _rewrap(self) -> None:
        counts = rewrap_everything()
        for words in ("looked at", "rewrapped", "lost"):
            self.stdout.write(f"{counts[words]:9} sealed secrets {words}")
        if counts["lost"]:
            raise CommandError(
                "Some secrets are opened by none of the keys: put the lost key back, or set them anew."
            )

    def _reseal(self) -> None:
        """Where it was killed it goes on with the keys that there are."""
        if not settings.DOCENT_OWNER_URL:
            raise CommandError("Sealing needs DATABASE_OWNER_URL beside DATABASE_URL.")
        sealed_at = last_sealing()
        if sealed_at is not None and time.time() - sealed_at < _AT_WORK:
            raise CommandError("The platform process sealed events a moment ago: stop Docent, and wait a minute.")
        data = settings.DOCENT_DATA
        mark = data / "secrets" / "resealing"
        if not mark.exists():
            if faults := sum(len(log.faults) for log in verify_audit()):
                raise CommandError(f"verify_audit finds {faults} faults: new seals would cover their traces.")
            mark.touch(mode=0o600)
            renew_secret(data, _AUDIT)
        former, present = former_secrets(data, _AUDIT)[0], load_secrets(data).audit_key
        tenants = list(Tenant.objects.order_by("id").values_list("id", flat=True))
        count, broken = reseal_audit(settings.DOCENT_OWNER_URL, tenants, former=former, present=present)
        if broken:
            raise CommandError(
                f"Left as they are, for they are not sound: the logs of {', '.join(map(str, broken))}"
            )
        mark.unlink()
        self.stdout.write(f"{count} events are sealed under a new key. Docent may start again.")
