"""The Chromium that drives pages: the one on PATH, else the one that Playwright brought."""

from __future__ import annotations

import os
import shutil
from typing import Any

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def chromium_options() -> dict[str, Any]:
    """How Playwright is to launch it."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    return {"executable_path": path, "args": [*_ARGUMENTS, *as_root]}
