"""Known faults of the packages that are locked, as `make audit` prints them.

Ends with 1 if there is a fault, and with 2 if nothing is known of a package: silence is no clean answer.
"""  # noqa: INP001 - a command

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

_COMMAND = (
    "-m", "pip_audit", "--format=json", "--disable-pip", "--require-hashes", "--progress-spinner=off",
    "--requirement",
)  # fmt: skip


def main(locks: Sequence[str]) -> int:
    """Ask about every package of the lock files. Returns the exit code."""
    packages: dict[str, Mapping[str, Any]] = {}
    for lock in locks:
        command = [sys.executable, *_COMMAND, lock]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            return _say(2, f"audit: {lock} could not be asked about:\n{done.stderr.strip()}")
        packages |= {package["name"]: package for package in answer["dependencies"]}
    faulty = {name: package["vulns"] for name, package in packages.items() if package.get("vulns")}
    unknown = sorted(name for name, package in packages.items() if "skip_reason" in package)
    for name, faults in sorted(faulty.items()):
        for fault in faults:
            mended = ", ".join(fault["fix_versions"]) or "no version yet"
            sys.stdout.write(f"{name} {packages[name]['version']}: {fault['id']}, mended in {mended}\n")
    if faulty:
        return _say(1, f"audit: {len(faulty)} of {len(packages)} packages have known faults")
    if unknown or not packages:
        count = f"{len(unknown)} of {len(packages)} packages"
        return _say(2, f"audit: nothing could be learnt about {count}: is there a network?")
    return _say(0, f"audit: no known fault in {len(packages)} packages")


def _say(code: int, words: str) -> int:
    (sys.stderr if code else sys.stdout).write(f"{words}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
