"""Documents, their versions, and the pages that citations open."""

from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from documents.models.collections import Collection
from documents.models.sources import Source
from tenants.models import TenantKey, TenantModel


class Status(StrEnum):
    QUEUED = "queued"
    EXTRACTING = "extracting"
    CHUNKING = "chunking"
    EMBEDDING = "embedding"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(status.value, status.value) for status in cls]


TERMINAL = frozenset({Status.READY, Status.FAILED, Status.CANCELLED})


class Processing(TenantModel):
    """How far processing has come. `progress` runs from 0 to 1, `timings` holds seconds by stage."""

    status = models.CharField(max_length=12, choices=Status.choices(), default=Status.QUEUED)
    progress = models.FloatField(default=0.0)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    timings = models.JSONField(default=dict)
    page_count = models.PositiveIntegerField(default=0)
    chunk_count = models.PositiveIntegerField(default=0)
    # When a worker first took it up, and when it was over.
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        abstract = True

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until it is over if it goes on as until now; None before the start and after the end."""
        if self.is_terminal or self.started_at is None or not self.progress:
            return None
        return round((timezone.now() - self.started_at).total_seconds() * (1 / self.progress - 1), 1)


class Document(Processing):
    """A file that people ask. `name` is the file's name and stays; `title` may be changed.

    What is searched is version `current_version`; `pending_version` is a replacement under way. The state is
    that of the version last put to work; `sha256`, `size`, `media_type` and the counts are the current one's.
    A replacement that fails leaves the document ready, with the error that says why.
    """

    collection = TenantKey(Collection, on_delete=models.DO_NOTHING, related_name="documents")
    name = models.CharField(max_length=255)
    title = models.CharField(_("title"), max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=100)
    current_version = models.PositiveIntegerField(default=1)
    pending_version = models.PositiveIntegerField(null=True)

    chunk_size = models.PositiveIntegerField(default=1000)
    chunk_overlap = models.PositiveIntegerField(default=200)
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    # ISO 639-1, as the text reads; "" where it is too short to tell.
    language = models.CharField(max_length=3, blank=True)
    # When the file itself says it was last changed, or sent.
    dated_at = models.DateTimeField(null=True)
    source = TenantKey(Source, on_delete=models.DO_NOTHING, null=True, related_name="documents")
    # What the source knows it by: a path below the folder, a page's address.
    source_key = models.CharField(max_length=1024, blank=True)
    # While the source gives the same one the bytes are the same.
    source_marker = models.CharField(max_length=300, blank=True)
    uploaded_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    if TYPE_CHECKING:
        collection_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [
            # The same bytes are one document of a collection, unless processing them came to nothing.
            models.UniqueConstraint(
                fields=["tenant", "collection", "sha256"],
                condition=~models.Q(status__in=[Status.FAILED, Status.CANCELLED]),
                name="document_bytes_once",
            ),
            models.UniqueConstraint(
                fields=["tenant", "source", "source_key"],
                condition=models.Q(source__isnull=False),
                name="document_source_once",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "collection", "status"], name="document_by_collection"),
            models.Index(fields=["tenant", "created_at", "id"], name="document_by_time"),
        ]

    def __str__(self) -> str:
        return self.title


class DocumentVersion(Processing):
    """One file of a document. `number` counts from 1; answers keep citing the version they quoted.

    `properties` is what the file says of itself, `masked` how many pieces of personal data of each kind are
    hidden from search and models, by the rules whose digest `masked_by` is.
    """

    document = TenantKey(Document, on_delete=models.DO_NOTHING, related_name="versions")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=100)
    storage_key = models.CharField(max_length=200)
    properties = models.JSONField(default=dict)
    masked = models.JSONField(default=dict)
    masked_by = models.CharField(max_length=64, blank=True, default="", db_default="")
    uploaded_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    if TYPE_CHECKING:
        document_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "document", "number"], name="version_number"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} v{self.number}"


class Page(TenantModel):
    """A page's text and where it stands in the version's text: `start`, `end` in code points.

    `width` and `height` are points; 0 for formats whose pages are not shown as images. `label` says what the
    page is where that is more than its number, `is_recognised` that its text was read from a picture, `headings`
    which lines are some, where the text itself does not tell.
    """

    version = TenantKey(DocumentVersion, on_delete=models.DO_NOTHING, related_name="pages")
    number = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    text = models.TextField()
    width = models.FloatField(default=0.0)
    height = models.FloatField(default=0.0)
    label = models.CharField(max_length=200, blank=True)
    is_recognised = models.BooleanField(default=False)
    headings = models.JSONField(null=True, editable=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "version", "number"], name="page_number")]

    def __str__(self) -> str:
        return f"page {self.number}"

    @property
    def has_image(self) -> bool:
        return self.width > 0
