"""What Docent promises for each fault, by the number that its tests carry in their names."""

from __future__ import annotations

import re
from pathlib import Path

from config.embedded import PROJECT

PROMISES = {
    1: "a worker killed while it reads: the file is over within 30 s of it, nothing twice",
    2: "all workers killed: every accepted file is finished",
    3: "a web process killed amid an upload: nothing half, the same key again makes one document",
    4: "a web process killed amid an answer: its text is kept, readers go on elsewhere",
    5: "a web process told to end: answers end within 60 s, no request fails",
    6: "a task that kills its worker: three attempts, then a reason and a retry",
    7: "the same delivered twice: one effect",
    8: "Valkey killed and wiped: nothing lost, pages poll",
    9: "Valkey restarted five times in 10 s: work goes on within 60 s",
    10: "Valkey full: it refuses loudly, chats go on",
    11: "Valkey hangs: requests take a second more at most",
    12: "PostgreSQL killed: what was acknowledged is there, requests within 10 s",
    13: "many leave at once: nobody gets another's data",
    14: "PostgreSQL hangs: 503 within 5 s, back within 5 s",
    15: "connections used up: 503 within 3 s, others are served",
    16: "another PostgreSQL writes now: writes within 10 s, none acknowledged and lost",
    17: "a lock or a statement without end: 503 after 3 and 15 s",
    18: "a model that never begins: a notice at 10 s, a failure at 60 s",
    19: "a model that falls silent: its text kept, a failure after 30 s",
    20: "a model server that fails: two retries, then left alone",
    21: "a stream cut short: never shown as complete",
    22: "an error amid a stream: shown as one",
    23: "nonsense in a stream: a failure, no crash",
    24: "a model that is gone or of other dimensions: said plainly, the index untouched",
    25: "a reader that leaves: the answer is stored; Stop within 1 s",
    26: "a reader that takes nothing: 256 kB at most, then cut",
    27: "5,000 idle sockets: open, 100 kB each",
    28: "sockets whose other end is gone: let go within 60 s",
    29: "no room for files: 507, nothing half, reading goes on",
    30: "no room for PostgreSQL: 503, nothing lost, writes when there is room",
    31: "no room for temporary files and logs: it lives",
    32: "memory runs out: the parser goes, not its worker",
    33: "a crash between commit and message: sent within 5 s",
    34: "a crash between file and row: swept, never a row without its file",
    35: "deleted while it is worked on: never comes back",
    36: "a clock that is an hour wrong: leases go by the database's",
    37: "the timetable twice or not at all: everything once",
    38: "a migration beside people: nobody waits for it long, the code of before goes on",
    39: "restored from a backup: complete, erasures replayed",
    40: "a file altered or gone: never sent, said on its document",
}
_ROWS = re.compile(r"(?<=_)F(\d+)(?=_)")
_TEST = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)


def rows_of(test: str) -> set[int]:
    """The numbers that a test's name carries."""
    return {int(number) for number in _ROWS.findall(test)}


def shown_by_file() -> dict[Path, set[str]]:
    """Of each file of tests those that show a row."""
    found = {}
    for path in sorted((PROJECT / "tests").rglob("test_*.py")):
        names = {name for name in _TEST.findall(path.read_text(encoding="utf-8")) if rows_of(name)}
        if names:
            found[path.relative_to(PROJECT)] = names
    return found
