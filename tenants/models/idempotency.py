"""Answers kept so that a request sent twice is carried out once."""

from django.db import models
from django.db.models.functions import Now

from tenants.models.base import TenantModel


class KeptAnswer(TenantModel):
    """What a request with an `Idempotency-Key` was answered; written in the request's own transaction.

    `fingerprint` is the SHA-256 of what was asked: method, path, parsed fields and each file's hash. The body is
    sealed: an answer may hold a secret that is shown once. A request that starts something which answers by itself
    (a reply) leaves `target_id` in place of status and body.
    """

    user_id = models.UUIDField()
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    sealed_body = models.BinaryField(default=b"")
    target_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "user_id", "key"], name="kept_answer_once")]
        indexes = [models.Index(fields=["tenant", "created_at"], name="kept_answer_by_time")]

    def __str__(self) -> str:
        return self.key
