from conversations.models.conversations import (
    Conversation,
    ConversationCollection,
    ConversationDocument,
    Mode,
)
from conversations.models.memory import MessageChunk, MessageEmbedding
from conversations.models.messages import TERMINAL, Citation, Message, Role, Source, Status
from conversations.models.traces import Trace

__all__ = [
    "TERMINAL",
    "Citation",
    "Conversation",
    "ConversationCollection",
    "ConversationDocument",
    "Message",
    "MessageChunk",
    "MessageEmbedding",
    "Mode",
    "Role",
    "Source",
    "Status",
    "Trace",
]
