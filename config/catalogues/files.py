"""Catalogues as files: `.po` for people who translate, `.mo` for the programs, both kept with the sources.

What is compiled is committed too: whoever runs Docent from a clone has no compiler of catalogues, and needs none.
"""

from copy import deepcopy
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from config.catalogues.isolated import isolate_catalogue

_HEADER = "# Docent's sentences in {language}. Taken from the sources and merged by `make messages`.\n#"
_DATED = (
    '"Generated-By',
    '"Language-Team',
    '"Last-Translator',
    '"PO-Revision-Date',
    '"POT-Creation-Date',
    '"Project-Id',
    '"Report-Msgid',
)


def po_path(root: Path, locale: str) -> Path:
    return root / locale / "LC_MESSAGES" / "django.po"


def read_catalogue(path: Path, locale: str) -> Catalog:
    """The catalogue in a file; an empty one where there is none."""
    if not path.exists():
        return Catalog(locale=locale, project="Docent", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def write_catalogue(path: Path, catalogue: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_po(catalogue))


def as_po(catalogue: Catalog) -> bytes:
    """By their sentences, without dates: what has not changed is written as before."""
    name = catalogue.locale.english_name if catalogue.locale else "English"
    catalogue.header_comment = _HEADER.format(language=name)
    written = BytesIO()
    write_po(written, catalogue, width=110, sort_output=True, ignore_obsolete=True, omit_header=False)
    kept = (line for line in written.getvalue().decode().splitlines() if not _is_dated(line))
    return ("\n".join(kept) + "\n").encode()


def _is_dated(line: str) -> bool:
    """The header's fields that say when, by whom and with what; it has them in quotes."""
    return line.startswith(_DATED)


def compile_catalogue(catalogue: Catalog) -> bytes:
    """What Django reads: the bytes of the `.mo` file. Sentences that are only guessed are left out."""
    compiled, written = deepcopy(catalogue), BytesIO()
    # The header has both; what is compiled from the same sentences is to be the same.
    compiled.creation_date = compiled.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    isolate_catalogue(compiled)
    write_mo(written, compiled)
    return written.getvalue()
