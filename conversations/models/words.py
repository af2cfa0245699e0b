"""The words by which one's conversations are found among all of one's own."""

from django.contrib.postgres.search import SearchVectorField
from django.db import models

from conversations.models.conversations import Conversation
from tenants.models import TenantKey, TenantModel


class ConversationWords(TenantModel):
    """The words of all that was said in a conversation, each once, masked as its messages' pieces are.

    Says which conversations are worth a look at their messages: under row-level security words use no index, and
    looking at every message of a person's takes as long as they have talked.
    """

    conversation = TenantKey(Conversation, on_delete=models.CASCADE, related_name="+")
    author_id = models.UUIDField()
    words = SearchVectorField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "conversation"], name="words_of_conversation")]
        indexes = [models.Index(fields=["tenant", "author_id"], name="words_by_author")]

    def __str__(self) -> str:
        return f"words of {self.conversation_id}"
