"""`manage.py evaluate QUESTIONS.jsonl --tenant S --collection C -k 10 [--json]`; `evaluate --gates --tenant S`."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from documents.models import Collection, EmbeddingIndex
from documents.selectors import find_active_index, find_collection
from providers.errors import ProviderError
from retrieval.evaluation.asking import Examiner, Plan, missing_documents
from retrieval.evaluation.cases import Case, read_cases
from retrieval.evaluation.measures import summary
from retrieval.evaluation.rows import Row
from retrieval.evaluation.words import figure_lines, matrix_lines, table_lines
from retrieval.models import EvaluationRun, QuestionSet
from retrieval.selectors import case_of, list_questions
from retrieval.services.gates import judge_run
from retrieval.services.question_sets import create_question_set
from retrieval.services.runs import GATE_K, MAX_K, keep_run
from retrieval.types import Mode, Scope
from tenants.access import Access, access_of_cli
from tenants.db import tenant_atomic
from tenants.errors import DocentError

_BAR = 30


class Command(BaseCommand):
    help = "Ask questions whose right answers are known, and print how good the answers are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("questions", nargs="?", type=Path, metavar="QUESTIONS.jsonl")
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--collection", help="slug or name; everything without")
        parser.add_argument("-k", type=int, default=10, help=f"how many hits count, up to {MAX_K}")
        parser.add_argument("--mode", choices=[mode.value for mode in Mode], default=Mode.HYBRID.value)
        parser.add_argument("--no-answers", action="store_true", help="search only: no citations, no refusals")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
        parser.add_argument("--verbose", action="store_true", help="a line for each question too")
        parser.add_argument("--save", metavar="NAME", help="keep questions and figures, for the portal")
        parser.add_argument(
            "--gates", action="store_true", help="ask the sets that are gates; exit 1 if one fails"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["questions"] is None) is not options["gates"]:
            raise CommandError("Name a file of questions, or --gates without one.")
        if not 1 <= options["k"] <= MAX_K:
            raise CommandError(f"-k lies between 1 and {MAX_K}.")
        try:
            access = access_of_cli(options["tenant"])
            if options["gates"]:
                self._check_gates(access)
            else:
                self._evaluate(access, options)
        except (DocentError, ProviderError) as error:
            raise CommandError("\n".join(_said_of(error))) from error

    def _evaluate(self, access: Access, options: dict[str, Any]) -> None:
        cases = cases_in(options["questions"])
        collection, index = place_of(access, options["collection"])
        missing = missing_documents(access, cases)
        if missing:
            self.stderr.write(f"No document is called {', '.join(missing[:5])}{'…' if missing[5:] else ''}.")
        plan = Plan(
            access=access,
            index=index,
            scope=Scope(collections=(collection.id,) if collection else None),
            k=options["k"],
            mode=Mode(options["mode"]),
            with_answers=not options["no_answers"],
        )
        rows = list(_asked(plan, cases, self.stderr))
        numbers = {
            **summary(rows, plan.k),
            "k": plan.k,
            "mode": plan.mode.value,
            "embedding_model": index.model,
            "chat_model": next((row.model for row in rows if row.model), None),
            "missing_documents": missing,
        }
        if options["save"]:
            save(plan, options["save"], collection, cases, rows)
        if options["json"]:
            results = [{"id": case.key, **row.as_json()} for case, row in zip(cases, rows, strict=True)]
            self.stdout.write(json.dumps({**numbers, "results": results}, ensure_ascii=False, indent=2))
            return
        lines = [*(table_lines(cases, rows) if options["verbose"] else ()), *_report(numbers)]
        self.stdout.write("\n".join(lines))

    def _check_gates(self, access: Access) -> None:
        """With the settings of now: after a change of them, and before people meet it."""
        with tenant_atomic(access.tenant_id):
            gates = list(QuestionSet.objects.filter(is_gate=True).order_by("created_at", "id"))
            index = find_active_index()
        if not gates or index is None:
            self.stdout.write("No set is a gate." if not gates else "There is no document yet.")
            return
        failed = 0
        for gate in gates:
            scope = Scope(collections=(gate.collection_id,) if gate.collection_id else None)
            plan = Plan(access=access, index=index, scope=scope, k=GATE_K)
            with tenant_atomic(access.tenant_id):
                questions = {one.id: case_of(one) for one in list_questions(gate).order_by("number")}
            rows = list(_asked(plan, list(questions.values()), self.stderr))
            run = keep_run(plan=plan, question_set=gate, questions=list(questions), rows=rows)
            reasons = judge_run(access.tenant_id, run)
            failed += bool(reasons)
            self.stdout.write(f"{gate.name}: {'passed' if not reasons else 'failed'}")
            self.stdout.write("".join(f"    {reason}\n" for reason in reasons), ending="")
        if failed:
            raise CommandError(f"{failed} of {len(gates)} gates failed.")


def cases_in(path: Path) -> list[Case]:
    """The questions of a file. Raises `CommandError` for one that cannot be read."""
    try:
        return read_cases(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path} cannot be read ({error.strerror}).") from error


def place_of(access: Access, name: str | None) -> tuple[Collection | None, EmbeddingIndex]:
    """The collection named on the command line, and the index that answers. Raises `CommandError` without."""
    with tenant_atomic(access.tenant_id):
        collection = find_collection(access, name) if name is not None else None
        index = find_active_index()
    if name is not None and collection is None:
        raise CommandError(f"There is no collection “{name}”.")
    if index is None:
        raise CommandError("There is no document yet that could be asked.")
    return collection, index


def drawn(places: Sequence[Any], stream: OutputWrapper) -> Iterator[Any]:
    """The same one by one, with a bar that is drawn over where somebody looks."""
    for done, one in enumerate(places, start=1):
        yield one
        if sys.stderr.isatty():
            bar = "█" * round(done / len(places) * _BAR)
            end = "\n" if done == len(places) else ""
            stream.write(f"\r{bar:░<{_BAR}} {done / len(places):4.0%}  {done}/{len(places)} questions", ending=end)


def _asked(plan: Plan, cases: Sequence[Case], stream: OutputWrapper) -> Iterator[Row]:
    with Examiner(plan) as examiner:
        for case in drawn(cases, stream):
            yield examiner.examine(case)


def save(
    plan: Plan, name: str, collection: Collection | None, cases: Sequence[Case], rows: Sequence[Row]
) -> EvaluationRun:
    """Keep what was asked as a run of the set of that name, which is made where there is none.

    Raises `CommandError` where the name belongs to other questions.
    """
    with tenant_atomic(plan.access.tenant_id):
        question_set = QuestionSet.objects.filter(name=" ".join(name.split())).first()
        if question_set is None:
            question_set = create_question_set(access=plan.access, name=name, cases=cases, collection=collection)
        questions = list(list_questions(question_set).order_by("number"))
    if [case_of(one) for one in questions] != list(cases):
        raise CommandError(f"The set “{name}” has other questions. Choose another name.")
    ids = [one.id for one in questions]
    return keep_run(plan=plan, question_set=question_set, questions=ids, rows=rows)


def _report(numbers: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{numbers['questions']} questions ({numbers['unanswerable']} unanswerable), {numbers['mode']} search with"
        f" {numbers['embedding_model']}, answers by {numbers['chat_model'] or 'nobody'}"
    )
    yield from figure_lines(numbers)
    if any(numbers["refusal"].values()):
        yield from matrix_lines(numbers["refusal"])
    if numbers["failed"]:
        yield f"{numbers['failed']} answers failed"


def _said_of(error: DocentError | ProviderError) -> list[str]:
    """Every line that is wrong, not the first alone."""
    if isinstance(error, DocentError) and error.errors:
        return [one.detail for one in error.errors]
    return [error.detail]
