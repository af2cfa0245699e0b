"""Conversations as files to keep, print and pass on: JSON, Markdown and HTML.

Everything in them is what their reader may see at that moment.
"""

from conversations.transcripts.bundle import transcripts_of
from conversations.transcripts.files import FORMATS, Format, TranscriptFile, transcript_of

__all__ = ["FORMATS", "Format", "TranscriptFile", "transcript_of", "transcripts_of"]
