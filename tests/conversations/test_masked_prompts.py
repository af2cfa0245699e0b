"""What a model is told of documents in which personal data is masked."""

from __future__ import annotations

import pytest

from documents.masking import MaskingRules
from documents.models import Document
from documents.services.documents import update_document
from documents.services.masking import set_masking_policy
from tenants.db import tenant_atomic
from tests.conversations.doors import Api, by_rest
from tests.conversations.test_turns import turn
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


def test_what_is_masked_by_now_is_told_masked_when_an_answer_goes_on(
    alice: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    ready(alice, "letter.txt", LETTER.encode())
    api = Api(live_server, alice)
    ollama.script(
        Reply(text=f"One writes to {ADDRESS} ", done_reason="length"), Reply(text="on the same day [1].")
    )
    answer = by_rest(api, "Whom does one write to who loses a key of the harbour office?").message
    assert ADDRESS in str(ollama.requests)
    with tenant_atomic(alice.access.tenant_id):
        set_masking_policy(access=alice.access, rules=MaskingRules(emails=True))
    whole = turn(api, answer["id"], "continue")
    assert ADDRESS not in str(ollama.requests[-1])
    assert HIDDEN in ollama.requests[-1]["messages"][-3]["content"]
    assert ollama.requests[-1]["messages"][-2]["content"] == f"One writes to {'•' * len(ADDRESS)} "
    assert whole["content"] == f"One writes to {ADDRESS} on the same day [1]."
