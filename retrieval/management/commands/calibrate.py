"""`manage.py calibrate QUESTIONS.jsonl --tenant S --collection C [--max-wrong-refusals N] [--apply]`."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from documents.models import EmbeddingIndex
from providers.errors import ProviderError
from retrieval.evaluation.asking import Plan, verdict_of
from retrieval.evaluation.calibration import Judged, calibrate
from retrieval.evaluation.words import matrix_lines
from retrieval.management.commands.evaluate import cases_in, drawn, place_of
from retrieval.selectors import threshold_of
from retrieval.services.thresholds import reset_threshold, set_threshold
from retrieval.types import Scope
from tenants.access import Access, access_of_cli
from tenants.db import tenant_atomic
from tenants.errors import DocentError


class Command(BaseCommand):
    help = "Choose how sure an answer must be from questions of which some cannot be answered."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("questions", nargs="?", type=Path, metavar="QUESTIONS.jsonl")
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--collection", help="slug or name; everything without")
        parser.add_argument(
            "--max-wrong-refusals", type=int, metavar="N", help="of questions that can be answered"
        )
        parser.add_argument("--apply", action="store_true", help="keep the threshold for the index that answers")
        parser.add_argument("--reset", action="store_true", help="back to the built-in threshold")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["questions"] is None) is not options["reset"]:
            raise CommandError("Name a file of questions, or --reset without one.")
        try:
            access = access_of_cli(options["tenant"])
            collection, index = place_of(access, options["collection"])
            if options["reset"]:
                is_changed = reset_threshold(access=access, index=index)
                self.stdout.write("The built-in threshold holds" + (" again." if is_changed else " already."))
                return
            scope = Scope(collections=(collection.id,) if collection else None)
            self._calibrate(access, index, Plan(access=access, index=index, scope=scope), options)
        except DocentError as error:
            raise CommandError("\n".join([one.detail for one in error.errors] or [error.detail])) from error
        except ProviderError as error:
            raise CommandError(error.detail) from error

    def _calibrate(self, access: Access, index: EmbeddingIndex, plan: Plan, options: dict[str, Any]) -> None:
        cases = cases_in(options["questions"])
        if len({case.is_answerable for case in cases}) == 1:
            raise CommandError("Both kinds are needed: questions that can be answered, and some that cannot.")
        judged = [
            Judged(case.is_answerable, verdict_of(plan, case.text).score) for case in drawn(cases, self.stderr)
        ]
        with tenant_atomic(access.tenant_id):
            present = threshold_of(index.id)
        found = calibrate(judged, present=present, max_wrong_refusals=options["max_wrong_refusals"])
        if options["apply"]:
            set_threshold(access=access, index=index, found=found, questions=len(cases))
        if options["json"]:
            numbers = {"present": present, **asdict(found), "questions": len(cases), "applied": options["apply"]}
            self.stdout.write(json.dumps(numbers, indent=2))
            return
        self.stdout.write(
            f"{len(cases)} questions of “{index.model}”; an answerable one scores higher: {found.auc:.3f}"
        )
        for words, threshold, matrix in (("Now", present, found.before), ("Then", found.threshold, found.after)):
            self.stdout.write(f"{words}, with the threshold {threshold:.4f}:")
            self.stdout.write("\n".join(matrix_lines(matrix)))
        self.stdout.write("Applied." if options["apply"] else "Nothing was changed: add --apply to keep it.")
