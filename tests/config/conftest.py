"""State folders that the embedded servers' unprivileged account reaches, also when root runs the tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def shared_data() -> Iterator[Path]:
    """One state folder for a module's reading tests."""
    yield from _state_folder()


@pytest.fixture
def data() -> Iterator[Path]:
    """A state folder under a name with spaces and too long for a Unix socket."""
    yield from _state_folder()


def _state_folder() -> Iterator[Path]:
    top = Path(tempfile.mkdtemp(prefix="docent test "))
    top.chmod(0o755)
    yield top / ("a clone with a long name " * 4).strip() / ".docent"
    shutil.rmtree(top)
