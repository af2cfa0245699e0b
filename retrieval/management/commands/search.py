"""`manage.py search "query" --tenant S [--collection C] [--tag T] [--language L] [--after D] [--before D] -k 10`.

`--json` prints a list.
"""

import json
from argparse import ArgumentParser
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from documents.selectors import find_collection
from retrieval.search import EVERYWHERE, search
from retrieval.types import Mode, Scope
from tenants.access import Access, access_of_cli
from tenants.db import tenant_atomic
from tenants.errors import DocentError


class Command(BaseCommand):
    help = "Search a tenant's documents and print the passages found."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("query")
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--collection", help="slug or name")
        parser.add_argument(
            "--tag", action="append", help="only documents with this tag; may be repeated for any of several"
        )
        parser.add_argument(
            "--language", action="append", metavar="CODE", help="ISO 639-1, as `de`; may be repeated"
        )
        parser.add_argument("--after", metavar="DATE", help="only documents dated from this day (or time) on")
        parser.add_argument(
            "--before", metavar="DATE", help="only documents dated earlier than this day (or time)"
        )
        parser.add_argument("--mode", choices=list(Mode), default=Mode.HYBRID)
        parser.add_argument("-k", type=int, default=10, help="how many passages")
        parser.add_argument("--json", action="store_true", help="a JSON list on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            access = access_of_cli(options["tenant"])
            scope = replace(
                scope_of(access, options["collection"]),
                tags=_several(options["tag"]),
                languages=_several(options["language"]),
                after=_moment(options["after"]),
                before=_moment(options["before"]),
            )
            mode = Mode(options["mode"])
            found = search(access, options["query"], top_k=options["k"], scope=scope, mode=mode)
        except DocentError as error:
            raise CommandError(error.detail) from error
        if found.by_words_alone and found.hits:
            self.stderr.write("The embedding model cannot be used just now: only words were compared.")
        if found.reranking is not None and found.reranking.failure:
            self.stderr.write(f"{found.reranking.failure} The passages were not re-ranked.")
        if options["json"]:
            rows = [
                {
                    "document": str(hit.document),
                    "title": hit.name,
                    "version": hit.version,
                    "page": hit.page,
                    "text": hit.text,
                    "score": hit.score,
                }
                for hit in found.hits
            ]
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2))
            return
        for place, hit in enumerate(found.hits, start=1):
            self.stdout.write(f"{place:2}. {hit.name}, page {hit.page} ({hit.score:.2f})")
            self.stdout.write(f"    {' '.join(hit.text.split())[:200]}")


def scope_of(access: Access, name: str | None) -> Scope:
    """The collection named on the command line, or everything."""
    if name is None:
        return EVERYWHERE
    with tenant_atomic(access.tenant_id):
        collection = find_collection(access, name)
    if collection is None:
        raise CommandError(f"There is no collection “{name}”.")
    return Scope(collections=(collection.id,))


def _several(values: list[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values else None


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise CommandError(f"“{value}” is no date: write it as 2024-12-31, or with a time.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
