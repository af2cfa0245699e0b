"""What `up` calls once Docent answers: the demo organisation, its log-in and its token."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand

from config.demo import ensure_demo
from documents.models import TERMINAL, Document
from tenants.access import access_by_token
from tenants.db import tenant_atomic

# The first questions come at once, so the documents should have been read by then; an idle worker takes seconds.
_PATIENCE_SECONDS = 20.0


class Command(BaseCommand):
    """Make the demo organisation if it is missing and say how to get in."""

    help = "Makes the demo organisation if it is missing; prints its log-in and API token as a line of JSON."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        demo = ensure_demo()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        tenant_id = access_by_token(demo["token"]).tenant_id
        while _is_being_read(tenant_id) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.stdout.write(json.dumps(demo))


def _is_being_read(tenant_id: UUID) -> bool:
    with tenant_atomic(tenant_id):
        is_found: bool = Document.objects.exclude(status__in=TERMINAL).exists()
        return is_found
