"""An archived conversation as JSON: what stands in it, its file, and its way back into rows."""

from conversations.records.files import ArchiveUnusable, delete_files, list_files, load, store
from conversations.records.reading import Whole, sight_of, whole_of
from conversations.records.schema import SCHEMA, require_valid
from conversations.records.writing import documents_in, people_in, record_of, without

__all__ = [
    "SCHEMA",
    "ArchiveUnusable",
    "Whole",
    "delete_files",
    "documents_in",
    "list_files",
    "load",
    "people_in",
    "record_of",
    "require_valid",
    "sight_of",
    "store",
    "whole_of",
    "without",
]
