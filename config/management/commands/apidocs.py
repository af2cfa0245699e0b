"""Writes `docs/api.md` from the OpenAPI schema."""

from typing import Any

from django.core.management.base import BaseCommand

from config.apidocs import TARGET, written


class Command(BaseCommand):
    help = "Write docs/api.md from the OpenAPI schema."

    def handle(self, *args: Any, **options: Any) -> None:
        text = written()
        TARGET.write_text(text, encoding="utf-8")
        self.stdout.write(f"{TARGET}: {text.count('```sh')} operations.")
