"""Answers without a model out of tables: readable, and cited with the source's own words."""

from __future__ import annotations

import pytest

from tests.conversations.doors import Api, by_rest
from tests.factories import document_of, ready
from tests.people import Person
from tests.processes import LiveServer, Running

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "| Port | Depth | Berths |"
ROWS = ("| Narvik | 13 metres | 4 |", "| Bergen | 11 metres | 2 |")
TABLE = "\n".join(["# Harbours", "", HEAD, "| --- | --- | --- |", *ROWS, ""])


def test_a_row_is_shown_by_its_cells_and_cited_as_it_stands(
    alice: Person, worker: Running, live_server: LiveServer
) -> None:
    document = ready(alice, "harbours.md", TABLE.encode())["id"]
    told = by_rest(Api(live_server, alice), "How deep is the port of Bergen?")

    assert "Port: Bergen · Depth: 11 metres · Berths: 2 [1]" in told.message["content"]
    assert "| Bergen" not in told.message["content"]
    [citation] = told.message["citations"]
    assert document_of(alice, document)["pages"] == 1
    page = alice.api.get(f"/api/v1/documents/{document}/pages/1/").json()
    assert page["text"][citation["start"] : citation["end"]] == citation["quote"]
    assert citation["quote"].startswith(HEAD)
    assert citation["quote"].endswith(ROWS[1])
