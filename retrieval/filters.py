"""Which documents a search is narrowed to: by tag, language and date.

The conditions stand on the documents' own rows, in a subquery of the search: what a person sees is settled
beside it and only gets less. A document's date is the one that its file gives, else when it was added.
"""

from typing import Any

from retrieval.types import Scope

DATE = "coalesce(document.dated_at, document.created_at)"


def narrowed(scope: Scope) -> tuple[str, dict[str, Any]]:
    """A condition on `e.document_id`, empty where the scope names nothing of this, and its values."""
    wanted = {
        "document.tags && %(tags)s::varchar[]": ("tags", scope.tags),
        "document.language = ANY(%(languages)s)": ("languages", scope.languages),
        f"{DATE} >= %(after)s": ("after", scope.after),
        f"{DATE} < %(before)s": ("before", scope.before),
    }
    chosen = {sql: (name, value) for sql, (name, value) in wanted.items() if value is not None}
    if not chosen:
        return "", {}
    conditions = " AND ".join(["document.collection_id = ANY(%(collections)s)", *chosen])
    sql = (
        " AND e.document_id IN (SELECT document.id FROM documents_document document"  # noqa: S608 - our own pieces
        f" WHERE document.tenant_id = %(tenant)s AND {conditions})"
    )
    return sql, {name: list(value) if isinstance(value, tuple) else value for name, value in chosen.values()}
