"""What documents publishes for the apps above it."""

from typing import Any
from uuid import UUID

from tenants.jobs.leases import Lease
from tenants.registry import Registry


class SwitchRefused(Exception):
    """Raised by what is called before a switch: the new index does not take over, `detail` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


# Called in the tenant's unit with the ids of documents whose rows are about to go.
on_documents_erased: Registry[[list[UUID]]] = Registry()

# Called outside any transaction, with the id of an index that is complete and has never answered, and the lease of
# the job that builds it, before it takes over: as often as that is tried. Takes as long as it needs, checks the
# lease meanwhile, and may raise `SwitchRefused`, ProviderError, or `TurnOver` to go on later.
on_before_switch: Registry[[UUID, Lease]] = Registry()

# Called in the tenant's unit with the id of an index that is not built any more and does not answer.
on_building_ended: Registry[[UUID]] = Registry()

# Called in the tenant's unit with the `EmbeddingIndex` that answers, when that is another one than before or what
# is masked is to be masked anew: whatever else is embedded follows.
on_index_changed: Registry[[Any]] = Registry()
