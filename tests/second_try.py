"""Try once more, alone, the few tests of a whole run that failed: `python -m tests.second_try CODE OF PYTEST`.

Tests here drive browsers, kill servers and wait for processes, three at a time on two cores. One that fails in
such a run and passes alone depends on what ran beside it: that is a fault to be mended, of the test or of Docent,
and the run that showed it says so at its end, but it holds back no change that has nothing to do with it. What
guards the wall between organisations has no second try: a leak seen once is a leak. ADR 49.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
AT_MOST = 3
NEVER = ("tests/isolation/", "tests/security/", "tests/architecture/")
# https://docs.pytest.org/en/stable/reference/exit-codes.html: some failed; everything else is no test's failure.
TESTS_FAILED = 1


def may_try(code: int, failed: Collection[str]) -> bool:
    """Whether these are few enough, and none of them one for which once is enough."""
    few = 0 < len(failed) <= AT_MOST
    return code == TESTS_FAILED and few and not any(one.startswith(NEVER) for one in failed)


def main(code: int) -> int:
    """Returns the code to end with; the first run's own where nothing is tried."""
    failed = sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []
    if not may_try(code, failed):
        return code
    sys.stdout.write(f"\nTried once more, alone: {', '.join(failed)}\n")
    sys.stdout.flush()
    again = subprocess.run([sys.executable, "-m", "pytest", *failed], check=False).returncode
    if again == 0:
        sys.stdout.write(f"\nFAILED AMONG OTHERS, PASSED ALONE, to be mended: {', '.join(failed)}\n")
    return again


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
