"""How long one organisation's file takes while another has just uploaded thousands, beside the same file alone."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from bench.corpus import long_pdf
from bench.figures import Figure, report
from bench.portal import Portal, new_organisation, portal, upload

TARGET_DELAY = 2.0
_PAGES = 20
_TRIES = 3
_FILES_A_REQUEST = 100


def measure(running: Portal, count: int) -> Iterable[Figure]:
    """The delay, in units of what the file takes by itself."""
    quiet = replace(running, token=new_organisation(running, "quiet"), slug="quiet")
    idle = median(_seconds(quiet, number) for number in range(_TRIES))
    _flood(running, count)
    busy = median(_seconds(quiet, _TRIES + number) for number in range(_TRIES))
    yield Figure(
        name=f"Delay of one file of {_PAGES} pages behind {count} files of another organisation, in its own time",
        value=busy / idle - 1,
        unit="times",
        target=TARGET_DELAY,
        details={"alone, s": idle, "behind the others, s": busy, "theirs still waiting": _waiting(running)},
    )


def _seconds(running: Portal, number: int) -> float:
    """From the first byte sent to the last passage searchable; each file has bytes of its own."""
    file = long_pdf(_PAGES, seed=number)
    return upload(running, [file]).seconds


def _flood(running: Portal, count: int) -> None:
    with running.client() as client:
        for start in range(0, count, _FILES_A_REQUEST):
            notes = [
                ("files", (f"{number}.txt", f"Note {number}. ".encode() + b"The gate is open until nine. " * 60))
                for number in range(start, min(count, start + _FILES_A_REQUEST))
            ]
            client.post("/documents/", files=notes).raise_for_status()


def _waiting(running: Portal) -> float:
    with running.client() as client:
        found = client.get("/documents/", params={"status": "queued", "limit": 100}).raise_for_status().json()
    return float(len(found["results"])) if found["next"] is None else 100.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5000, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args()
    begun = time.monotonic()
    with portal() as running:
        figures = list(measure(running, options.files))
    print(f"{time.monotonic() - begun:.0f} s in all", file=sys.stderr)
    return report(figures, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
