"""A new embedding model without downtime.

A second index is built beside the one that answers questions, from the same passages. When none is missing the two
change places in one transaction; the old one can be taken back until it is dropped. Whoever changes the state of
an index holds the rows of all of the tenant's, in the order of their ids; whoever finishes a document holds the
active one's, so that no document is finished between the last look and the switch.
"""

from documents.reindex.building import build_index, give_up
from documents.reindex.dropping import drop_indexes, drop_old_indexes
from documents.reindex.indexes import REINDEX
from documents.reindex.services import progress, reasons, retry, start_reindex, stop_reindex, take_back

__all__ = [
    "REINDEX",
    "build_index",
    "drop_indexes",
    "drop_old_indexes",
    "give_up",
    "progress",
    "reasons",
    "retry",
    "start_reindex",
    "stop_reindex",
    "take_back",
]
