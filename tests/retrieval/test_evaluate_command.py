"""`manage.py evaluate` and `manage.py calibrate`, on a document that a real worker indexed."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from documents.selectors import find_active_index
from retrieval.models import EvaluationRun, Question, Sufficiency
from retrieval.selectors import threshold_of
from retrieval.services.question_sets import set_gate
from retrieval.sufficiency import THRESHOLD
from tenants.db import tenant_atomic
from tenants.models import AuditEvent, UsageDay
from tests.factories import ready
from tests.people import Person
from tests.processes import Running
from tests.retrieval.questions import QUESTIONS, written
from tests.shelving import shelved

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]


def printed(*arguments: Any) -> str:
    output = StringIO()
    call_command(*map(str, arguments), stdout=output, stderr=StringIO())
    return output.getvalue()


def refused(*arguments: Any) -> str:
    with pytest.raises(CommandError) as caught:
        printed(*arguments)
    return str(caught.value)


def evaluated(*arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed("evaluate", *arguments, "--tenant", "acme", "--json"))
    return found


def test_figures_of_search_answers_and_refusals(alice: Person, tmp_path: Path) -> None:
    document = shelved(alice)
    found = evaluated(written(tmp_path))
    assert {name: one["value"] for name, one in found["figures"].items()} == {
        **{f"{what}_hit@{depth}": 1.0 for what in ("document", "page") for depth in (1, 3, 5, 10)},
        "document_mrr": 1.0,
        "page_mrr": 1.0,
        "page_ndcg@10": found["figures"]["page_ndcg@10"]["value"],
        "citation_precision": 1.0,
        "answers_citing_gold": 1.0,
        "refusal_accuracy": 1.0,
    }
    # Of the two pages that the third one names there is one.
    assert found["figures"]["page_ndcg@10"]["value"] == pytest.approx((2 + 1 / 1.63093) / 3, abs=1e-3)
    assert found["refusal"] == {"answered": 3, "wrongly_refused": 0, "wrongly_answered": 0, "refused": 1}
    counted = {name: found[name] for name in ("questions", "answerable", "unanswerable", "failed", "k", "mode")}
    assert counted == {
        "questions": 4, "answerable": 3, "unanswerable": 1, "failed": 0, "k": 10, "mode": "hybrid",
    }  # fmt: skip
    assert (found["embedding_model"], found["chat_model"]) == ("builtin", "extractive")
    assert [one["id"] for one in found["results"]] == [one["id"] for one in QUESTIONS]
    first = found["results"][0]
    assert (first["document_rank"], first["page_ranks"], first["is_refused"]) == (1, [1], False)
    assert {(place["document"], place["page"]) for place in first["citations"]} == {(document["id"], 1)}
    assert first["found"][0]["page"] == 1
    with tenant_atomic(alice.access.tenant_id):
        assert not EvaluationRun.objects.exists(), "nothing is kept unless asked for"
        assert not UsageDay.objects.filter(questions__gt=0).exists()


def test_people_read_figures_a_matrix_and_each_question(alice: Person, tmp_path: Path) -> None:
    shelved(alice)
    lines = printed("evaluate", written(tmp_path), "--tenant", "acme", "--verbose", "-k", "3").splitlines()
    assert lines[0] == "document  page answer             cited  question"
    assert lines[1].split()[:4] == ["1", "1", "answered", "1/1"]
    assert lines[4].split()[:4] == ["-", "-", "refused", "-"]
    assert lines[5] == "4 questions (1 unanswerable), hybrid search with builtin, answers by extractive"
    [hit] = [line for line in lines if line.startswith("page_hit@3")]
    assert hit.split() == ["page_hit@3", "1.000", "(1.000", "to", "1.000,", "3", "questions)"]
    assert [line.split()[-2:] for line in lines[-3:]] == [["answered", "refused"], ["3", "0"], ["0", "1"]]
    assert not [line for line in lines if "@5" in line]


def test_only_the_collection_is_asked_and_search_alone_if_wished(alice: Person, tmp_path: Path) -> None:
    shelved(alice)
    alice.api.post("/api/v1/collections/", {"name": "Empty"})
    nothing = evaluated(written(tmp_path), "--collection", "empty", "--no-answers", "--mode", "lexical")
    assert nothing["figures"]["document_hit@10"]["value"] == 0.0
    assert not {"citation_precision", "refusal_accuracy"} & set(nothing["figures"])
    assert (nothing["chat_model"], nothing["mode"], sum(nothing["refusal"].values())) == (None, "lexical", 0)


def test_a_name_that_no_document_has_is_said(alice: Person, charlie: Person, tmp_path: Path) -> None:
    shelved(alice)
    ready(charlie, "secrets.txt", b"The vault is opened at nine.")
    path = written(tmp_path, [{"question": "When is the vault opened?", "document": "secrets.txt", "pages": [1]}])
    warned = StringIO()
    call_command("evaluate", str(path), "--tenant", "acme", stdout=StringIO(), stderr=warned)
    assert warned.getvalue() == "No document is called secrets.txt.\n"
    found = evaluated(path, "--no-answers")
    assert found["missing_documents"] == ["secrets.txt"]
    assert found["results"][0]["document_rank"] is None, "another organisation's is none"


def test_what_cannot_be_asked_is_refused(alice: Person, tmp_path: Path) -> None:
    path = written(tmp_path)
    assert refused("evaluate", path, "--tenant", "acme") == "There is no document yet that could be asked."
    shelved(alice)
    assert refused("evaluate", path, "--tenant", "nobody").startswith("There is no tenant")
    assert refused("evaluate", path, "--tenant", "acme", "--collection", "x") == "There is no collection “x”."
    assert "cannot be read" in refused("evaluate", tmp_path / "none", "--tenant", "acme")
    assert refused("evaluate", path, "--tenant", "acme", "-k", "51") == "-k lies between 1 and 50."
    assert refused("evaluate", "--tenant", "acme") == "Name a file of questions, or --gates without one."
    path.write_text('{"question": ""}\n{')
    assert refused("evaluate", path, "--tenant", "acme").splitlines() == [
        "Line 1: it has no question.",
        "Line 2: this is not JSON. Each line holds one question as a JSON object.",
    ]


def test_a_run_is_kept_under_a_name(alice: Person, tmp_path: Path) -> None:
    shelved(alice)
    for _ in range(2):
        found = evaluated(written(tmp_path), "--save", "Handbook")
    with tenant_atomic(alice.access.tenant_id):
        first, second = EvaluationRun.objects.order_by("created_at")
        assert (first.set_id, first.fingerprint) == (second.set_id, second.fingerprint)
        assert first.numbers["figures"] == found["figures"]
        assert (first.status, first.done, first.total, first.created_by_id) == ("finished", 4, 4, alice.user.pk)
        assert list(Question.objects.order_by("number").values_list("key", flat=True)) == [
            one["id"] for one in QUESTIONS
        ]
        actions = list(AuditEvent.objects.filter(target_kind="evaluation").values_list("action", flat=True))
    assert actions == ["evaluation.started"] * 2
    other = written(tmp_path, QUESTIONS[:1])
    assert "has other questions" in refused("evaluate", other, "--tenant", "acme", "--save", "Handbook")


def test_gates_fail_the_command_that_checks_them(alice: Person, tmp_path: Path) -> None:
    shelved(alice)
    assert printed("evaluate", "--gates", "--tenant", "acme") == "No set is a gate.\n"
    evaluated(written(tmp_path), "--save", "Handbook")
    with tenant_atomic(alice.access.tenant_id):
        question_set = EvaluationRun.objects.get().set
    for least, words in ((0.9, "Handbook: passed\n"), (1.0, "Handbook: passed\n")):
        set_gate(access=alice.access, question_set=question_set, is_gate=True, minimums={"page_hit@5": least})
        assert printed("evaluate", "--gates", "--tenant", "acme") == words
    set_gate(access=alice.access, question_set=question_set, is_gate=True, minimums={"page_ndcg@10": 0.95})
    assert refused("evaluate", "--gates", "--tenant", "acme") == "1 of 1 gates failed."
    with tenant_atomic(alice.access.tenant_id):
        judged = list(EvaluationRun.objects.order_by("created_at").values_list("has_passed", "reasons"))
    assert judged[:3] == [(None, []), (True, []), (True, [])]
    assert judged[3][0] is False
    assert judged[3][1][0].startswith("page_ndcg@10 is 0.871; at least 0.950 is asked for.")


def test_calibrating_finds_a_threshold_and_keeps_it_when_told(
    alice: Person, charlie: Person, tmp_path: Path
) -> None:
    shelved(alice)
    path = written(
        tmp_path, [*QUESTIONS, {"question": "Where are the bicycles kept at night?", "answerable": False}]
    )
    arguments = ("calibrate", path, "--tenant", "acme", "--max-wrong-refusals", "0")
    said = printed(*arguments)
    assert said.endswith("Nothing was changed: add --apply to keep it.\n")
    access = alice.access
    with tenant_atomic(access.tenant_id):
        index = find_active_index()
        assert index is not None
        assert threshold_of(index.id) == THRESHOLD
    found = json.loads(printed(*arguments, "--apply", "--json"))
    assert found["applied"] is True
    assert found["after"] == {"answered": 3, "wrongly_refused": 0, "wrongly_answered": 0, "refused": 2}
    with tenant_atomic(access.tenant_id):
        assert threshold_of(index.id) == found["threshold"]
        kept = Sufficiency.objects.get()
        assert (kept.index_id, kept.questions, kept.matrix) == (index.id, 5, found["after"])
        [event] = AuditEvent.objects.filter(action="sufficiency.calibrated")
        assert event.data == {"threshold": found["threshold"], "questions": 5}
    assert evaluated(path)["refusal"] == found["after"], "answers go by it"
    assert printed("calibrate", "--reset", "--tenant", "acme") == "The built-in threshold holds again.\n"
    with tenant_atomic(access.tenant_id):
        assert threshold_of(index.id) == THRESHOLD


def test_a_threshold_that_nothing_reaches_refuses_everything(alice: Person, tmp_path: Path) -> None:
    """Answers do go by what is stored for their index."""
    shelved(alice)
    with tenant_atomic(alice.access.tenant_id):
        Sufficiency.objects.create(index=find_active_index(), threshold=0.999, questions=1, matrix={})
    found = evaluated(written(tmp_path))
    assert found["refusal"] == {"answered": 0, "wrongly_refused": 3, "wrongly_answered": 0, "refused": 1}


def test_calibrating_needs_both_kinds(alice: Person, tmp_path: Path, worker: Running) -> None:
    shelved(alice)
    path = written(tmp_path, QUESTIONS[:3])
    assert refused("calibrate", path, "--tenant", "acme").startswith("Both kinds are needed")
