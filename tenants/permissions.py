"""The one permission table: which role, and for programs which scope, each action needs."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(role.value, role.value) for role in cls]

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        return self.rank >= needed.rank


class Scope(StrEnum):
    CHAT = "chat"
    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_WRITE = "documents:write"
    ADMIN = "admin"


class Action(StrEnum):
    READ_SELF = "me.read"
    CHAT = "conversations.use"
    READ_DOCUMENTS = "documents.read"
    WRITE_DOCUMENTS = "documents.write"
    MANAGE_DOCUMENTS = "documents.manage"
    MANAGE_TENANT = "tenant.manage"


@dataclass(frozen=True, slots=True)
class Rule:
    role: Role
    scope: Scope | None


PERMISSIONS: dict[Action, Rule] = {
    Action.READ_SELF: Rule(Role.VIEWER, None),
    Action.CHAT: Rule(Role.VIEWER, Scope.CHAT),
    Action.READ_DOCUMENTS: Rule(Role.VIEWER, Scope.DOCUMENTS_READ),
    # Upload, and change or delete what one made oneself.
    Action.WRITE_DOCUMENTS: Rule(Role.MEMBER, Scope.DOCUMENTS_WRITE),
    # Change or delete what others made.
    Action.MANAGE_DOCUMENTS: Rule(Role.ADMIN, Scope.DOCUMENTS_WRITE),
    Action.MANAGE_TENANT: Rule(Role.ADMIN, Scope.ADMIN),
}


def scopes_of_role(role: Role) -> frozenset[Scope]:
    """Every scope that a role can use."""
    return frozenset(rule.scope for rule in PERMISSIONS.values() if rule.scope and role.covers(rule.role))
