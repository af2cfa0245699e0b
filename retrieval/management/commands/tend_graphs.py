"""`manage.py tend_graphs`: what the platform process does every minute, now and to the end."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from documents.hnsw_graphs import tend_graphs
from retrieval.graph_recall import measure_graphs


class Command(BaseCommand):
    help = "Build the graphs that large organisations lack, drop those that are left over, measure the new ones."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.DOCENT_OWNER_URL:
            raise CommandError("Building graphs needs DATABASE_OWNER_URL beside DATABASE_URL.")
        graphs = tend_graphs(settings.DOCENT_OWNER_URL)
        measured = measure_graphs(graphs)
        self.stdout.write(f"{len(graphs)} graphs, {measured} measured.")
