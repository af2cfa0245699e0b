"""The rules for Prometheus ask for numbers that are told, and each alert has a line that says what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from config.embedded import PROJECT
from tests.config.polling import wait_for
from tests.observing.conftest import Observed

FOLDER = PROJECT / "deploy" / "prometheus"


def _rules() -> list[dict[str, Any]]:
    read = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    assert set(read) == {"groups"}
    return [rule for group in read["groups"] for rule in group["rules"]]


def test_each_rule_is_whole() -> None:
    rules = _rules()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert {"alert", "expr", "labels", "annotations"} <= set(rule) <= {*rule, "for"}
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"].endswith(".")
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))
        assert rule["expr"].count("(") == rule["expr"].count(")")
    assert yaml.safe_load((FOLDER / "prometheus.yml").read_text())["rule_files"] == ["alerts.yml"]


@pytest.mark.django_db(transaction=True)
def test_every_number_that_is_asked_for_or_described_is_told(two_at_work: Observed) -> None:
    asked = {name for rule in _rules() for name in re.findall(r"\bdocent_\w+", rule["expr"])}
    described = _table(r"^\| `(docent_\w+)` \|")
    assert len(asked) > 10

    def missing() -> set[str]:
        return asked - {sample.name for metric in two_at_work.scrape() for sample in metric.samples}

    # Gauges are set every few seconds.
    wait_for("all are told", lambda: missing() == set())
    told = {f"{one.name}_total" if one.type == "counter" else one.name for one in two_at_work.scrape()}
    assert described == told


def test_every_alert_says_what_to_do() -> None:
    assert _table(r"^\| `(Docent\w+)` \|") == {rule["alert"] for rule in _rules()}


def _table(pattern: str) -> set[str]:
    return set(re.findall(pattern, (PROJECT / "docs" / "operations.md").read_text(), re.MULTILINE))
