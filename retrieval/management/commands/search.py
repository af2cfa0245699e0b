"""`manage.py search "query" --tenant S [--collection C] -k 10 --json`."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from documents.selectors import find_collection
from retrieval.search import EVERYWHERE, search
from retrieval.types import Scope
from tenants.access import Access, access_of_cli
from tenants.db import tenant_atomic
from tenants.errors import DocentError


class Command(BaseCommand):
    help = "Search a tenant's documents and print the passages found."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("query")
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--collection", help="slug or name")
        parser.add_argument("-k", type=int, default=10, help="how many passages")
        parser.add_argument("--json", action="store_true", help="a JSON list on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            access = access_of_cli(options["tenant"])
            scope = scope_of(access, options["collection"])
            found = search(access, options["query"], top_k=options["k"], scope=scope)
        except DocentError as error:
            raise CommandError(error.detail) from error
        if found.by_words_alone and found.hits:
            self.stderr.write("The embedding model cannot be used just now: only words were compared.")
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
