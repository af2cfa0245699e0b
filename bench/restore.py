"""How long a backup takes while Docent runs, and bringing everything back from it: the rehearsal's time."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.corpus import Pdf, pdfs
from bench.figures import Figure, parser, report
from bench.portal import Portal, manage, portal, upload

TARGET_BACKUP = 60.0
TARGET_RESTORE = 120.0
_ROWS = re.compile(r"(\d+) rows")


def measure(running: Portal, files: Sequence[Pdf]) -> Iterable[Figure]:
    """Upload the files, back everything up, and restore it into a place of its own."""
    upload(running, files)
    environ = {**os.environ, "DOCENT_DATA": str(running.data)}
    path = running.data / "bench.tar.age"
    began = time.perf_counter()
    manage(environ, "backup", str(path))
    backed_up = time.perf_counter() - began
    began = time.perf_counter()
    said = manage(environ, "rehearse_restore", str(path))
    restored = time.perf_counter() - began
    details = {
        "rows": float(_ROWS.findall(said)[0]),
        "pages": float(sum(file.pages for file in files)),
        "megabytes in the backup": _megabytes(path),
    }
    yield Figure(name="Backup", value=backed_up, unit="s", target=TARGET_BACKUP, details=details)
    yield Figure(name="Restore, compared and migrated", value=restored, unit="s", target=TARGET_RESTORE)


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 2**20


def main() -> int:
    options = parser(__doc__).parse_args()
    with portal() as running:
        figures = list(measure(running, pdfs(options.pdfs, options.pages)))
    return report(figures, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
