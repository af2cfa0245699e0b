"""`/evaluations/` over HTTP: sets, runs that a worker does, their results, and two beside each other."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT

from documents.models import Document
from retrieval.models import EvaluationResult, EvaluationRun, Question, QuestionSet
from retrieval.services.runs import EVALUATE
from tenants.db import tenant_atomic
from tenants.jobs.models import Job
from tenants.models import AuditEvent
from tenants.permissions import Scope
from tenants.services.tokens import create_token
from tests.config.polling import wait_for
from tests.factories import work_off
from tests.people import ApiClient, Person
from tests.processes import Running
from tests.refusals import pointers, refusal
from tests.retrieval.questions import QUESTIONS
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/evaluations/"
SETS = f"{PATH}sets/"


def made(person: Person, **changes: Any) -> dict[str, Any]:
    response = person.full_api.post(SETS, {"name": "Handbook", "questions": QUESTIONS, **changes})
    assert response.status_code == 201, response.content
    return dict(response.json())


def started(person: Person, question_set: str, **options: Any) -> dict[str, Any]:
    response = person.full_api.post(PATH, {"set": question_set, **options})
    assert response.status_code == 202, response.content
    return dict(response.json())


def read(person: Person, run: str) -> dict[str, Any]:
    return dict(person.full_api.get(f"{PATH}{run}/").json())


def finished(person: Person, question_set: str, **options: Any) -> dict[str, Any]:
    """A run that the worker has done."""
    run = started(person, question_set, **options)["id"]
    wait_for("the evaluation is over", lambda: read(person, run)["status"] not in {"queued", "running"}, within=60)
    found = read(person, run)
    assert found["status"] == "finished", found
    return found


def results(person: Person, run: str) -> list[dict[str, Any]]:
    return list(person.full_api.get(f"{PATH}{run}/results/").json()["results"])


def test_a_set_is_made_from_json_and_read_back(alice: Person, adam: Person) -> None:
    found = made(adam)
    assert {**found, "id": "", "created_at": "", "updated_at": ""} == {
        "id": "",
        "name": "Handbook",
        "collection": None,
        "questions": 4,
        "answerable": 3,
        "collects_feedback": False,
        "is_gate": False,
        "minimums": {},
        "created_by": str(adam.user.pk),
        "created_at": "",
        "updated_at": "",
    }
    assert alice.full_api.get(f"{SETS}{found['id']}/").json() == found
    listed = alice.full_api.get(f"{SETS}{found['id']}/questions/?limit=3").json()
    assert [one["key"] for one in listed["results"]] == ["holiday", "parents", "trains"]
    rest = alice.full_api.get(listed["next"]).json()["results"]
    assert [(one["key"], one["answerable"], one["pages"], one["origin"]) for one in rest] == [
        ("sugar", False, [], "uploaded")
    ]


def test_a_file_is_a_set_and_its_wrong_lines_are_named(alice: Person) -> None:
    def sent(content: bytes, **fields: Any) -> Any:
        form = {"file": SimpleUploadedFile("exam.jsonl", content), **fields}
        return alice.full_api.post(SETS, form, content_type=MULTIPART_CONTENT)

    good = sent("\n".join(map(json.dumps, QUESTIONS)).encode())
    assert (good.status_code, good.json()["name"], good.json()["questions"]) == (201, "exam", 4)
    wrong = sent(b'{"question": "Who?"}\n{"question": ""}\nnothing', name="Other")
    assert pointers(wrong) == [("/lines/2/question", "invalid"), ("/lines/3", "invalid")]
    assert pointers(sent(b"")) == []
    assert [one["name"] for one in alice.full_api.get(SETS).json()["results"]] == ["exam"]
    taken = alice.full_api.post(SETS, {"name": " exam ", "questions": QUESTIONS})
    assert pointers(taken) == [("/name", "taken")]


def test_questions_are_added_and_deleted_and_the_set_with_them(alice: Person) -> None:
    one = made(alice)["id"]
    more = alice.full_api.post(f"{SETS}{one}/questions/", {"questions": [{"question": "Who pays?"}]})
    assert (more.status_code, more.json()["questions"]) == (201, 5)
    last = alice.full_api.get(f"{SETS}{one}/questions/").json()["results"][-1]
    assert (last["question"], last["number"]) == ("Who pays?", 5)
    assert alice.full_api.delete(f"{SETS}{one}/questions/{last['id']}/").status_code == 204
    assert alice.full_api.get(f"{SETS}{one}/").json()["questions"] == 4
    assert alice.full_api.delete(f"{SETS}{one}/").status_code == 204
    with tenant_atomic(alice.access.tenant_id):
        assert (QuestionSet.objects.count(), Question.objects.count()) == (0, 0)
        actions = set(AuditEvent.objects.filter(target_kind="question_set").values_list("action", flat=True))
    assert actions == {"question_set.created", "question_set.changed", "question_set.deleted"}


def test_admins_alone_and_nobody_elses(alice: Person, bob: Person, charlie: Person, worker: Running) -> None:
    shelved(alice)
    one = made(alice)["id"]
    run = finished(alice, one)["id"]
    reading = create_token(access=alice.access, name="r", scopes=frozenset({Scope.DOCUMENTS_READ}))
    for path in (PATH, SETS, f"{SETS}{one}/", f"{PATH}{run}/", f"{PATH}{run}/results/"):
        for client in (bob.full_api, ApiClient(reading.value)):
            assert client.get(path).status_code == 403
        assert alice.full_api.get(path).status_code == 200
    for path in (SETS + "{}/", PATH + "{}/", PATH + "{}/results/", SETS + "{}/questions/"):
        foreign = charlie.full_api.get(path.format(run if "sets" not in path else one))
        assert refusal(foreign) == refusal(charlie.full_api.get(path.format(uuid4())))
    foreign, missing = (charlie.full_api.post(PATH, {"set": str(which)}) for which in (one, uuid4()))
    assert refusal(foreign) == refusal(missing)
    assert pointers(foreign) == [("/set", "unknown_id")]
    assert [charlie.full_api.get(path).json()["results"] for path in (PATH, SETS)] == [[], []]


def test_a_run_is_done_by_a_worker_and_says_what_was_found(alice: Person, worker: Running) -> None:
    document = shelved(alice)["id"]
    question_set = made(alice)["id"]
    run = finished(alice, question_set, k=5)
    figures = {name: one["value"] for name, one in run["numbers"]["figures"].items()}
    assert (figures["page_hit@5"], figures["refusal_accuracy"], figures["answers_citing_gold"]) == (1.0, 1.0, 1.0)
    assert run["numbers"]["refusal"] == {
        "answered": 3, "wrongly_refused": 0, "wrongly_answered": 0, "refused": 1,
    }  # fmt: skip
    assert (run["done"], run["total"], run["progress"], run["k"], run["mode"]) == (4, 4, 1.0, 5, "hybrid")
    assert (run["embedding_model"], run["chat_model"]) == ("builtin", "extractive")
    assert (run["started_by"], run["error"], run["gate"]) == (str(alice.user.pk), None, None)
    first, *_, last = results(alice, run["id"])
    assert (first["question"]["key"], first["document_rank"], first["page_rank"]) == ("holiday", 1, 1)
    assert (first["refused"], first["right"]) == (False, True)
    top = first["found"][0]
    assert (top["document"], top["name"], top["page"], top["is_right"]) == (document, "handbook.pdf", 1, True)
    assert alice.client.get("/o/" + top["url"].partition("/o/")[2]).status_code == 200
    assert f"/o/acme/d/{document}/v/1/p/1?start=" in top["url"]
    assert [one["is_right"] for one in first["citations"]] == [True]
    assert (last["refused"], last["right"], last["page_rank"]) == (True, True, None)
    with tenant_atomic(alice.access.tenant_id):
        assert not Job.objects.filter(kind=EVALUATE).exists()


def test_who_may_not_see_a_document_reads_no_name_of_it(alice: Person, worker: Running) -> None:
    """Of a token that is limited to some collections, and of a document that is gone."""
    document = shelved(alice)["id"]
    run = finished(alice, made(alice)["id"])["id"]
    other = alice.full_api.post("/api/v1/collections/", {"name": "Other"}).json()["id"]
    limited = create_token(
        access=alice.access, name="limited", scopes=frozenset({Scope.ADMIN}), collections=[UUID(other)]
    )
    seen = ApiClient(limited.value).get(f"{PATH}{run}/results/")
    assert document not in seen.content.decode()
    assert {one["name"] for result in seen.json()["results"] for one in result["found"]} == {""}
    assert document in alice.full_api.get(f"{PATH}{run}/results/").content.decode()
    assert alice.full_api.delete(f"/api/v1/documents/{document}/").status_code == 204
    first = results(alice, run)[0]
    assert (first["found"][0]["document"], first["found"][0]["url"], first["page_rank"]) == (None, None, 1)


def test_it_is_asked_where_the_set_says(alice: Person, worker: Running) -> None:
    shelved(alice)
    empty = alice.full_api.post("/api/v1/collections/", {"name": "Empty"}).json()["id"]
    question_set = made(alice, collection=empty)
    run = finished(alice, question_set["id"])
    assert run["numbers"]["figures"]["document_hit@10"]["value"] == 0.0
    assert alice.full_api.delete(f"/api/v1/collections/{empty}/").status_code == 204
    refused = alice.full_api.post(PATH, {"set": question_set["id"]})
    assert refusal(refused)[1]["code"] == "no_collection", "it is not asked of everything instead"
    changed = alice.full_api.patch(f"{SETS}{question_set['id']}/", {"collection": None})
    assert (changed.status_code, changed.json()["collection"]) == (200, None)
    assert finished(alice, question_set["id"])["numbers"]["figures"]["document_hit@10"]["value"] == 1.0


def test_what_cannot_be_asked_is_said(alice: Person) -> None:
    one = made(alice)["id"]
    assert refusal(alice.full_api.post(PATH, {"set": one}))[1]["code"] == "no_documents"
    assert pointers(alice.full_api.post(PATH, {"set": one, "k": 51})) == [("/k", "max_value")]
    assert pointers(alice.full_api.post(PATH, {"set": one, "mode": "magic"})) == [("/mode", "invalid_choice")]


def waiting_run(person: Person) -> str:
    """One whose job nobody takes."""
    person.api.upload(("note.txt", b"Bicycles are kept in the yard behind the mill."))
    work_off(person)
    return str(started(person, made(person)["id"])["id"])


def test_one_set_is_asked_once_at_a_time_and_can_be_stopped(alice: Person) -> None:
    run = waiting_run(alice)
    again = alice.full_api.post(PATH, {"set": read(alice, run)["set"]})
    assert refusal(again)[1]["code"] == "in_progress"
    [job] = alice.full_api.get("/api/v1/jobs/").json()["results"]
    assert (job["kind"], job["stage"], job["progress"]) == (EVALUATE, "asking", 0.0)
    stopped = alice.full_api.post(f"{PATH}{run}/cancel/")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "cancelled")
    assert alice.full_api.get("/api/v1/jobs/").json()["results"] == []
    assert refusal(alice.full_api.post(f"{PATH}{run}/cancel/"))[1]["code"] == "not_running"
    assert refusal(alice.full_api.post(f"{PATH}{run}/accept/"))[1]["code"] == "not_finished"
    assert alice.full_api.delete(f"{PATH}{run}/").status_code == 204
    assert alice.full_api.get(PATH).json()["results"] == []


def test_it_goes_on_with_what_was_not_asked_yet(alice: Person) -> None:
    """As after a worker that died: what has its result is not asked again."""
    run = waiting_run(alice)
    with tenant_atomic(alice.access.tenant_id):
        row = EvaluationRun.objects.get(id=run)
        first = Question.objects.get(set=row.set_id, number=1)
        stored = {
            "is_answerable": True, "names_document": True, "gold_pages": 1, "document_rank": 7, "page_ranks": [],
        }  # fmt: skip
        EvaluationResult.objects.create(run=row, question=first, number=1, row=stored)
        EvaluationRun.objects.filter(id=run).update(status="running")
    work_off(alice)
    found = read(alice, run)
    assert (found["status"], found["done"]) == ("finished", 4)
    assert [one["document_rank"] for one in results(alice, run)][:2] == [7, None]


def test_what_goes_wrong_is_said_and_can_be_tried_again(alice: Person) -> None:
    run = waiting_run(alice)
    with tenant_atomic(alice.access.tenant_id):
        index = EvaluationRun.objects.get(id=run).index
        good, index.model = index.model, "openai/nowhere"
        index.save()
    work_off(alice)
    found = read(alice, run)
    assert found["status"] == "failed"
    assert found["error"]["detail"].startswith("No server that speaks OpenAI's API")
    with tenant_atomic(alice.access.tenant_id):
        index.model = good
        index.save()
    again = started(alice, found["set"])["id"]
    work_off(alice)
    assert read(alice, again)["status"] == "finished"


def test_two_runs_are_held_against_each_other(alice: Person, worker: Running) -> None:
    handbook = shelved(alice)["id"]
    question_set = made(alice)["id"]
    before = finished(alice, question_set)
    with tenant_atomic(alice.access.tenant_id):
        Document.objects.filter(id=handbook).update(name="renamed.pdf", title="renamed.pdf")
    after = finished(alice, question_set)
    assert before["fingerprint"] == after["fingerprint"]
    found = alice.full_api.get(f"{PATH}{after['id']}/comparison/?before={before['id']}").json()
    assert (found["before"], found["after"], found["common"]) == (before["id"], after["id"], 4)
    change = found["differences"]["page_hit@10"]
    assert (change["before"], change["after"], change["value"], change["is_sure"]) == (1.0, 0.0, -1.0, True)
    assert [one["key"] for one in found["worse"]] == ["holiday", "parents", "trains"]
    assert found["better"] == []
    back = alice.full_api.get(f"{PATH}{before['id']}/comparison/?before={after['id']}").json()
    assert [one["key"] for one in back["better"]] == ["holiday", "parents", "trains"]
    assert pointers(alice.full_api.get(f"{PATH}{after['id']}/comparison/")) == [("/before", "required")]


def test_a_gate_needs_a_measure(alice: Person, worker: Running) -> None:
    shelved(alice)
    one = f"{SETS}{made(alice)['id']}/"
    assert refusal(alice.full_api.patch(one, {"is_gate": True}))[1]["code"] == "no_measure"
    for minimums, code in (({"page_hit@7": 0.5}, "unknown_figure"), ({"page_hit@5": 1.5}, "invalid")):
        [(_, said)] = pointers(alice.full_api.patch(one, {"is_gate": True, "minimums": minimums}))
        assert said == code
    changed = alice.full_api.patch(one, {"is_gate": True, "minimums": {"page_hit@5": 0.5}}).json()
    assert (changed["is_gate"], changed["minimums"]) == (True, {"page_hit@5": 0.5})
    run = finished(alice, changed["id"])["id"]
    accepted = alice.full_api.post(f"{PATH}{run}/accept/")
    assert (accepted.status_code, accepted.json()["is_accepted"]) == (200, True)
    assert alice.full_api.patch(one, {"minimums": {}}).json()["is_gate"] is True
    assert refusal(alice.full_api.delete(f"{PATH}{run}/"))[1]["code"] == "accepted"
    other = finished(alice, changed["id"])["id"]
    assert alice.full_api.post(f"{PATH}{other}/accept/").status_code == 200
    assert [one["is_accepted"] for one in alice.full_api.get(PATH).json()["results"]] == [True, False]
