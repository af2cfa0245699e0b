"""Writes: what requests with an `Idempotency-Key` were answered, so that sending one again does nothing twice.

The answer is kept in the transaction of the work itself: both are there or neither is.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from tenants.access import Access
from tenants.errors import KeyReused, RequestInProgress
from tenants.models import KeptAnswer
from tenants.vault import seal, unseal

KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that may be one of several alike: its sender's key for it, and the hash of what it asks."""

    access: Access
    key: str
    fingerprint: str

    @property
    def _purpose(self) -> str:
        return f"kept-answer {self.access.user_id} {self.fingerprint}"

    def find(self, *, wait: bool = False) -> KeptAnswer | None:
        """What an earlier one was answered within a day; the key is held until the caller's unit ends.

        Raises `KeyReused` when that one asked something else, `RequestInProgress` while it is not answered:
        with `wait` it is waited for, which is for units that are over in a moment.
        """
        self._hold(wait=wait)
        alive = KeptAnswer.objects.filter(created_at__gt=Now() - KEPT_FOR)
        kept: KeptAnswer | None = alive.filter(user_id=self.access.user_id, key=self.key).first()
        if kept is not None and kept.fingerprint != self.fingerprint:
            raise KeyReused("This Idempotency-Key was sent with another request before. Use a new key.")
        return kept

    def keep(self, *, status: int, body: str) -> None:
        """Note the answer, in the unit that `find` was called in."""
        sealed = seal(body, tenant_id=self.access.tenant_id, purpose=self._purpose)
        self._store(KeptAnswer(status=status, sealed_body=sealed))

    def keep_target(self, target_id: UUID) -> None:
        """Note what was made instead: it is asked anew each time what has become of it."""
        self._store(KeptAnswer(target_id=target_id))

    def body_of(self, kept: KeptAnswer) -> str:
        return unseal(bytes(kept.sealed_body), tenant_id=self.access.tenant_id, purpose=self._purpose)

    def _hold(self, *, wait: bool) -> None:
        function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
        name = f"idempotency {self.access.tenant_id} {self.access.user_id} {self.key}"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])
            row = cursor.fetchone()
        if not wait and row is not None and not row[0]:
            raise RequestInProgress("The first request with this Idempotency-Key is not answered yet.")

    def _store(self, answer: KeptAnswer) -> None:
        answer.user_id, answer.key, answer.fingerprint = self.access.user_id, self.key, self.fingerprint
        # One that is older than a day may still stand there.
        KeptAnswer.objects.bulk_create(
            [answer],
            update_conflicts=True,
            unique_fields=["tenant", "user_id", "key"],
            update_fields=["fingerprint", "status", "sealed_body", "target_id", "created_at"],
        )
