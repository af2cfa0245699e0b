"""Conversations and what they may ask."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _

from documents.models import Collection, Document
from tenants.models import TenantKey, TenantModel


class Mode(StrEnum):
    GROUNDED = "grounded"
    OPEN = "open"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(mode.value, mode.value) for mode in cls]


class MemoryKind(StrEnum):
    """What of a conversation is told with the next question, as far as the model's window has room for it.

    All of the branch; its last turns; or a summary of the older turns, and the last ones.
    """

    BUFFER = "buffer"
    WINDOW = "window"
    SUMMARY = "summary"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(kind.value, kind.value) for kind in cls]


class Origin(StrEnum):
    """Which door a conversation was begun at."""

    CHAT = "chat"
    QUERY = "query"
    SITE = "site"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(origin.value, origin.value) for origin in cls]


class Conversation(TenantModel):
    """A person's own: colleagues do not see it. Without chosen collections it asks all that one may see.

    `leaf_id` is the message at the end of the branch that one is at; see `conversations.selectors.branches`. What
    is kept only until `unlisted_until` is in no list, count, search or export, and goes by itself then. There are
    three of that kind. What was asked in passing, by a program that has its own list of conversations, cannot be
    opened or gone on with; its messages are found by their ids. One with `deleted_at` can be brought back until
    then, and is nowhere meanwhile, nor are its messages. A temporary one is opened and asked like every other for
    as long as it is there.
    """

    author_id = models.UUIDField()
    title = models.CharField(_("title"), max_length=200, blank=True)
    has_manual_title = models.BooleanField(default=False)
    mode = models.CharField(max_length=10, choices=Mode.choices(), default=Mode.GROUNDED)
    memory = models.CharField(
        max_length=10, choices=MemoryKind.choices(), default=MemoryKind.WINDOW, db_default=MemoryKind.WINDOW
    )
    # None: as many as the operator's setting says.
    memory_turns = models.PositiveSmallIntegerField(null=True)
    persona = TenantKey(
        "conversations.Persona", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    origin = models.CharField(
        max_length=10, choices=Origin.choices(), default=Origin.CHAT, db_default=Origin.CHAT.value
    )
    # Where it is a visitor's: the author is nobody's account then.
    site = TenantKey(
        "conversations.Site",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("web site"),
    )
    metadata = models.JSONField(default=dict, blank=True)
    leaf_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    pinned_at = models.DateTimeField(null=True, blank=True)
    unlisted_until = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    is_temporary = models.BooleanField(default=False, db_default=False)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "author_id", "-updated_at", "-id"],
                condition=models.Q(unlisted_until__isnull=True),
                name="conversation_listed",
            ),
            models.Index(
                fields=["tenant", "unlisted_until"],
                condition=models.Q(unlisted_until__isnull=False),
                name="conversation_unlisted",
            ),
            models.Index(
                fields=["tenant", "updated_at"],
                condition=models.Q(ended_at__isnull=True),
                name="conversation_idle",
            ),
            models.Index(
                fields=["tenant", "ended_at"],
                condition=models.Q(ended_at__isnull=False, archived_at__isnull=True),
                name="conversation_ended",
            ),
            models.Index(
                fields=["tenant", "site", "updated_at"],
                condition=models.Q(site__isnull=False),
                name="conversation_of_site",
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(self.id)


class ConversationCollection(TenantModel):
    """A collection that a conversation asks."""

    conversation = TenantKey(Conversation, on_delete=models.CASCADE, related_name="chosen_collections")
    collection = TenantKey(Collection, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "conversation", "collection"], name="conversation_collection_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class ConversationDocument(TenantModel):
    """A document that a conversation asks."""

    conversation = TenantKey(Conversation, on_delete=models.CASCADE, related_name="chosen_documents")
    document = TenantKey(Document, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "conversation", "document"], name="conversation_document_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
