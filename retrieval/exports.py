"""Retrieval's part of a person's export: the questions of theirs that were kept to measure answers."""

from typing import Any

from retrieval.models import Question
from tenants.access import Access
from tenants.exports import ExportRun

_ABOUT = ("id", "text", "is_answerable", "document", "pages", "answer", "origin", "created_at")


def export_questions(run: ExportRun, access: Access) -> None:
    """What a person asked or uploaded. Registered with `on_person_exported`."""

    def own() -> Any:
        return Question.objects.filter(created_by_id=access.user_id)

    run.archive.write_rows("evaluation-questions.jsonl", run.rows(own, _ABOUT))
