"""What `up` calls once Docent answers: the demo organisation, its log-in and its token."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from config.demo import ensure_demo


class Command(BaseCommand):
    """Make the demo organisation if it is missing and say how to get in."""

    help = "Makes the demo organisation if it is missing; prints its log-in and API token as a line of JSON."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        self.stdout.write(json.dumps(ensure_demo()))
