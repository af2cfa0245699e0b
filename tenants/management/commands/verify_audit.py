"""`manage.py verify_audit [--tenant S] [--json]`."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.audit.chain import last_sealing
from tenants.audit.verification import TenantLog, verify_audit
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Check the sealed audit log: name what was edited, removed, moved or not sealed. Exit 1 on any fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", help="this organisation only")
        parser.add_argument("--json", action="store_true", help="a JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = None
        if options["tenant"]:
            tenants = list(Tenant.objects.filter(slug=options["tenant"]))
            if not tenants:
                raise CommandError(f"There is no tenant with the slug “{options['tenant']}”.")
        logs = verify_audit(tenants)
        if options["json"]:
            self.stdout.write(json.dumps(_report(logs), ensure_ascii=False, indent=2))
        else:
            self._print(logs)
        if any(log.faults for log in logs):
            sys.exit(1)

    def _print(self, logs: Sequence[TenantLog]) -> None:
        for log in logs:
            name = log.slug or f"{log.tenant_id}, gone"
            age = (
                ""
                if log.oldest_unsealed_seconds is None
                else f", the oldest {log.oldest_unsealed_seconds:.0f} s ago"
            )
            self.stdout.write(
                f"{name}: {log.sealed} sealed, {log.unsealed} not yet{age}, {len(log.faults)} faults"
            )
            for fault in log.faults:
                place = "" if fault.number is None else f" {fault.number}"
                event = "" if fault.event_id is None else f", event {fault.event_id}"
                self.stdout.write(f"  {fault.kind}{place}: {fault.detail}{event}")
        total = _report(logs)
        self.stdout.write(
            f"{total['organisations']} organisations, {total['sealed']} events sealed, "
            f"{total['unsealed']} not yet, {total['faults']} faults; "
            f"last sealing: {total['last_sealing'] or 'never'}"
        )


def _report(logs: Sequence[TenantLog]) -> dict[str, Any]:
    sealing = last_sealing()
    return {
        "organisations": len(logs),
        "sealed": sum(log.sealed for log in logs),
        "unsealed": sum(log.unsealed for log in logs),
        "faults": sum(len(log.faults) for log in logs),
        "last_sealing": None if sealing is None else datetime.fromtimestamp(sealing, UTC).isoformat(),
        "logs": [
            {
                "tenant": str(log.tenant_id),
                "slug": log.slug,
                "sealed": log.sealed,
                "unsealed": log.unsealed,
                "oldest_unsealed_seconds": log.oldest_unsealed_seconds,
                "faults": [
                    {**asdict(fault), "event_id": None if fault.event_id is None else str(fault.event_id)}
                    for fault in log.faults
                ],
            }
            for log in logs
        ],
    }
