"""A malware scanner of the operator's, asked before a file is read (OWASP ASVS 5.2.6, row U10).

`DOCENT_SCANNER` is a command; the file comes on its standard input. It ends with 0 for a clean file and with 1 for
one that must not be read, as `clamdscan -` and `clamscan -` do. Whatever else it does is no answer, and without an
answer nothing is read.
"""

import shlex
import subprocess
from pathlib import Path

from documents.extraction import ExtractionError
from documents.extraction.types import ErrorCode

REFUSED_BY_SCANNER: ErrorCode = "malware"
_CLEAN, _INFECTED = 0, 1


class ScannerFailed(Exception):
    """The scanner gave no answer; it is asked again when the job is."""


def require_clean(path: Path, *, scanner: str, seconds: float) -> None:
    """Raise `ExtractionError` for a file that the scanner refuses, `ScannerFailed` when it cannot tell."""
    try:
        with path.open("rb") as file:
            status = subprocess.run(  # noqa: S603 - the operator's own command
                shlex.split(scanner),
                stdin=file,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=seconds,
                check=False,
            ).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScannerFailed("The malware scanner does not answer.") from error
    if status == _INFECTED:
        raise ExtractionError(
            REFUSED_BY_SCANNER, "The malware scanner refuses this file. Delete it, and ask whoever sent it."
        )
    if status != _CLEAN:
        raise ScannerFailed(f"The malware scanner ended with status {status}.")
