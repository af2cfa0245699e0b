"""Compound files ([MS-CFB]): what Office wrote before it wrote ZIP, and wraps encrypted files in to this day.

Reads the directory and single streams, no more of the file than they take. Needs the standard library alone.
"""

import struct
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from documents.extraction.containers import corrupt

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_HEADER_SIZE = 512
_LAST_SECTOR = 0xFFFFFFFA  # larger numbers are marks
_STREAM, _ROOT = 2, 5
_SHIFTS = {9: 3, 12: 4}  # sector sizes 512 and 4096, by the version that has them
_MINI_SHIFT = 6
_ENTRY_SIZE = 128
_MAX_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: int
    left: int
    right: int
    child: int
    start: int
    size: int


class CompoundFile:
    """An opened compound file; `names` are those of the streams and storages at its top."""

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        """Takes what reads `size` bytes from `offset`; raises `ExtractionError` `corrupt_file`."""
        self._read = read
        header = read(0, _HEADER_SIZE)
        if len(header) < _HEADER_SIZE or not header.startswith(MAGIC):
            raise corrupt()
        version, shift = struct.unpack_from("<26xH2xH", header)
        if _SHIFTS.get(shift) != version:
            raise corrupt()
        self._sector = 1 << shift
        directory, self._cutoff, minifat = struct.unpack_from("<48xI4xII", header)
        self._fat = self._read_fat(header)
        self._minifat = array("I", self._aligned(self._chain(minifat)))
        self._entries = self._read_entries(directory)
        if not self._entries or self._entries[0].kind != _ROOT:
            raise corrupt()
        self._top = {entry.name: entry for entry in self._siblings(self._entries[0].child)}
        self._mini: bytes | None = None

    @property
    def names(self) -> frozenset[str]:
        """The streams and storages at the top."""
        return frozenset(self._top)

    def stream(self, name: str) -> bytes:
        """A stream at the top; raises `corrupt_file` where it is missing or cut off."""
        entry = self._top.get(name)
        if entry is None or entry.kind != _STREAM:
            raise corrupt()
        if entry.size >= self._cutoff:
            data = b"".join(self._chain(entry.start, entry.size))
        else:
            if self._mini is None:
                self._mini = b"".join(self._chain(self._entries[0].start))
            data = b"".join(self._mini_chain(self._mini, entry))
        if len(data) < entry.size:
            raise corrupt()
        return data[: entry.size]

    def _read_fat(self, header: bytes) -> "array[int]":
        places = list(struct.unpack_from("<109I", header, 76))
        following, count = struct.unpack_from("<68xII", header)
        for _ in range(count):
            if following >= _LAST_SECTOR:
                break
            *more, following = array("I", self._sector_at(following).ljust(self._sector, b"\xff"))
            places += more
        fat = array("I")
        for place in places:
            if place < _LAST_SECTOR:
                fat.frombytes(self._sector_at(place).ljust(self._sector, b"\xff"))
        return fat

    def _sector_at(self, number: int) -> bytes:
        return self._read((number + 1) * self._sector, self._sector)

    def _chain(self, number: int, size: int | None = None) -> Iterator[bytes]:
        """The sectors of a chain; one that bites its own tail ends."""
        left = len(self._fat) if size is None else -(-size // self._sector)
        while number < len(self._fat) and left > 0:
            yield self._sector_at(number)
            number = self._fat[number]
            left -= 1

    def _mini_chain(self, mini: bytes, entry: _Entry) -> Iterator[bytes]:
        number, left = entry.start, -(-entry.size >> _MINI_SHIFT) if entry.size else 0
        while number < len(self._minifat) and left > 0:
            yield mini[number << _MINI_SHIFT : number + 1 << _MINI_SHIFT]
            number = self._minifat[number]
            left -= 1

    def _aligned(self, sectors: Iterator[bytes]) -> bytes:
        data = b"".join(sectors)
        return data[: len(data) // 4 * 4]

    def _read_entries(self, start: int) -> list[_Entry]:
        entries: list[_Entry] = []
        for sector in self._chain(start):
            for offset in range(0, len(sector) - _ENTRY_SIZE + 1, _ENTRY_SIZE):
                name, length, kind, left, right, child, first, size = struct.unpack_from(
                    "<64sHBxIII36xIQ", sector, offset
                )
                text = name[: max(0, min(length, 64) - 2)].decode("utf-16-le", errors="replace")
                size = size & 0xFFFFFFFF if self._sector == _HEADER_SIZE else size
                entries.append(_Entry(text, kind, left, right, child, first, size))
            if len(entries) > _MAX_ENTRIES:
                raise corrupt()
        return entries

    def _siblings(self, number: int) -> Iterator[_Entry]:
        """The entries of one storage: a tree, in no order that matters."""
        waiting, seen = [number], set[int]()
        while waiting:
            number = waiting.pop()
            if number < len(self._entries) and number not in seen:
                seen.add(number)
                entry = self._entries[number]
                waiting += [entry.left, entry.right]
                yield entry
