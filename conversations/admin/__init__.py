"""What of conversations stands in an organisation's administration."""

from conversations.admin import assistants, conversations, sites

__all__ = ["assistants", "conversations", "sites"]
