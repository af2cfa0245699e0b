"""`manage.py messages [--check] [--pseudo]`."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from django.conf import settings
from django.core.management.base import BaseCommand

from config.catalogues import (
    PSEUDO,
    compile_catalogue,
    pseudo_catalogue,
    read_catalogue,
    take_messages,
    write_catalogue,
)
from config.catalogues.files import as_po, po_path


class Command(BaseCommand):
    help = (
        "Take every sentence from the sources into locale/, keep what is translated of them, and compile it. Needs"
        " Babel, which is installed with what the tests need (make messages)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a catalogue is behind")
        parser.add_argument("--pseudo", action="store_true", help="make the pseudo-language's and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        messages = take_messages(settings.BASE_DIR)
        if options["pseudo"]:
            write_pseudo(messages, settings.DOCENT_DATA / "locale")
            return
        behind = [locale for locale in _locales() if self._bring_up(locale, messages, is_check=options["check"])]
        if options["check"] and behind:
            self.stderr.write(f"Behind the sources: {', '.join(behind)}. Run: make messages")
            sys.exit(1)

    def _bring_up(self, locale: str, messages: Catalog, *, is_check: bool) -> bool:
        """Whether the catalogue was behind; it is no more, unless this is a check."""
        path = po_path(settings.LOCALE_PATHS[0], locale)
        catalogue = read_catalogue(path, locale)
        catalogue.update(messages, no_fuzzy_matching=True)
        compiled, kept = compile_catalogue(catalogue), path.with_suffix(".mo")
        is_behind = not kept.exists() or kept.read_bytes() != compiled or path.read_bytes() != as_po(catalogue)
        if is_behind and not is_check:
            write_catalogue(path, catalogue)
            kept.write_bytes(compiled)
        untranslated = [one for one in catalogue if one.id and not _is_translated(one.string)]
        self.stdout.write(f"{locale}: {len(catalogue)} sentences, {len(untranslated)} not translated")
        return is_behind


def write_pseudo(messages: Catalog, root: Path) -> None:
    """The pseudo-language's catalogue, compiled alone: it is made of the sources whenever it is needed."""
    path = po_path(root, PSEUDO).with_suffix(".mo")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(compile_catalogue(pseudo_catalogue(messages)))


def _locales() -> list[str]:
    return [code for code, _name in settings.LANGUAGES if code not in {settings.LANGUAGE_CODE, "en-xa"}]


def _is_translated(string: object) -> bool:
    return all(string) if isinstance(string, tuple | list) else bool(string)
