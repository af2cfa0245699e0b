"""`manage.py ingest PATH… --tenant S --collection C [--sync]`."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, Q, Sum
from django.db.models.functions import Now

from documents.models import TERMINAL, Collection, Document, DocumentVersion, Source, Status
from documents.selectors import find_collection
from documents.services.collections import create_collection
from documents.services.files import IncomingFile
from documents.services.mirroring import SyncReport, SyncRunning, sync_source
from documents.services.processing import EMBED, READ
from documents.services.sources import FETCH, add_folder, add_web_page, under_way
from documents.services.uploads import UploadOptions, UploadResult, receive_files
from documents.sources import FolderSource, SourceError
from tenants.access import Access, access_of_cli
from tenants.db import tenant_atomic
from tenants.errors import DocentError, StorageFull, is_disk_full
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job

# A worker that lives takes a job within moments; after this the command does the work itself.
_PATIENCE_SECONDS = 2.0
_POLL_SECONDS = 0.2
# Of what is wrong with single files of a mirrored folder: the rest is a matter of what people put there.
_GRAVE = frozenset({"unreadable", "quota_exceeded"})


class Command(BaseCommand):
    help = "Add files, folders or web pages to a collection and wait until each is ready or has failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or a page's address")
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--collection", required=True, help="slug or name; made when missing")
        parser.add_argument(
            "--sync", action="store_true", help="make the collection follow the folders: add, replace, remove"
        )
        parser.add_argument(
            "--allow-empty", action="store_true", help="with --sync: a folder without files empties its collection"
        )
        parser.add_argument("--refresh-hours", type=int, metavar="N", help="look at web pages again every N hours")

    def handle(self, *args: Any, **options: Any) -> None:
        self.is_quiet = options["verbosity"] == 0
        pages = [path for path in options["paths"] if path.startswith(("http://", "https://"))]
        paths = [Path(path) for path in options["paths"] if path not in pages]
        _require_there(paths, must_be_folders=options["sync"])
        try:
            self.access = access_of_cli(options["tenant"])
            with tenant_atomic(self.access.tenant_id):
                self.collection = find_collection(self.access, options["collection"]) or create_collection(
                    access=self.access, name=options["collection"]
                )
            sound = [self._fetch(page, options["refresh_hours"]) for page in pages]
        except DocentError as error:
            raise CommandError(error.detail) from error
        if options["sync"]:
            sound += [self._sync(path, allow_empty=options["allow_empty"]) for path in paths]
        elif paths:
            sound.append(self._add(paths))
        if not all(sound):
            raise CommandError("Not everything could be added.")

    def _add(self, paths: list[Path]) -> bool:
        results = [result for file in _files(paths) for result in _receive(self.access, self.collection, *file)]
        for result in results:
            if result.error:
                self.stderr.write(f"{_shown(result.name)}: refused: {result.error.detail}")
            elif result.is_duplicate:
                self._say(f"{_shown(result.name)}: already there")
        ids = {one.document.id for one in results if one.document is not None}
        failed = self._wait(ids)
        refused = sum(one.error is not None for one in results)
        self._say(f"{len(ids) - failed} ready, {failed} failed, {refused} refused")
        return not failed and not refused

    def _fetch(self, url: str, refresh_hours: int | None) -> bool:
        source = add_web_page(access=self.access, url=url, collection=self.collection, refresh_hours=refresh_hours)
        self._work(lambda: not _is_under_way(self.access, source), [FETCH], [source.id])
        with tenant_atomic(self.access.tenant_id):
            source.refresh_from_db()
            ids = set(Document.objects.filter(source=source).values_list("id", flat=True))
        if source.error_code:
            self.stderr.write(f"{_shown(source.location)}: {source.error_detail}")
        return not self._wait(ids) and not source.error_code

    def _sync(self, folder: Path, *, allow_empty: bool) -> bool:
        source = add_folder(access=self.access, root=folder.absolute(), collection=self.collection)
        try:
            report = sync_source(access=self.access, source=source, allow_empty=allow_empty)
            failed = self._wait(report.touched)
            if report.is_unfinished:
                # What was held up by a document under way, or by one that took another's place.
                later = sync_source(access=self.access, source=source, allow_empty=allow_empty)
                failed += self._wait(later.touched)
                report = _together(report, later)
        except SyncRunning:
            self._say(f"{_shown(str(folder))}: another process is at it")
            return True
        except (SourceError, DocentError) as error:
            self.stderr.write(f"{_shown(str(folder))}: {error.detail}")
            return False
        except OSError as error:
            if not is_disk_full(error):
                raise
            self.stderr.write(f"{_shown(str(folder))}: {StorageFull().detail}")
            return False
        self._report(folder, report)
        return not failed and not any(problem.code in _GRAVE for problem in report.problems)

    def _report(self, folder: Path, report: SyncReport) -> None:
        for problem in report.problems:
            if problem.code in _GRAVE or not self.is_quiet:
                self.stderr.write(f"{_shown(problem.name)}: {problem.detail}")
        numbers = ", ".join(f"{number} {name}" for name, number in report.counts.items())
        self._say(f"{_shown(str(folder))}: {numbers}")

    def _wait(self, ids: set[UUID]) -> int:
        """Until all are done; says what failed, and returns how many that are."""
        if not ids:
            return 0
        with tenant_atomic(self.access.tenant_id):
            versions = list(DocumentVersion.objects.filter(document__in=ids).values_list("id", flat=True))
        self._work(lambda: self._are_done(ids), (READ, EMBED), versions)
        with tenant_atomic(self.access.tenant_id):
            not_ready = ~Q(status=Status.READY) | ~Q(error_code="")
            failed = list(Document.objects.filter(not_ready, id__in=ids).order_by("created_at"))
        for document in failed:
            self.stderr.write(f"{_shown(document.name)}: {document.error_detail or document.status}")
        return len(failed)

    def _work(self, is_done: Callable[[], bool], kinds: Iterable[str], targets: list[UUID]) -> None:
        """Wait for it; run what no worker takes."""
        started = time.monotonic()
        while not is_done():
            if time.monotonic() - started < _PATIENCE_SECONDS or not _run_some(kinds, targets):
                time.sleep(_POLL_SECONDS)

    def _are_done(self, ids: set[UUID]) -> bool:
        """Draws one line over: a bar, and how many are done."""
        with tenant_atomic(self.access.tenant_id):
            is_over = Q(status__in=TERMINAL)
            found = Document.objects.filter(id__in=ids).aggregate(
                known=Count("id"), done=Count("id", filter=is_over), rest=Sum("progress", filter=~is_over)
            )
        known, done = found["known"], found["done"]
        if known and sys.stderr.isatty() and not self.is_quiet:
            share = (done + (found["rest"] or 0.0)) / known
            bar = "█" * round(share * 30)
            end = "\n" if done == known else ""
            self.stderr.write(f"\r{bar:░<30} {share:4.0%}  {done}/{known} files", ending=end)
        return bool(done == known)

    def _say(self, words: str) -> None:
        if not self.is_quiet:
            self.stdout.write(words)


def _require_there(paths: list[Path], *, must_be_folders: bool) -> None:
    for path in paths:
        if must_be_folders and path.is_file():
            raise CommandError(f"Only folders can be followed with --sync; {_shown(str(path))} is a file.")
        if not must_be_folders and not path.exists():
            raise CommandError(f"There is no file or folder {_shown(str(path))}.")
        if must_be_folders and not str(path).isprintable():
            raise CommandError("Only a folder whose own path is plain text can be followed.")


def _files(paths: list[Path]) -> Iterator[tuple[str, Callable[[], BinaryIO]]]:
    """Name of each file and how to open it, those of folders without what is hidden."""
    for path in paths:
        if path.is_file():
            yield path.name, partial(_open, path)
            continue
        try:
            look = FolderSource(path, max_bytes=settings.DOCENT_MAX_FILE_BYTES).look({})
        except SourceError as error:
            raise CommandError(f"{_shown(str(path))}: {error.detail}") from error
        yield from ((item.name, item.open) for item in look.items)


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _receive(
    access: Access, collection: Collection, name: str, open_it: Callable[[], BinaryIO]
) -> list[UploadResult]:
    try:
        with open_it() as content:
            file = IncomingFile(name, content.seek(0, SEEK_END), content)
            return receive_files(access=access, files=[file], collection=collection, options=UploadOptions())
    except DocentError as error:
        return [UploadResult(name, error=error)]
    except SourceError as error:
        return [UploadResult(name, error=DocentError(error.detail, code=error.code))]
    except OSError as error:
        unreadable = DocentError(f"The file cannot be read ({error.strerror}).", code="unreadable")
        return [UploadResult(name, error=StorageFull() if is_disk_full(error) else unreadable)]


def _is_under_way(access: Access, source: Source) -> bool:
    with tenant_atomic(access.tenant_id):
        return bool(under_way([source.id]))


def _run_some(kinds: Iterable[str], targets: list[UUID]) -> bool:
    """Run the oldest job of these that no worker holds; False if there is none."""
    free = Q(lease_id=None) | Q(lease_expires_at__lt=Now())
    jobs = Job.objects.filter(free, kind__in=kinds, target_id__in=targets, dead_at=None, run_at__lte=Now())
    job_id = jobs.order_by("created_at").values_list("id", flat=True).first()
    return job_id is not None and run_job(job_id)


def _together(first: SyncReport, second: SyncReport) -> SyncReport:
    """Both looks as one: what the second one found unchanged, or refused, is what is so now."""
    return SyncReport(
        added=first.added + second.added,
        replaced=first.replaced + second.replaced,
        renamed=first.renamed + second.renamed,
        removed=first.removed + second.removed,
        unchanged=second.unchanged - (first.added + first.replaced + first.renamed),
        twins=second.twins,
        problems=second.problems,
    )


def _shown(name: str) -> str:
    """A name as a terminal may show it."""
    return "".join(one if one.isprintable() else "�" for one in name)
