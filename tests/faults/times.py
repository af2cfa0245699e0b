"""How long faults last and what is waited for: a tenth of what is stated, or with `make faults` as stated."""

from __future__ import annotations

import os

IS_STATED = os.environ.get("FAULT_TIMES") == "stated"


def scaled(seconds: float) -> float:
    """Of a time that is stated, as long as it is in this run."""
    return seconds if IS_STATED else seconds / 10
