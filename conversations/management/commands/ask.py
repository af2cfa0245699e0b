"""`manage.py ask "question" --tenant S [--collection C] [--user EMAIL]`."""

import asyncio
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from conversations.events import Failed, Finished, SourcesFound, TextAdded
from conversations.replies import runner
from conversations.replies.lease_keeper import keep
from conversations.services.conversations import create_conversation
from conversations.services.messages import Asked, ask
from documents.selectors import find_collection
from tenants.access import Access, access_of_cli
from tenants.db import tenant_atomic
from tenants.errors import DocentError


class Command(BaseCommand):
    help = "Ask a tenant's documents; the answer streams to the terminal, its sources stand under it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("question")
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--collection", help="slug or name")
        parser.add_argument("--user", metavar="EMAIL", help="who asks; the tenant's first owner by default")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            access = access_of_cli(options["tenant"], options["user"])
            with tenant_atomic(access.tenant_id):
                chosen = _collections(access, options["collection"])
                conversation = create_conversation(access=access, collections=chosen)
                asked = ask(
                    access=access,
                    conversation_id=conversation.id,
                    content=options["question"],
                    process_id=runner.PROCESS_ID,
                )
        except DocentError as error:
            raise CommandError(error.detail) from error
        asyncio.run(self._stream(access, asked))

    async def _stream(self, access: Access, asked: Asked) -> None:
        runner.start(asked)
        keeper = asyncio.create_task(keep())
        names: dict[int, str] = {}
        try:
            async for event in runner.follow(access, asked.message_id):
                match event:
                    case SourcesFound():
                        names = {item["marker"]: f"{item['name']}, page {item['page']}" for item in event.items}
                    case TextAdded():
                        self.stdout.write(event.text, ending="")
                        self.stdout.flush()
                    case Finished():
                        self._show_sources(event, names)
                    case Failed():
                        raise CommandError(event.detail)
        finally:
            keeper.cancel()
            await runner.stop_all()

    def _show_sources(self, event: Finished, names: dict[int, str]) -> None:
        self.stdout.write("")
        for citation in event.citations:
            self.stdout.write(f"\n[{citation['marker']}] {names[citation['marker']]}: {citation['url']}")
            self.stdout.write(f"    “{' '.join(citation['quote'].split())}”")


def _collections(access: Access, name: str | None) -> list[UUID]:
    if name is None:
        return []
    collection = find_collection(access, name)
    if collection is None:
        raise CommandError(f"There is no collection “{name}”.")
    return [collection.id]
