"""What documents publishes for the apps above it."""

from uuid import UUID

from tenants.registry import Registry

# Called in the tenant's unit with the ids of documents whose rows are about to go.
on_documents_erased: Registry[[list[UUID]]] = Registry()
