"""Dispatch table: whose authority ended or changed. Ids and times; no content."""

from enum import StrEnum
from uuid import uuid4

from django.db import models
from django.db.models.functions import Now


class Revocation(models.Model):
    """Every process reads these rows: open sockets and running streams have no request to be refused at.

    Set ids narrow it down: a token, or a web site in its place; a person in a tenant; a person everywhere; a
    session; or a whole tenant.
    """

    class Reason(StrEnum):
        """`CHANGED` means that the authority is another now: come back and be looked at anew."""

        ENDED = "ended"
        CHANGED = "changed"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    tenant_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    token_id = models.UUIDField(null=True)
    session_sha256 = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Reason])
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["at"], name="revocation_by_time")]

    def __str__(self) -> str:
        return f"{self.reason} {self.id}"
