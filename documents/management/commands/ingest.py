"""`manage.py ingest PATH… --tenant S --collection C`."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from documents.models import TERMINAL, Collection, Document, DocumentVersion, Status
from documents.selectors import find_collection
from documents.services.collections import create_collection
from documents.services.documents import INGEST
from documents.services.uploads import IncomingFile, UploadOptions, UploadResult, receive_files
from tenants.access import Access, access_of_cli
from tenants.db import tenant_atomic
from tenants.errors import DocentError
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job

# A worker that lives takes a job within moments; after this the command does the work itself.
_PATIENCE_SECONDS = 2.0


class Command(BaseCommand):
    help = "Add files or folders to a collection and wait until each is ready or has failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--collection", required=True, help="slug or name; made when missing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            access = access_of_cli(options["tenant"])
            with tenant_atomic(access.tenant_id):
                collection = find_collection(access, options["collection"]) or create_collection(
                    access=access, name=options["collection"]
                )
        except DocentError as error:
            raise CommandError(error.detail) from error
        results = [_receive(access, collection, path) for path in _files(options["paths"])]
        for result in results:
            if result.error:
                self.stderr.write(f"{result.name}: refused: {result.error.detail}")
            elif result.is_duplicate:
                self.stdout.write(f"{result.name}: already there")
        documents = self._wait(access, {one.document.id for one in results if one.document is not None})
        failed = [document for document in documents if document.status != Status.READY]
        for document in failed:
            self.stderr.write(f"{document.name}: {document.status}: {document.error_detail}")
        refused = sum(one.error is not None for one in results)
        ready = len(documents) - len(failed)
        self.stdout.write(f"{ready} ready, {len(failed)} failed, {refused} refused")
        if failed or refused:
            raise CommandError("Not every file could be added.")

    def _wait(self, access: Access, ids: set[UUID]) -> list[Document]:
        """Until all are done; runs what no worker takes."""
        started = time.monotonic()
        while True:
            with tenant_atomic(access.tenant_id):
                documents = list(Document.objects.filter(id__in=ids).order_by("created_at"))
            self._show(documents)
            if all(document.status in TERMINAL for document in documents):
                return documents
            if time.monotonic() - started > _PATIENCE_SECONDS:
                _run_one(access, ids)
            time.sleep(0.2)

    def _show(self, documents: list[Document]) -> None:
        """One line that is drawn over: a bar, and how many are done."""
        if not sys.stderr.isatty() or not documents:
            return
        share = sum(1.0 if one.status in TERMINAL else one.progress for one in documents) / len(documents)
        done = sum(one.status in TERMINAL for one in documents)
        bar = "█" * round(share * 30)
        end = "\n" if done == len(documents) else ""
        self.stderr.write(f"\r{bar:░<30} {share:4.0%}  {done}/{len(documents)} files", ending=end)


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (one for one in sorted(path.rglob("*")) if one.is_file() and not one.name.startswith("."))
        elif path.is_file():
            yield path
        else:
            raise CommandError(f"There is no file or folder {path}.")


def _receive(access: Access, collection: Collection, path: Path) -> UploadResult:
    with path.open("rb") as content, tenant_atomic(access.tenant_id):
        file = IncomingFile(path.name, path.stat().st_size, content)
        try:
            return receive_files(access=access, files=[file], collection=collection, options=UploadOptions())[0]
        except DocentError as error:
            return UploadResult(path.name, error=error)


def _run_one(access: Access, document_ids: set[UUID]) -> None:
    """Run the oldest job of these documents that no worker holds."""
    with tenant_atomic(access.tenant_id):
        versions = DocumentVersion.objects.filter(document__in=document_ids).values_list("id", flat=True)
        jobs = Job.objects.filter(kind=INGEST, target_id__in=list(versions), lease_id=None)
        job_id = jobs.order_by("created_at").values_list("id", flat=True).first()
    if job_id is not None:
        run_job(job_id)
