"""Question sets, what became of asking them, and how sure an answer must be."""

from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from documents.models import Collection, EmbeddingIndex
from retrieval.types import Mode
from tenants.models import TenantKey, TenantModel


class QuestionSet(TenantModel):
    """Questions with what is right, asked of one collection or, without one, of everything.

    `collection_name` outlives the collection: a set whose collection is gone is not asked of everything. A gate
    must be passed before another embedding model answers: `minimums` by figure, or, without any, not worse than
    the accepted run.
    """

    name = models.CharField(max_length=120)
    collection = TenantKey(Collection, on_delete=models.SET_NULL, null=True, related_name="+")
    collection_name = models.CharField(max_length=120, blank=True)
    is_gate = models.BooleanField(default=False)
    minimums = models.JSONField(default=dict)
    # The one that grows by what people think of answers.
    collects_feedback = models.BooleanField(default=False)
    created_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    if TYPE_CHECKING:
        collection_id: UUID | None

    class Meta(TenantModel.Meta):
        verbose_name = _("question set")
        verbose_name_plural = _("question sets")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="question_set_name"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(collects_feedback=True), name="one_feedback_set"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "created_at", "id"], name="question_set_by_time")]

    def __str__(self) -> str:
        return self.name


class Question(TenantModel):
    """`document` is a file's name or a document's id, `pages` count from 1; neither is needed.

    `key` is what its author calls it. Of a question from feedback `created_by_id` is who asked it.
    """

    class Origin(StrEnum):
        UPLOADED = "uploaded"
        FEEDBACK = "feedback"

    set = TenantKey(QuestionSet, on_delete=models.CASCADE, related_name="questions")
    number = models.PositiveIntegerField()
    key = models.CharField(max_length=100, blank=True)
    text = models.TextField()
    is_answerable = models.BooleanField(default=True)
    document = models.CharField(max_length=255, blank=True)
    pages = models.JSONField(default=list)
    answer = models.TextField(blank=True)
    origin = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in Origin], default=Origin.UPLOADED
    )
    created_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    if TYPE_CHECKING:
        set_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "set", "number"], name="question_number")]

    def __str__(self) -> str:
        return f"question {self.number}"


class EvaluationRun(TenantModel):
    """A set asked once, of one index. Its figures stand in `numbers` when it is finished.

    `settings` is everything else that the figures depend on, `fingerprint` its hash. A run `for_gate` decides
    whether its index may answer: `has_passed`, with `reasons`, or `is_waived` by an admin.
    """

    class Status(StrEnum):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"
        CANCELLED = "cancelled"

    set = TenantKey(QuestionSet, on_delete=models.CASCADE, related_name="runs")
    index = TenantKey(EmbeddingIndex, on_delete=models.SET_NULL, null=True, related_name="+")
    model = models.CharField(max_length=120, blank=True)
    chat_model = models.CharField(max_length=120, blank=True)
    mode = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Mode], default=Mode.HYBRID)
    k = models.PositiveSmallIntegerField(default=10)
    settings = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64, blank=True)
    status = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in Status], default=Status.QUEUED
    )
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    numbers = models.JSONField(default=dict)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)
    is_accepted = models.BooleanField(default=False)
    for_gate = models.BooleanField(default=False)
    has_passed = models.BooleanField(null=True)
    reasons = models.JSONField(default=list)
    is_waived = models.BooleanField(default=False)
    created_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0.0)

    if TYPE_CHECKING:
        set_id: UUID
        index_id: UUID | None

    class Meta(TenantModel.Meta):
        verbose_name = _("evaluation")
        verbose_name_plural = _("evaluations")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "set"], condition=models.Q(is_accepted=True), name="one_accepted_run"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "created_at", "id"], name="evaluation_by_time")]

    def __str__(self) -> str:
        return f"evaluation {self.status}"

    @property
    def is_under_way(self) -> bool:
        return self.status in {self.Status.QUEUED, self.Status.RUNNING}

    @property
    def progress(self) -> float:
        return self.done / self.total if self.total else 0.0


class EvaluationResult(TenantModel):
    """What became of one question: a `retrieval.evaluation.rows.Row`. Ids and places, no document's words."""

    run = TenantKey(EvaluationRun, on_delete=models.CASCADE, related_name="results")
    question = TenantKey(Question, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    row = models.JSONField()

    if TYPE_CHECKING:
        run_id: UUID
        question_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "run", "question"], name="result_once")]
        indexes = [models.Index(fields=["tenant", "run", "number"], name="result_in_order")]

    def __str__(self) -> str:
        return f"result {self.number}"


class Sufficiency(TenantModel):
    """How sure an answer from an index must be, as it was found on questions; the built-in value without a row."""

    index = TenantKey(EmbeddingIndex, on_delete=models.CASCADE, related_name="+")
    threshold = models.FloatField()
    questions = models.PositiveIntegerField()
    matrix = models.JSONField()
    calibrated_at = models.DateTimeField(auto_now=True)

    if TYPE_CHECKING:
        index_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "index"], name="sufficiency_once")]

    def __str__(self) -> str:
        return f"{self.threshold:.3f}"
