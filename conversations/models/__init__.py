from conversations.models.conversations import (
    Conversation,
    ConversationCollection,
    ConversationDocument,
    MemoryKind,
    Mode,
    Origin,
)
from conversations.models.feedback import MAX_COMMENT, Feedback, FeedbackSeen, Rating
from conversations.models.life import ArchivedName, ArchiveRecord, LifePolicy
from conversations.models.memory import MessageChunk, MessageEmbedding
from conversations.models.messages import TERMINAL, Citation, Message, Role, Source, Status
from conversations.models.personas import Persona, PersonaCollection
from conversations.models.prompts import SavedPrompt
from conversations.models.pulls import ModelPull, PullStatus
from conversations.models.sharing import Share, ShareReader
from conversations.models.sites import Site, SiteCollection, Visitors
from conversations.models.summaries import Summary
from conversations.models.thoughts import MAX_THOUGHTS, Thoughts
from conversations.models.traces import Trace
from conversations.models.words import ConversationWords

__all__ = [
    "MAX_COMMENT",
    "MAX_THOUGHTS",
    "TERMINAL",
    "ArchiveRecord",
    "ArchivedName",
    "Citation",
    "Conversation",
    "ConversationCollection",
    "ConversationDocument",
    "ConversationWords",
    "Feedback",
    "FeedbackSeen",
    "LifePolicy",
    "MemoryKind",
    "Message",
    "MessageChunk",
    "MessageEmbedding",
    "Mode",
    "ModelPull",
    "Origin",
    "Persona",
    "PersonaCollection",
    "PullStatus",
    "Rating",
    "Role",
    "SavedPrompt",
    "Share",
    "ShareReader",
    "Site",
    "SiteCollection",
    "Source",
    "Status",
    "Summary",
    "Thoughts",
    "Trace",
    "Visitors",
]
