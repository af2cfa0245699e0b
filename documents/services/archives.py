"""The files in a ZIP archive that arrives."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from django.conf import settings

from documents.extraction import ExtractionError, Limits, Member, unpack
from documents.services.files import AcceptedFile, IncomingFile
from tenants.errors import UnsupportedType


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """`name` is the path inside the archive. `file` raises `UnsupportedType` for one that is refused."""

    name: str
    _file: IncomingFile | ExtractionError

    @property
    def file(self) -> IncomingFile:
        if isinstance(self._file, ExtractionError):
            raise UnsupportedType(self._file.detail, code=self._file.code) from self._file
        return self._file


def members_of(archive: AcceptedFile) -> Iterator[ArchiveMember]:
    """Unpack in the sandbox; each member's content is there until the next one is asked for.

    Raises `ExtractionError` for an archive that is bad as a whole, at its beginning or on the way.
    """
    with NamedTemporaryFile() as copy:
        archive.content.seek(0)
        copyfileobj(archive.content, copy)
        copy.flush()
        found = unpack(
            Path(copy.name),
            member_size=settings.DOCENT_MAX_FILE_BYTES,
            limits=Limits(seconds=settings.DOCENT_PARSER_SECONDS),
            allow_unisolated=settings.DOCENT_ALLOW_UNISOLATED_PARSER,
        )
        with closing(found):
            for member in found:
                yield from _shown(member)


def _shown(member: Member) -> Iterator[ArchiveMember]:
    if member.error is not None:
        yield ArchiveMember(member.name, member.error)
    if member.content is None:
        return
    with member.content as content:
        size = content.seek(0, SEEK_END)
        yield ArchiveMember(member.name, IncomingFile(member.name, size, cast("BinaryIO", content)))
