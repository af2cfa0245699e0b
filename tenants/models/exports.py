"""Exports: a person's or the organisation's data as a zip file."""

from enum import StrEnum

from django.db import models

from tenants.models.base import TenantModel


class Export(TenantModel):
    """`subject_id` is the person whose data it is; None for the whole organisation's."""

    class Status(StrEnum):
        QUEUED = "queued"
        RUNNING = "running"
        READY = "ready"
        FAILED = "failed"

    subject_id = models.UUIDField(null=True)
    requested_by_id = models.UUIDField()
    status = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in Status], default=Status.QUEUED
    )
    progress = models.FloatField(default=0.0)
    error_detail = models.TextField(blank=True)
    storage_key = models.CharField(max_length=200, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "created_at", "id"], name="export_by_time")]

    def __str__(self) -> str:
        return f"export {self.status}"
