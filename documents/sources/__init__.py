"""Places outside that documents are taken from: see `base` for what one is, and a file for each kind."""

from documents.sources.base import Item, Look, Source, SourceError, Unseen
from documents.sources.folder import FolderSource
from documents.sources.web_page import WebPageSource, WebTerms, readable_address

__all__ = [
    "FolderSource",
    "Item",
    "Look",
    "Source",
    "SourceError",
    "Unseen",
    "WebPageSource",
    "WebTerms",
    "readable_address",
]
