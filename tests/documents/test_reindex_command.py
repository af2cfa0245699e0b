"""`manage.py reindex`: what it does and says."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.documents.indexed import (
    MANY,
    NEW,
    OLD,
    expected_hits,
    found,
    indexes_of,
    reindex_job,
    run_reindex,
    stocked,
)
from tests.people import Person
from tests.standins.ollama import OllamaStandIn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("models")]


def said(**options: Any) -> str:
    output = io.StringIO()
    call_command("reindex", tenant="acme", stdout=output, stderr=output, **options)
    return output.getvalue()


def test_it_waits_and_works_itself_where_no_worker_does(alice: Person, acme_texts: list[str]) -> None:
    assert said(model=NEW, wait=True) == f"“{NEW}” answers now: 40 passages\n"
    assert found(alice) == expected_hits(acme_texts, NEW, 20, top_k=5)
    assert said(rollback=True) == f"“{OLD}” answers now: 40 passages\n"
    assert said(drop=True) == "1 dropped\n"
    assert said(status=True) == f"{OLD}, 12 dimensions, active\n"


def test_it_leaves_the_work_to_workers_and_shows_how_far_it_is(alice: Person, acme_texts: list[str]) -> None:
    assert said(model=NEW) == f"building “{NEW}”: 40 passages; --status shows how far it is\n"
    assert said(status=True).splitlines() == [
        f"{OLD}, 12 dimensions, active",
        f"{NEW}, 20 dimensions, building, 0/40 passages",
    ]
    with pytest.raises(CommandError, match=f"An index with “{NEW}” is being built already"):
        said(model=OLD)
    assert said(stop=True) == f"stopped building “{NEW}”\n"
    assert said(status=True).splitlines()[1] == f"{NEW}, 20 dimensions, failed, Building was stopped."
    assert reindex_job() is None


def test_F24_what_goes_wrong_is_said_and_changes_nothing(
    alice: Person, acme_texts: list[str], models: OllamaStandIn
) -> None:
    with pytest.raises(CommandError, match="does not have the embedding model"):
        said(model="ollama/absent", wait=True)
    with pytest.raises(CommandError, match="There is no earlier index"):
        said(rollback=True)
    said(model=NEW)
    run_reindex()
    stocked(alice, "later.txt", MANY[:5])
    said(rollback=True)
    del models.dimensions["old-embed"]
    with pytest.raises(CommandError):
        said(rollback=True)
    run_reindex()
    assert indexes_of(alice) == {OLD: "failed", NEW: "active"}
    with pytest.raises(CommandError, match="There is no earlier index"):
        said(rollback=True)
