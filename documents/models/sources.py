"""Where documents come from by themselves: folders and web pages that are looked at again."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from documents.models.collections import Collection
from tenants.models import TenantKey, TenantModel


class Source(TenantModel):
    """A folder on the server or a web page; what it holds is kept as documents of one collection.

    `location` is the folder's absolute path, for operators alone, or the page's address. With `refresh_hours`
    it is looked at again at `next_run_at`. `failures` counts looks in a row that came to nothing, `report` what
    the last one did: documents added, replaced, renamed, removed and unchanged, and things refused.
    """

    class Kind(StrEnum):
        FOLDER = "folder"
        WEB_PAGE = "web_page"

    kind = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Kind])
    collection = TenantKey(Collection, on_delete=models.DO_NOTHING, related_name="sources")
    location = models.CharField(_("address"), max_length=2048)
    refresh_hours = models.PositiveIntegerField(_("hours between two looks"), null=True, blank=True)
    last_run_at = models.DateTimeField(null=True)
    next_run_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    report = models.JSONField(default=dict)
    created_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    if TYPE_CHECKING:
        collection_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "collection", "kind", "location"], name="source_once"),
        ]

    def __str__(self) -> str:
        return self.location

    def next_after(self, looked_at: datetime | None) -> datetime | None:
        """When it is due again after a look; None: when somebody asks."""
        if looked_at is None or self.refresh_hours is None:
            return None
        return looked_at + timedelta(hours=self.refresh_hours)
