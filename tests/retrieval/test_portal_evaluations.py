"""Settings: evaluations as forms and pages, for admins of this organisation alone."""

from __future__ import annotations

from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from retrieval.models import EvaluationRun, Question, QuestionSet
from tenants.db import tenant_atomic
from tests.factories import work_off
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
PAGE = "/o/acme/settings/evaluations/"
LINES = b'{"question": "Where are the bicycles?", "document": "note.txt", "pages": [1]}\n{"question": "Who?"}'


def get(person: Person, url: str, status: int = 200) -> str:
    answer = person.client.get(url, headers=BROWSER)
    assert answer.status_code == status, answer.content
    return unescape(answer.content.decode())


def post(person: Person, url: str, **form: Any) -> Any:
    return person.client.post(url, form, headers=BROWSER)


def upload(person: Person, content: bytes = LINES, **form: Any) -> Any:
    return post(person, f"{PAGE}sets/", file=SimpleUploadedFile("exam.jsonl", content), **form)


def asked_set(person: Person) -> str:
    """The address of a set that was asked once."""
    person.api.upload(("note.txt", b"Bicycles are kept in the yard behind the mill."))
    work_off(person)
    address = str(upload(person)["Location"])
    post(person, f"{address}run/")
    work_off(person)
    return address


def run_of(person: Person) -> str:
    with tenant_atomic(person.access.tenant_id):
        run = EvaluationRun.objects.latest("created_at")
    return f"{PAGE}runs/{run.id}/"


def test_a_file_becomes_a_set_and_wrong_lines_are_said_on_the_page(alice: Person) -> None:
    assert "There are no question sets yet." in get(alice, PAGE)
    assert upload(alice, b'{"question": "Who?"}\nnothing', name="Exam")["Location"] == PAGE
    assert "Line 2: this is not JSON." in get(alice, PAGE)
    assert post(alice, f"{PAGE}sets/", name="Exam")["Location"] == PAGE
    assert "Choose a file of questions." in get(alice, PAGE)
    made = upload(alice)
    page = get(alice, made["Location"])
    assert ("exam" in page, "2 questions, 2 of which" in page, "It has not been asked yet." in page) == (True,) * 3
    assert "Where are the bicycles?" in page


def test_figures_matrix_results_and_what_was_found(alice: Person) -> None:
    address = asked_set(alice)
    page = get(alice, address)
    assert "Right page among the first 10" in page
    assert "data-running" not in page
    run = get(alice, run_of(alice))
    for words in ("Right page at place 1", "Answered", "Embedding model builtin", "1.00 to 1.00"):
        assert words in run
    assert 'style="' not in run, "the content security policy would drop it"
    wrong = get(alice, run_of(alice) + "?show=wrong")
    assert ("Where are the bicycles?" in wrong, "Wrongly refused" in wrong) == (False, True)
    assert get(alice, run_of(alice) + "?page=nonsense")


def test_what_is_under_way_shows_how_far_it_is_and_stops(alice: Person) -> None:
    address = asked_set(alice)
    post(alice, f"{address}run/", mode="lexical")
    page = get(alice, address)
    assert ("0 of 2 asked" in page, "data-running" in page) == (True, True)
    assert post(alice, f"{address}run/")["Location"] == PAGE
    assert "This set is being asked already." in get(alice, PAGE)
    post(alice, f"{run_of(alice)}cancel/")
    assert "Stopped" in get(alice, address)
    post(alice, f"{run_of(alice)}delete/")
    assert "Stopped" not in get(alice, address)


def test_comparing_accepting_and_the_gate(alice: Person) -> None:
    address = asked_set(alice)
    first = run_of(alice)
    post(alice, f"{address}run/")
    work_off(alice)
    second = run_of(alice)
    before = first.removeprefix(f"{PAGE}runs/").strip("/")
    page = get(alice, f"{second}comparison/?before={before}")
    assert ("over 2 questions" in page, "Same" in page, "Got better (0)" in page) == (True,) * 3
    assert "Both had the same settings and questions" in page
    assert alice.client.get(f"{second}comparison/?before=x", headers=BROWSER).status_code == 400
    assert alice.client.get(f"{second}comparison/?before={uuid4()}", headers=BROWSER).status_code == 400
    post(alice, f"{address}gate/", is_gate="on", **{"page_hit@10": "0,6", "page_mrr": ""})
    with tenant_atomic(alice.access.tenant_id):
        question_set = QuestionSet.objects.get()
        assert (question_set.is_gate, question_set.minimums) == (True, {"page_hit@10": 0.6})
    post(alice, f"{address}gate/", is_gate="on", **{"page_hit@10": "much"})
    assert "A minimum is a number between 0 and 1." in get(alice, PAGE)
    post(alice, f"{first}accept/")
    assert "Accepted" in get(alice, address)


def test_questions_and_sets_are_renamed_and_deleted(alice: Person) -> None:
    address = str(upload(alice)["Location"])
    post(alice, f"{address}change/", name="Bicycles")
    assert '<h2 class="set-name">Bicycles</h2>' in get(alice, address)
    with tenant_atomic(alice.access.tenant_id):
        question = Question.objects.get(number=1)
    post(alice, f"{address}questions/{question.id}/delete/")
    assert "Where are the bicycles?" not in get(alice, address)
    assert post(alice, f"{address}delete/")["Location"] == PAGE
    get(alice, address, 404)


def test_admins_alone(alice: Person, adam: Person, bob: Person, charlie: Person) -> None:
    address = asked_set(adam)
    run = run_of(adam)
    for url in (PAGE, address, run):
        assert get(alice, url)
        get(bob, url, 403)
        get(charlie, url, 404)
        assert alice.client.get(url.replace("/o/acme/", "/o/globex/"), headers=BROWSER).status_code == 404
    for url in (address, run):
        get(charlie, url.replace("/o/acme/", "/o/globex/"), 404)
    assert [post(bob, f"{address}run/").status_code, upload(bob).status_code] == [403, 403]
    assert "Evaluation" not in get(bob, "/o/acme/settings/members/")
