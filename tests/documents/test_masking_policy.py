"""An organisation keeps personal data from search and models; who may open a document reads it as it is."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from documents.masking import MaskingRules, Pattern
from documents.models import Chunk, DocumentVersion, MaskingPolicy
from documents.selectors import hidden_titles, masked_otherwise, masking_rules
from documents.services.masking import set_masking_policy
from documents.services.processing import READ
from tenants.context import tenant_context
from tenants.db import tenant_atomic
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job
from tenants.models import AuditEvent
from tests.factories import document_of, processed, ready, uploaded, work_off
from tests.people import Person
from tests.processes import Running

pytestmark = pytest.mark.django_db(transaction=True)

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
SETTINGS = "/o/acme/settings/masking/"
LETTER = (
    "# Contact ann@acme.example\n\nWrite to ann@acme.example or call +44 20 7946 0958 about case CASE-1234.\n\n"
    "The harbour opens at nine."
)


def hide(person: Person, *patterns: Pattern, **kinds: bool) -> None:
    rules = MaskingRules(patterns=patterns, **kinds)
    with tenant_atomic(person.access.tenant_id):
        set_masking_policy(access=person.access, rules=rules)


def stored_chunks(person: Person, document: str) -> list[tuple[int, int, str, str]]:
    with tenant_atomic(person.access.tenant_id):
        found = Chunk.objects.filter(document=document).order_by("number")
        return list(found.values_list("start", "end", "heading", "text"))


def test_what_is_masked_is_in_no_passage_and_on_the_page_as_it_is(
    alice: Person, bob: Person, worker: Running
) -> None:
    hide(alice, Pattern("Case", r"CASE-\d{4}"), emails=True, phones=True)
    document = ready(bob, "letter.md", LETTER.encode())["id"]

    [(start, end, heading, text)] = stored_chunks(bob, document)
    assert heading == "Contact ••••••••••••••••"
    assert text == (
        "# Contact ••••••••••••••••\n\n"
        "Write to •••••••••••••••• or call •••••••••••••••• about case •••••••••.\n\n"
        "The harbour opens at nine."
    )
    page = bob.api.get(f"/api/v1/documents/{document}/pages/1/").json()
    assert page["text"][start - page["start"] : end - page["start"]] == LETTER
    with tenant_atomic(bob.access.tenant_id):
        version = DocumentVersion.objects.get(document=document)
        assert version.masked == {"emails": 2, "phones": 1, "Case": 1}
    for words in ("ann@acme.example", "1234", "harbour"):
        found = bob.api.post("/api/v1/search/", {"query": words, "mode": "lexical"}).json()["results"]
        assert [one["document"] for one in found] == ([document] if words == "harbour" else [])
    preview = bob.api.get(f"/api/v1/documents/{document}/chunks/?chunk_size=500").json()["results"]
    assert [one["text"] for one in preview] == [text]


def test_another_organisations_policy_hides_nothing_here(alice: Person, charlie: Person) -> None:
    hide(alice, emails=True)
    for person, rules in ((alice, MaskingRules(emails=True)), (charlie, MaskingRules())):
        with tenant_atomic(person.access.tenant_id):
            assert masking_rules() == rules


def test_titles_are_masked_for_models(alice: Person) -> None:
    hide(alice, Pattern("Endless", r"(a|aa)+$"), emails=True)
    title = "To ann@acme.example"
    endless = "a" * 200 + "!"
    with tenant_atomic(alice.access.tenant_id):
        assert hidden_titles([title, endless]) == {title: "To ••••••••••••••••", endless: "•" * 201}


def test_a_pattern_that_takes_too_long_fails_the_document_and_says_which(
    alice: Person, bob: Person, worker: Running
) -> None:
    hide(alice, Pattern("Endless", r"(a|aa)+$"))
    failed = processed(bob, uploaded(bob, "a.txt", b"Nothing " + b"a" * 2000 + b"! else.")["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "pattern_timeout")
    assert failed["error"]["detail"] == (
        "The pattern “Endless” for personal data takes too long. Make it simpler, then process the document anew."
    )
    assert stored_chunks(bob, failed["id"]) == []


def form(*patterns: tuple[str, str], **fields: str) -> dict[str, Any]:
    return {"pattern_name": [name for name, _ in patterns], "pattern": [one for _, one in patterns], **fields}


def send(person: Person, path: str, sent: dict[str, Any]) -> tuple[int, str]:
    answer = person.client.post(f"{SETTINGS}{path}", sent, headers=BROWSER)
    return answer.status_code, unescape(answer.content.decode())


def test_admins_say_what_is_hidden_and_it_is_recorded(
    adam: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    sent = form(("Case", r"CASE-\d{4}"), ("", ""), emails="on", cards="on")
    for _ in range(2):  # the second changes nothing
        assert send(adam, "change/", sent)[0] == 302
    with tenant_atomic(adam.access.tenant_id):
        expected = MaskingRules(emails=True, cards=True, patterns=(Pattern("Case", r"CASE-\d{4}"),))
        assert masking_rules() == expected
        [event] = AuditEvent.objects.filter(action="masking.changed")
        assert event.data == {"kinds": ["emails", "cards"], "patterns": 1}
    page = unescape(adam.client.get(SETTINGS).content.decode())
    assert r'value="CASE-\d{4}"' in page
    assert re.findall(r'name="(\w+)" aria-describedby="\w+-help" checked>', page) == ["emails", "cards"]
    for person, status in ((bob, 403), (dana, 403), (charlie, 404)):
        assert person.client.get(SETTINGS).status_code == status
        assert [send(person, path, sent)[0] for path in ("change/", "try/", "apply/")] == [status] * 3


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        ([("Case", "(")], "The pattern “Case” cannot be used. This is not a regular expression: missing )"),
        ([("Case", "(?:a(?R)?)")], "A pattern may not call its own groups."),
        ([("", "a")], "A pattern needs a name of at most 60 characters."),
        ([("n" * 61, "a")], "A pattern needs a name of at most 60 characters."),
        ([("Case", "")], "A pattern has 1 to 500 characters."),
        ([("Case", "a" * 501)], "A pattern has 1 to 500 characters."),
        ([("Case", "a"), ("Case", "b")], "“Case” is taken; choose another name."),
        ([("emails", "a")], "“emails” is taken; choose another name."),
        ([(f"Case {n}", "a") for n in range(21)], "There may be at most 20 patterns."),
    ],
)
def test_patterns_that_cannot_be_used_are_refused_and_stay_in_the_form(
    adam: Person, patterns: list[tuple[str, str]], said: str
) -> None:
    for path in ("change/", "try/"):
        status, page = send(adam, path, form(*patterns, phones="on"))
        assert status == 400
        assert said in page
        assert f'value="{patterns[0][1]}"' in page
        assert 'name="phones" aria-describedby="phones-help" checked>' in page
    with tenant_atomic(adam.access.tenant_id):
        assert not MaskingPolicy.objects.exists()


def test_rules_are_tried_on_a_text_and_nothing_is_kept(adam: Person) -> None:
    sent = form(("Case", r"CASE-\d+"), emails="on", text="Case CASE-7\r\nof ann@acme.example <b>")
    status, page = send(adam, "try/", sent)
    assert status == 200
    assert "Case ••••••\nof •••••••••••••••• <b></div>" in page
    assert "E-mail addresses: 1, Case: 1" in page
    assert "Nothing would be hidden." in send(adam, "try/", form(emails="on", text="Hello"))[1]
    status, page = send(adam, "try/", form(("Endless", "(a|aa)+$"), text="a" * 3000 + "!"))
    assert (status, "The pattern “Endless” takes too long even on this text." in page) == (400, True)
    assert "at most 5,000 characters" in send(adam, "try/", form(text="a" * 5001))[1]
    with tenant_atomic(adam.access.tenant_id):
        assert not MaskingPolicy.objects.exists()


def test_documents_that_were_read_before_are_read_again_and_searched_till_then(
    adam: Person, bob: Person, charlie: Person, worker: Running
) -> None:
    document = ready(bob, "letter.md", LETTER.encode())["id"]
    foreign = ready(charlie, "letter.md", LETTER.encode())
    hide(adam, emails=True)
    assert "1 document was read before this was last changed." in adam.client.get(SETTINGS).content.decode()
    assert "ann@acme.example" in stored_chunks(bob, document)[0][3]

    answer = adam.client.post(f"{SETTINGS}apply/", headers=BROWSER, follow=True)

    assert "1 document is read again." in answer.content.decode()
    assert processed(bob, document)["status"] == "ready"
    assert "ann@acme.example" not in stored_chunks(bob, document)[0][3]
    with tenant_atomic(adam.access.tenant_id):
        assert not masked_otherwise().exists()
        [event] = AuditEvent.objects.filter(action="masking.applied")
        assert event.data == {"documents": 1}
    assert document_of(charlie, foreign["id"]) == foreign
    assert (
        "0 documents are read again."
        in adam.client.post(f"{SETTINGS}apply/", headers=BROWSER, follow=True).content.decode()
    )


def test_which_documents_are_masked_otherwise_is_no_matter_of_clocks(
    adam: Person, bob: Person, charlie: Person, unsent: None
) -> None:
    """Nor of the moment: a document is known by the rules that it was read under."""
    theirs, document = (uploaded(person, "letter.md", LETTER.encode())["id"] for person in (charlie, bob))
    with tenant_context(bob.access.tenant_id):
        assert run_job(Job.objects.get(kind=READ, tenant_id=bob.access.tenant_id).id)
    hide(adam, emails=True)
    with tenant_atomic(adam.access.tenant_id):
        # As a server whose clock is slow writes it.
        MaskingPolicy.objects.update(updated_at=timezone.now() - timedelta(hours=1))
    for person in (bob, charlie):
        work_off(person)
    with tenant_atomic(adam.access.tenant_id):
        assert [str(one.id) for one in masked_otherwise()] == [document]
    hide(adam)
    with tenant_atomic(adam.access.tenant_id):
        assert not masked_otherwise().exists(), "it is masked as it should be again"
    with tenant_atomic(charlie.access.tenant_id):
        assert not masked_otherwise().exists()
    assert document_of(charlie, theirs)["status"] == "ready"


def test_a_version_that_was_read_before_is_read_again_when_it_is_taken_back(
    adam: Person, bob: Person, worker: Running
) -> None:
    document = ready(bob, "letter.md", LETTER.encode())["id"]
    url = f"/api/v1/documents/{document}/versions/"
    second = SimpleUploadedFile("second.md", b"The harbour is closed.")
    assert bob.client.post(f"/o/acme/documents/{document}/versions/", {"file": second}).status_code in {
        202,
        204,
        302,
    }
    assert processed(bob, document)["version"] == 2
    hide(adam, emails=True)
    assert bob.api.post(f"{url}1/restore/", {}).status_code in {200, 202}
    assert processed(bob, document)["version"] == 1
    assert all("ann@acme.example" not in text for _, _, _, text in stored_chunks(bob, document))
