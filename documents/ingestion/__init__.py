"""From a stored file to searchable passages, in two jobs.

`reading` extracts pages and cuts them into passages, `embedding` gives the passages their vectors and makes the
version the one that is searched. The second begins while the first still reads, so that the beginning of a long
file is found before its end is known. Each works in short units of its own that hold the document's row and renew
the job's lease: a worker that lost its job cannot write any more.
"""

from documents.ingestion.embedding import embed_version
from documents.ingestion.outcome import give_up
from documents.ingestion.reading import read_version

__all__ = ["embed_version", "give_up", "read_version"]
