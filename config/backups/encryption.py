"""A backup's file: encrypted and authenticated piece by piece, and there under its name only once it is whole.

age encrypts to a public key, so the machine that makes backups need not hold the one that reads them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from pyrage import DecryptError, IdentityError, RecipientError, decrypt_io, encrypt_io, x25519

from config.backups.errors import BackupError
from config.locks import try_lock
from tenants.files.private_files import write_private

_DRAFT = ".partial"
_DAMAGED = "{path} was altered, damaged or cut off: nothing of it can be trusted."


def own_identity(path: Path) -> x25519.Identity:
    """The key in this file, which is made when it is missing."""
    if not path.exists():
        write_private(path, f"{x25519.Identity.generate()}\n")
    return read_identity(path)


def read_identity(path: Path) -> x25519.Identity:
    """The key in a file as `age-keygen` writes it. Raises `BackupError`."""
    try:
        lines = path.read_text().splitlines()
        [line] = [one.strip() for one in lines if one.strip() and not one.startswith("#")]
        return x25519.Identity.from_str(line)
    except (OSError, ValueError, IdentityError) as error:
        raise BackupError(f"{path} is no file with one key for reading backups.") from error


def recipients_of(text: str) -> list[x25519.Recipient]:
    """Public keys, separated by commas. Raises `BackupError`."""
    try:
        return [x25519.Recipient.from_str(one.strip()) for one in text.split(",") if one.strip()]
    except RecipientError as error:
        raise BackupError("DOCENT_BACKUP_RECIPIENT must be public keys of age, like age1….") from error


@contextmanager
def encrypted(path: Path, recipients: list[x25519.Recipient]) -> Iterator[BinaryIO]:
    """What is written in the block is in the file afterwards; of a block that fails nothing is left.

    Raises `BackupError` where the file is there already or another process is writing it.
    """
    if path.exists():
        raise BackupError(f"{path} is there already.")
    with _draft_of(path) as file:
        source, sink = os.pipe()
        failures: list[Exception] = []
        pump = Thread(target=_encrypt, args=(source, file, recipients, failures), daemon=True)
        pump.start()
        try:
            with os.fdopen(sink, "wb") as stream:
                yield stream
        except BrokenPipeError:
            pass  # for the reason that the other end has
        finally:
            pump.join()
        if failures:
            raise BackupError(f"{path} cannot be written: {failures[0]}") from failures[0]
        file.flush()
        os.fsync(file.fileno())
        _draft(path).rename(path)
        _sync(path.parent)


@contextmanager
def decrypted(path: Path, identity: x25519.Identity) -> Iterator[BinaryIO]:
    """What was written into the file. Raises `BackupError`, at the latest at the end of the block.

    Each piece is authenticated before it is handed over, and that nothing is missing only at the end.
    """
    source, sink = os.pipe()
    failures: list[Exception] = []
    pump = Thread(target=_decrypt, args=(path, sink, identity, failures), daemon=True)
    pump.start()
    read_all = False
    try:
        with os.fdopen(source, "rb") as stream:
            try:
                yield stream
                read_all = not stream.read(1)
            finally:
                stream.close()
                pump.join()
    except BackupError:
        raise
    except Exception as error:
        if failures and not isinstance(failures[0], BrokenPipeError):
            raise _explained(path, failures[0]) from error
        raise
    if failures and (read_all or not isinstance(failures[0], BrokenPipeError)):
        raise _explained(path, failures[0])


def remove_drafts(folder: Path) -> int:
    """Take away what processes left that died while they wrote; returns how many files."""
    removed = 0
    for draft in folder.glob(f".*{_DRAFT}"):
        with draft.open("rb") as file:
            if try_lock(file.fileno(), fcntl.LOCK_EX):
                draft.unlink(missing_ok=True)
                removed += 1
    return removed


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}{_DRAFT}")


@contextmanager
def _draft_of(path: Path) -> Iterator[BinaryIO]:
    """The unfinished file, which is nobody else's."""
    draft = _draft(path)
    try:
        file = os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT, 0o600), "wb")
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}.") from error
    with file:
        if not try_lock(file.fileno(), fcntl.LOCK_EX):
            raise BackupError(f"{path} is being written by another process.")
        file.truncate()
        try:
            yield file
        finally:
            draft.unlink(missing_ok=True)  # of a whole one this name is gone


def _encrypt(source: int, file: BinaryIO, recipients: list[x25519.Recipient], failures: list[Exception]) -> None:
    try:
        with os.fdopen(source, "rb") as stream:
            encrypt_io(stream, file, recipients)
    except Exception as error:  # noqa: BLE001 - it is raised in the thread that waits for this one
        failures.append(error)


def _decrypt(path: Path, sink: int, identity: x25519.Identity, failures: list[Exception]) -> None:
    try:
        with suppress(BrokenPipeError), os.fdopen(sink, "wb") as stream, path.open("rb") as file:
            decrypt_io(file, stream, [identity])
    except Exception as error:  # noqa: BLE001 - it is raised in the thread that waits for this one
        failures.append(error)


def _explained(path: Path, error: Exception) -> BackupError:
    if isinstance(error, FileNotFoundError):
        return BackupError(f"There is no file {path}.")
    if isinstance(error, DecryptError) and "matching keys" in str(error):
        return BackupError(f"{path} was encrypted for another key than this one.")
    return BackupError(_DAMAGED.format(path=path))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
