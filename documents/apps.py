from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "documents"

    def ready(self) -> None:
        from documents.ingestion import give_up, ingest_version
        from documents.services.collections import create_default_collection
        from documents.services.documents import INGEST
        from tenants.jobs.handlers import JobHandler, register_job
        from tenants.registry import on_tenant_created

        on_tenant_created.register(create_default_collection)
        register_job(INGEST, JobHandler(run=ingest_version, give_up=give_up))
