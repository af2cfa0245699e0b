"""Authority that ended or changed: announced to every process, heard by every process. See `models.Revocation`."""

import asyncio
import logging
import time
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import Error
from django.db.models.functions import Now
from django.utils import timezone

from tenants.db import run_unit
from tenants.models import Revocation
from tenants.revocable_work import shut_doors, shut_expired_doors

logger = logging.getLogger(__name__)

# `Revocation.at` is when its transaction began: a row may become visible this much later and is still seen.
_OVERLAP = timedelta(seconds=60)
# An id is remembered for so long after it could last have been read again.
_REMEMBERED = timedelta(hours=1)


def announce_revocation(
    *,
    tenant_id: UUID | None = None,
    user_id: UUID | None = None,
    token_id: UUID | None = None,
    session_sha256: str = "",
    reason: Revocation.Reason = Revocation.Reason.ENDED,
) -> None:
    """Write it into the running transaction. Name a token; a person in a tenant; a person; a session; a tenant."""
    Revocation.objects.create(
        tenant_id=tenant_id, user_id=user_id, token_id=token_id, session_sha256=session_sha256, reason=reason
    )


class Watch:
    """What this process has heard of. It asks the database alone, so it works while Valkey is away."""

    def __init__(self) -> None:
        self._heard: dict[UUID, datetime] = {}
        self._looked_at: float | None = None

    def look(self) -> list[Revocation]:
        """What was announced since the last look that succeeded: one query, by the database's clock."""
        now = time.monotonic()
        since = timedelta(seconds=now - self._looked_at if self._looked_at is not None else 0)
        rows = list(Revocation.objects.filter(at__gt=Now() - (_OVERLAP + since)))
        news = [row for row in rows if row.id not in self._heard]
        self._heard |= {row.id: row.at for row in rows}
        if news:
            newest = max(self._heard.values())
            self._heard = {id_: at for id_, at in self._heard.items() if at > newest - _REMEMBERED}
        self._looked_at = now
        return news

    async def run(self) -> None:
        """Shut the doors that must be shut, until cancelled.

        A database that is away delays it: what was announced meanwhile is read as soon as it is back.
        """
        while True:
            try:
                for revocation in await run_unit(self.look):
                    shut_doors(revocation)
            except Error:
                logger.warning("The database cannot be reached; revocations are heard when it is back.")
            except Exception:
                logger.exception("Revocations could not be read; the next look is due as usual.")
            shut_expired_doors(timezone.now())
            await asyncio.sleep(settings.DOCENT_REVOCATION_SECONDS)
