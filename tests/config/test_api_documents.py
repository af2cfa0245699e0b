"""What is said of the API for people: examples that are as their schema says, and a document that is current."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from config.api_examples import EXAMPLES
from config.apidocs import TARGET, written


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return dict(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


def _complaints(schema: dict[str, Any], part: dict[str, Any], value: Any) -> list[str]:
    whole = {**part, "components": schema["components"]}
    found = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(value)
    return [f"{one.json_path}: {one.message}" for one in found]


def test_every_example_is_as_its_schema_says(schema: dict[str, Any]) -> None:
    shown, wrong = set(), []
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            answers = [one.get("content", {}) for one in operation["responses"].values()]
            for content in (operation.get("requestBody", {}).get("content", {}), *answers):
                for one in content.values():
                    named = [example["value"] for example in one.get("examples", {}).values()]
                    for value in [one["example"]] if "example" in one else named:
                        shown.add(operation["operationId"])
                        wrong += [f"{method} {path} {told}" for told in _complaints(schema, one["schema"], value)]
    assert wrong == []
    assert EXAMPLES.keys() <= shown, "an example of no operation"


def test_the_document_is_what_the_schema_says() -> None:
    assert TARGET.read_text(encoding="utf-8") == written(), "python manage.py apidocs writes it anew"


def test_every_refusal_is_described_as_what_it_is(schema: dict[str, Any]) -> None:
    """Each operation says its refusals, and each of these is a problem."""
    for operations in schema["paths"].values():
        for operation in operations.values():
            refusals = {code: one for code, one in operation["responses"].items() if code >= "400"}
            assert {"400", "401", "403", "404", "429", "503"} <= refusals.keys()
            for one in refusals.values():
                name = one.get("$ref", "").rpartition("/")[2]
                content = schema["components"]["responses"][name]["content"] if name else one["content"]
                assert content.keys() == {"application/problem+json"}
