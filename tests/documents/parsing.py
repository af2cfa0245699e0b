"""Running a format's reader on bytes, in this process: quick, where the sandbox is not what is tested."""

import mmap
from dataclasses import dataclass
from importlib import import_module

import pytest

from documents.extraction.formats import PARSER_MODULES, ParsedDocument, Parser
from documents.extraction.types import ExtractionError


@dataclass(frozen=True)
class Read:
    """What a reader gave: one text and one label for each page, or the code of its error after them."""

    document: ParsedDocument
    pages: list[str]
    labels: list[str]

    @property
    def text(self) -> str:
        """The pages' texts, an empty line between two."""
        return "\n\n".join(self.pages)


def mapped(contents: bytes) -> mmap.mmap:
    """The bytes as the sandbox hands a file to a reader."""
    file = mmap.mmap(-1, len(contents))
    file[:] = contents
    return file


def read(contents: bytes, media_type: str) -> Read:
    """All pages at once; raises `ExtractionError`."""
    parser: Parser = import_module(PARSER_MODULES[media_type])
    document = parser.open_document(mapped(contents))
    pages = list(document.pages)
    assert [page.progress for page in pages] == sorted(page.progress for page in pages)
    return Read(document, [page.text for page in pages], [page.label for page in pages])


def code_of(contents: bytes, media_type: str) -> str:
    """The code of the error that reading must end with; its sentence says what to do."""
    with pytest.raises(ExtractionError) as failure:
        read(contents, media_type)
    assert failure.value.detail.endswith(".")
    return failure.value.code
