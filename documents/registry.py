"""What documents publishes for the apps above it."""

from typing import Any
from uuid import UUID

from tenants.registry import Registry

# Called in the tenant's unit with the ids of documents whose rows are about to go.
on_documents_erased: Registry[[list[UUID]]] = Registry()

# Called in the tenant's unit with the `EmbeddingIndex` that answers, when that is another one than before or what
# is masked is to be masked anew: whatever else is embedded follows.
on_index_changed: Registry[[Any]] = Registry()
