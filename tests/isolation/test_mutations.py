"""The defences that `make mutations` takes away are where it looks for them."""

from __future__ import annotations

import pytest

from config.embedded import PROJECT
from tests.isolation.mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[one.words for one in MUTATIONS])
def test_the_defence_stands_once_in_its_file(mutation: Mutation) -> None:
    assert (PROJECT / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1
