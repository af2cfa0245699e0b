"""What a model is told of documents in which personal data is masked."""

from __future__ import annotations

import pytest

from documents.masking import MaskingRules
from documents.models import Document
from documents.services.documents import update_document
from documents.services.masking import set_masking_policy
from tenants.db import tenant_atomic
from tests.conversations.doors import Api, by_rest
from tests.factories import ready
from tests.people import Person
from tests.processes import LiveServer, Running
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "ann@acme.example"
LETTER = f"Whoever loses a key of the harbour office writes to {ADDRESS} on the same day."
HIDDEN = LETTER.replace(ADDRESS, "•" * len(ADDRESS))


def test_neither_passage_nor_title_nor_citation_holds_what_is_masked(
    alice: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    with tenant_atomic(alice.access.tenant_id):
        set_masking_policy(access=alice.access, rules=MaskingRules(emails=True))
    document = ready(alice, "letter.txt", LETTER.encode())["id"]
    with tenant_atomic(alice.access.tenant_id):
        found = Document.objects.get(id=document)
        update_document(access=alice.access, document=found, title=f"Letter to {ADDRESS}")
    ollama.script(Reply(text=f"“{HIDDEN}” [1]"))

    told = by_rest(Api(live_server, alice), "Whom does one write to who loses a key of the harbour office?")

    [request] = ollama.requests
    assert ADDRESS not in str(request)
    assert f'title="Letter to {"•" * len(ADDRESS)}"' in request["messages"][-1]["content"]
    [citation] = told.message["citations"]
    assert (citation["quote"], citation["title"]) == (HIDDEN, f"Letter to {ADDRESS}")
    page = alice.api.get(f"/api/v1/documents/{document}/pages/1/").json()
    assert page["text"][citation["start"] : citation["end"]] == LETTER
