"""`manage.py reindex --tenant S --model M [--wait] | --rollback [--wait] | --stop | --drop | --status`."""

import sys
import time
from argparse import ArgumentParser
from threading import Thread
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from documents.models import EmbeddingIndex
from documents.reindex import REINDEX, drop_indexes, start_reindex, stop_reindex, take_back
from tenants.access import Access, access_of_cli
from tenants.db import tenant_atomic
from tenants.errors import DocentError
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job

# A worker that lives takes a job within moments; after this the command does the work itself.
_PATIENCE_SECONDS = 2.0
_STATUS = EmbeddingIndex.Status


class Command(BaseCommand):
    help = "Give a tenant another embedding model while the present one answers, or go back to the one before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--model", metavar="M", help="builtin, ollama/NAME or openai/NAME")
        what.add_argument("--rollback", action="store_true", help="back to the index that was retired last")
        what.add_argument("--stop", action="store_true", help="give up the index that is being built")
        what.add_argument("--drop", action="store_true", help="remove retired and failed indexes now")
        what.add_argument("--status", action="store_true", help="list the indexes and how far they are")
        parser.add_argument("--wait", action="store_true", help="until the new index answers")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            access = access_of_cli(options["tenant"])
            if options["status"]:
                self._list(access)
            elif options["drop"]:
                self.stdout.write(f"{drop_indexes(access=access)} dropped")
            elif options["stop"]:
                self.stdout.write(f"stopped building “{stop_reindex(access=access).model}”")
            else:
                self._change(access, options)
        except DocentError as error:
            raise CommandError(error.detail) from error

    def _change(self, access: Access, options: dict[str, Any]) -> None:
        index = (
            take_back(access=access)
            if options["rollback"]
            else start_reindex(access=access, model=options["model"])
        )
        if options["wait"]:
            index = self._wait(access, index.id)
        if index.status == _STATUS.FAILED:
            raise CommandError(f"“{index.model}” failed: {index.error_detail} The present index still answers.")
        if index.status == _STATUS.ACTIVE:
            self.stdout.write(f"“{index.model}” answers now: {index.total} passages")
        else:
            self.stdout.write(f"building “{index.model}”: {index.total} passages; --status shows how far it is")

    def _list(self, access: Access) -> None:
        with tenant_atomic(access.tenant_id):
            indexes = list(EmbeddingIndex.objects.order_by("created_at"))
        for index in indexes:
            share = f"{index.embedded}/{index.total} passages" if index.status == _STATUS.BUILDING else ""
            parts = (index.model, f"{index.dimensions} dimensions", index.status, share, index.error_detail)
            self.stdout.write(", ".join(filter(None, parts)))

    def _wait(self, access: Access, index_id: UUID) -> EmbeddingIndex:
        """Until it answers or has failed; does the work where no worker takes it."""
        started = time.monotonic()
        while True:
            with tenant_atomic(access.tenant_id):
                index: EmbeddingIndex | None = EmbeddingIndex.objects.filter(id=index_id).first()
            if index is None:
                raise CommandError("The index was dropped.")
            self._show(index)
            if index.status != _STATUS.BUILDING:
                return index
            if time.monotonic() - started > _PATIENCE_SECONDS:
                _help(access, index_id)
            time.sleep(0.2)

    def _show(self, index: EmbeddingIndex) -> None:
        """One line that is drawn over."""
        if not sys.stderr.isatty():
            return
        is_done = index.status != _STATUS.BUILDING
        share = 1.0 if is_done else index.embedded / max(1, index.total)
        bar = "█" * round(share * 30)
        end = "\n" if is_done else ""
        line = f"\r{bar:░<30} {share:4.0%}  {index.embedded}/{index.total} passages"
        self.stderr.write(line, ending=end)


def _help(access: Access, index_id: UUID) -> None:
    """Run the job, on a thread so that its progress is seen, unless some worker holds it."""
    with tenant_atomic(access.tenant_id):
        jobs = Job.objects.filter(kind=REINDEX, target_id=index_id, lease_id=None, dead_at=None)
        job_id = jobs.values_list("id", flat=True).first()
    if job_id is not None:
        # A second thread finds the job taken, and ends.
        Thread(target=_run, args=[job_id], daemon=True).start()


def _run(job_id: UUID) -> None:
    try:
        run_job(job_id)
    finally:
        connections.close_all()
