"""A branch from its end backwards: who spoke and how much, without the words. One query, whatever the length."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from conversations.models import Role, Status
from tenants.context import current_tenant_id


@dataclass(frozen=True, slots=True)
class Step:
    """A message of the branch; `size` is its length in bytes."""

    id: UUID
    role: Role
    status: Status
    size: int


def steps_before(message_id: UUID | None, *, most: int) -> list[Step]:
    """The messages that lead to this one, itself the first of them, latest first, `most` at most."""
    if message_id is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_STEPS, {"tenant": current_tenant_id(), "last": message_id, "most": most})
        return [Step(one, Role(role), Status(status), size) for one, role, status, size in cursor.fetchall()]


# Message by message, by their key: joined, all of the table would be read for each step once it is a small one.
_STEPS = """
    WITH RECURSIVE path AS (
        SELECT id, parent_id, role, status, octet_length(content) AS size, 1 AS depth
        FROM conversations_message WHERE tenant_id = %(tenant)s AND id = %(last)s
        UNION ALL
        SELECT above.id, above.parent_id, above.role, above.status, above.size, path.depth + 1 FROM path, LATERAL (
            SELECT id, parent_id, role, status, octet_length(content) AS size FROM conversations_message
            WHERE tenant_id = %(tenant)s AND id = path.parent_id OFFSET 0
        ) above
        WHERE path.depth < %(most)s
    )
    SELECT id, role, status, size FROM path ORDER BY depth
"""
