"""A folder with everything below it, as files of any operating system may call it."""

import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePath
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from documents.sources.base import KEPT, Item, Look, SourceError, Unseen, short_key

_IN_MEMORY = 1024 * 1024
# File systems count time in steps: two changes of a file this young may look the same.
_YOUNG_NANOSECONDS = 2 * 10**9


class FolderSource:
    """Regular files below `root`; hidden ones and links that lead out of it are not there.

    `max_bytes` is the size of what `open` gives at most.
    """

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        """Remember where to look."""
        self._root, self._max_bytes = root, max_bytes

    def look(self, known: Mapping[str, str]) -> Look:
        """All files, folder by folder. Raises `SourceError` if the folder itself cannot be read."""
        try:
            real = self._root.resolve(strict=True)
            os.scandir(real).close()
        except OSError as error:
            raise SourceError(
                "folder_unreadable", f"The folder cannot be read ({error.strerror}). Nothing was changed."
            ) from error
        look = Look([])
        for path in _walk(real, look.unseen):
            look.items.append(self._item(real, path))
        return look

    def _item(self, real: Path, path: Path) -> Item:
        try:
            marker = _marker(path.stat())
        except OSError:
            marker = ""  # gone or forbidden: opening it says so
        name = os.fsencode(path.name).decode("utf-8", "replace")
        return Item(_key(path.relative_to(real)), name, marker, partial(self._copy, real, path))

    def _copy(self, real: Path, path: Path) -> BinaryIO:
        """The file as it is at one moment."""
        with _opened(real, path) as file:
            before = os.fstat(file.fileno())
            if before.st_size > self._max_bytes:
                raise SourceError(
                    "file_too_large", f"The file is larger than {self._max_bytes // 2**20} MB. Split it."
                )
            with ExitStack() as unless_returned:
                copy = cast("BinaryIO", unless_returned.enter_context(SpooledTemporaryFile(max_size=_IN_MEMORY)))
                copyfileobj(file, copy)
                if _state(os.fstat(file.fileno())) != _state(before) or copy.tell() != before.st_size:
                    raise SourceError(
                        "changed_while_read", "The file was written while it was read. It is taken next time."
                    )
                unless_returned.pop_all()
        copy.seek(0)
        return copy


def _walk(real: Path, unseen: list[Unseen]) -> Iterator[Path]:
    """The paths of all files; without recursion, for folders nest deeper than calls may."""
    waiting = [real]
    while waiting:
        folder = waiting.pop()
        try:
            folders, files = _listed(real, folder)
        except OSError as error:
            prefix = "" if folder == real else f"{_text(folder.relative_to(real))}/"[:KEPT]
            unseen.append(Unseen(prefix, f"The folder cannot be read ({error.strerror})."))
            continue
        yield from files
        waiting += reversed(folders)


def _listed(real: Path, folder: Path) -> tuple[list[Path], list[Path]]:
    """Folders and files in it, by name. Raises `OSError` if what something is cannot be told, too."""
    folders, files = [], []
    with os.scandir(folder) as found:
        for entry in sorted((one for one in found if not _is_hidden(one.name)), key=lambda one: one.name):
            path = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry.is_file(follow_symlinks=False) or (entry.is_symlink() and _stands_for_hidden(real, path)):
                files.append(path)
    return folders, files


def _stands_for_hidden(real: Path, link: Path) -> bool:
    """Whether a link shows a hidden file of the folder, as mounted configurations do; others are seen anyway."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # it leads nowhere, or round in a circle
        return False
    inside = target.is_relative_to(real) and target.is_file()
    return inside and any(map(_is_hidden, target.relative_to(real).parts))


def _opened(real: Path, path: Path) -> BinaryIO:
    """The file itself, if it is one and still stands below the folder: what it was when listed is no proof."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    place = Path(f"/proc/self/fd/{descriptor}").readlink()
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or not place.is_relative_to(real):
        file.close()
        raise SourceError("not_a_file", "This is no file of the folder any more.")
    return file


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$"))  # the second kind is Office's, while a file is open


def _state(found: os.stat_result) -> tuple[int, ...]:
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _marker(found: os.stat_result) -> str:
    if time.time_ns() - found.st_ctime_ns < _YOUNG_NANOSECONDS:
        return ""
    return "-".join(map(str, _state(found)))


def _key(path: PurePath) -> str:
    """The path as text, another for every other path: bytes that are no text are written as `\\xff`."""
    return short_key(_text(path))


def _text(path: PurePath) -> str:
    return os.fsencode(path).replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
