"""Versions have a state of their own now: those that exist take their document's."""

from uuid import UUID

from django.apps.registry import Apps
from django.db import migrations
from django.db.models import F, OuterRef, Subquery

from tenants.db import for_each_tenant

COPIED = (
    "name", "status", "progress", "error_code", "error_detail", "attempts", "timings",
    "page_count", "chunk_count", "uploaded_by_id",
)


def copy_states(apps, schema_editor):
    def copy(apps: Apps, tenant_id: UUID) -> None:
        documents = apps.get_model("documents", "Document").objects.filter(id=OuterRef("document_id"))
        versions = apps.get_model("documents", "DocumentVersion").objects.filter(tenant_id=tenant_id)
        versions.update(**{name: Subquery(documents.values(name)[:1]) for name in COPIED}, finished_at=F("created_at"))
        versions.exclude(status__in=("ready", "failed", "cancelled")).update(finished_at=None)

    for_each_tenant(apps, schema_editor, copy)


class Migration(migrations.Migration):
    dependencies = [("documents", "0004_ingestion")]
    operations = [migrations.RunPython(copy_states, migrations.RunPython.noop)]
