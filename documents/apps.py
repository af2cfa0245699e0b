from django.apps import AppConfig
from django.db.models import Count, Sum
from django.utils.translation import gettext_lazy


class DocumentsConfig(AppConfig):
    name = "documents"
    verbose_name = gettext_lazy("Documents")

    def ready(self) -> None:
        from documents import admin, job_kinds, source_fetching  # noqa: F401
        from documents.exports import export_files, export_uploads
        from documents.models import Document, DocumentVersion
        from documents.registry import on_documents_erased
        from documents.selectors import check_collections, name_collections
        from documents.services.collections import create_default_collection
        from documents.services.documents import forget_person
        from documents.sight import documents_within_sight
        from tenants.exports import on_person_exported, on_tenant_exported
        from tenants.limits.meters import Meter, register_meter
        from tenants.models import QuotaKind, WebhookEvent
        from tenants.registry import (
            on_collections_listed,
            on_collections_named,
            on_person_erased,
            on_tenant_created,
        )
        from tenants.webhooks.announcing import register_gate
        from tenants.webhooks.services import forget_objects

        register_gate(WebhookEvent.DOCUMENT_READY, WebhookEvent.DOCUMENT_FAILED, gate=documents_within_sight)
        on_documents_erased.register(forget_objects)
        on_tenant_created.register(create_default_collection)
        on_collections_named.register(check_collections)
        on_collections_listed.register(name_collections)
        on_person_erased.register(forget_person)
        on_tenant_exported.register(export_files)
        on_person_exported.register(export_uploads)
        register_meter(QuotaKind.DOCUMENTS, Meter(Document.objects.all, "uploaded_by_id", Count("id")))
        register_meter(
            QuotaKind.BYTES, Meter(DocumentVersion.objects.all, "document__uploaded_by_id", Sum("size"))
        )
        job_kinds.register()
        source_fetching.register()
