"""What a search is narrowed to: documents by tag, language and date, passages by their exact words.

The conditions on documents stand on their own rows, in a subquery of the search: what a person sees is settled
beside it and only gets less. A document's date is the one that its file gives, else when it was added.
"""

from typing import Any

from retrieval.types import Scope

DATE = "coalesce(document.dated_at, document.created_at)"


def narrowed(scope: Scope) -> tuple[str, dict[str, Any]]:
    """Conditions on a row `e` of vectors, empty where the scope names nothing of this, and their values."""
    conditions, values = on_documents(scope)
    passages, phrases = _by_phrase(scope)
    documents = (
        " AND e.document_id IN (SELECT document.id FROM documents_document document"  # noqa: S608 - our own pieces
        f" WHERE document.tenant_id = %(tenant)s AND document.collection_id = ANY(%(collections)s){conditions})"
    )
    return (documents if conditions else "") + passages, values | phrases


def on_documents(scope: Scope) -> tuple[str, dict[str, Any]]:
    """The same for a row `document`, each condition after an AND."""
    wanted = {
        "document.tags && %(tags)s::varchar[]": ("tags", scope.tags),
        "document.language = ANY(%(languages)s)": ("languages", scope.languages),
        f"{DATE} >= %(after)s": ("after", scope.after),
        f"{DATE} < %(before)s": ("before", scope.before),
    }
    chosen = {sql: (name, value) for sql, (name, value) in wanted.items() if value is not None}
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in chosen.values()}
    return "".join(f" AND {sql}" for sql in chosen), values


def _by_phrase(scope: Scope) -> tuple[str, dict[str, Any]]:
    """All phrases in one query, where those of nothing but small words vanish."""
    if not scope.phrases and not scope.without:
        return "", {}
    values = {f"phrase_{number}": phrase for number, phrase in enumerate(scope.phrases)}
    others = {f"without_{number}": phrase for number, phrase in enumerate(scope.without)}
    parts = [f"phraseto_tsquery('english', %({name})s)" for name in values]
    parts += [f"!! phraseto_tsquery('english', %({name})s)" for name in others]
    query = f"({' && '.join(parts)})"
    sql = (
        " AND EXISTS (SELECT FROM documents_chunk exact"
        " WHERE exact.tenant_id = %(tenant)s AND exact.id = e.chunk_id"
        f" AND (numnode({query}) = 0 OR exact.words @@ {query}))"
    )
    return sql, values | others
