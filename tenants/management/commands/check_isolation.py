"""`manage.py check_isolation [--json]`."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from tenants.isolation import Inspection, inspect_walls


class Command(BaseCommand):
    help = "Check the walls between organisations in the live database, without writing. Exit 1 on any fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="a JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        inspection = inspect_walls()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(inspection), ensure_ascii=False, indent=2))
        else:
            self._print(inspection)
        if inspection.faults:
            sys.exit(1)

    def _print(self, inspection: Inspection) -> None:
        self.stdout.write(f"Looked at as {inspection.role}:")
        for finding in inspection.findings:
            self.stdout.write(f"{finding.count:7} {finding.subject}: {len(finding.faults) or 'no'} faults")
            for fault in finding.faults:
                self.stdout.write(f"        {fault}")
        self.stdout.write(f"Row-level security does not bind: {', '.join(inspection.unbound_roles) or 'nobody'}")
        self.stdout.write("Not checked:")
        for one in inspection.not_checked:
            self.stdout.write(f"        {one}")
        self.stdout.write(f"{len(inspection.faults)} faults")
