"""The one permission table: which role, and for programs which scope, each action needs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy, gettext_noop


class Role(StrEnum):
    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    @classmethod
    def choices(cls) -> list[tuple[str, Any]]:
        """Each with its name in whichever language it is shown."""
        return [(role.value, gettext_lazy(role.value)) for role in cls]

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        return self.rank >= needed.rank


# As pages call them: `{% translate role %}`.
gettext_noop("viewer"), gettext_noop("member"), gettext_noop("admin"), gettext_noop("owner")


class Scope(StrEnum):
    CHAT = "chat"
    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_WRITE = "documents:write"
    ADMIN = "admin"


# The least role that can use a scope.
SCOPE_ROLES: dict[Scope, Role] = {
    Scope.CHAT: Role.VIEWER,
    Scope.DOCUMENTS_READ: Role.VIEWER,
    Scope.DOCUMENTS_WRITE: Role.MEMBER,
    Scope.ADMIN: Role.ADMIN,
}


class Action(StrEnum):
    READ_SELF = "me.read"
    CHANGE_SELF = "me.change"
    CHAT = "conversations.use"
    SHARE = "conversations.share"
    ATTACH_FILES = "conversations.attach"
    EXPLAIN_ANSWERS = "conversations.explain"
    WRITE_PERSONAS = "personas.write"
    MANAGE_PERSONAS = "personas.manage"
    WRITE_PROMPTS = "prompts.write"
    SHARE_PROMPTS = "prompts.share"
    MANAGE_PROMPTS = "prompts.manage"
    READ_DOCUMENTS = "documents.read"
    WRITE_DOCUMENTS = "documents.write"
    MANAGE_DOCUMENTS = "documents.manage"
    SEE_RESTRICTED = "documents.see_restricted"
    READ_OWN_TOKENS = "tokens.read"
    WRITE_OWN_TOKENS = "tokens.write"
    EXPORT_OWN = "me.export"
    LEAVE = "me.leave"
    MANAGE_MEMBERS = "members.manage"
    MANAGE_TENANT = "tenant.manage"
    READ_AUDIT = "audit.read"
    MANAGE_OWNERS = "owners.manage"
    EXPORT_TENANT = "tenant.export"
    ERASE_TENANT = "tenant.erase"


@dataclass(frozen=True, slots=True)
class Rule:
    """`scope` binds tokens alone: a person in the portal has what the role gives."""

    role: Role
    scope: Scope | None


PERMISSIONS: dict[Action, Rule] = {
    Action.READ_SELF: Rule(Role.VIEWER, None),
    # How the portal is for oneself.
    Action.CHANGE_SELF: Rule(Role.VIEWER, Scope.ADMIN),
    Action.CHAT: Rule(Role.VIEWER, Scope.CHAT),
    # Let others of the organisation read a conversation of one's own, where its admins allow that.
    Action.SHARE: Rule(Role.MEMBER, Scope.CHAT),
    # Files of one's own conversation: nobody else reads them.
    Action.ATTACH_FILES: Rule(Role.MEMBER, Scope.CHAT),
    # What was found for an answer, in which lists, and how long it took.
    Action.EXPLAIN_ANSWERS: Rule(Role.ADMIN, Scope.CHAT),
    # Make assistants, change and archive those that one made oneself.
    Action.WRITE_PERSONAS: Rule(Role.MEMBER, Scope.CHAT),
    # Those of others, and the one that is chosen where a chat begins: that changes how everybody is answered.
    Action.MANAGE_PERSONAS: Rule(Role.ADMIN, Scope.ADMIN),
    # Keep prompts of one's own, show them to everybody, and change what others show.
    Action.WRITE_PROMPTS: Rule(Role.VIEWER, Scope.CHAT),
    Action.SHARE_PROMPTS: Rule(Role.MEMBER, Scope.CHAT),
    Action.MANAGE_PROMPTS: Rule(Role.ADMIN, Scope.ADMIN),
    Action.READ_DOCUMENTS: Rule(Role.VIEWER, Scope.DOCUMENTS_READ),
    # Upload, and change or delete what one made oneself.
    Action.WRITE_DOCUMENTS: Rule(Role.MEMBER, Scope.DOCUMENTS_WRITE),
    # Change or delete what others made.
    Action.MANAGE_DOCUMENTS: Rule(Role.ADMIN, Scope.DOCUMENTS_WRITE),
    # Collections that name who sees them.
    Action.SEE_RESTRICTED: Rule(Role.ADMIN, None),
    Action.READ_OWN_TOKENS: Rule(Role.VIEWER, None),
    # A leaked token must not be able to make another that outlives it.
    Action.WRITE_OWN_TOKENS: Rule(Role.VIEWER, Scope.ADMIN),
    # Everything of one's own at once is more than any single scope.
    Action.EXPORT_OWN: Rule(Role.VIEWER, Scope.ADMIN),
    Action.LEAVE: Rule(Role.VIEWER, Scope.ADMIN),
    Action.MANAGE_MEMBERS: Rule(Role.ADMIN, Scope.ADMIN),
    Action.MANAGE_TENANT: Rule(Role.ADMIN, Scope.ADMIN),
    Action.READ_AUDIT: Rule(Role.ADMIN, Scope.ADMIN),
    # Make somebody an owner, or change or remove one.
    Action.MANAGE_OWNERS: Rule(Role.OWNER, Scope.ADMIN),
    Action.EXPORT_TENANT: Rule(Role.OWNER, Scope.ADMIN),
    Action.ERASE_TENANT: Rule(Role.OWNER, Scope.ADMIN),
}


def scopes_of_role(role: Role) -> frozenset[Scope]:
    """Every scope that a role can use."""
    return frozenset(scope for scope, least in SCOPE_ROLES.items() if role.covers(least))
