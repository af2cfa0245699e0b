"""The OpenAPI schema: whole, without a warning, and served with its documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

pytestmark = pytest.mark.django_db


def test_every_operation_is_described_without_a_warning(tmp_path: Path) -> None:
    target = tmp_path / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    schema = yaml.safe_load(target.read_text())
    assert schema["openapi"] == "3.1.0"
    paths = {path.removeprefix("/api/v1") for path in schema["paths"]}
    assert {
        "/me/",
        "/search/",
        "/collections/",
        "/collections/{collection_id}/",
        "/collections/{collection_id}/stats/",
        "/documents/",
        "/documents/{document_id}/",
        "/documents/{document_id}/cancel/",
        "/documents/{document_id}/chunks/",
        "/documents/{document_id}/events/",
        "/documents/{document_id}/file/",
        "/documents/{document_id}/pages/{number}/",
        "/documents/{document_id}/pages/{number}/image/",
        "/documents/{document_id}/reprocess/",
        "/documents/{document_id}/versions/",
    } <= paths
    upload = schema["paths"]["/api/v1/documents/"]["post"]
    assert set(upload["requestBody"]["content"]) == {"multipart/form-data"}
    assert all(
        "bearer" in one
        for item in schema["paths"].values()
        for operation in item.values()
        for one in operation["security"]
    )


def test_schema_and_documentation_are_served_from_here() -> None:
    schema = Client().get("/api/schema/")
    assert schema.status_code == 200
    documentation = Client().get("/api/docs/")
    assert documentation.status_code == 200
    assert b"http://" not in documentation.content
    assert b"https://" not in documentation.content
