"""U6, U7: what a file is called decides neither what it is nor where it lies."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

from documents.models import DocumentVersion
from documents.services.files import display_name
from tenants.db import tenant_atomic
from tests.documents.pdfs import text_pdf
from tests.environment import Environment
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)

_CSRF = "b" * 32
_STORED = re.compile(r"t/(?P<tenant>[0-9a-f-]{36})/files/(?P<name>[0-9a-f-]{36})")
_BOUNDARY = "frontier"

ZIP = b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(200)
HTML = b"<!doctype html><script>alert(1)</script>"
LIES = [
    ("report.pdf", ZIP),
    ("report.pdf", HTML),
    ("report.pdf", b"Just words."),
    ("report.txt", text_pdf([["Words"]])),
    ("report.txt", ZIP),
    ("report.txt", bytes(range(256)) * 20),
    ("report.md", b"\x7fELF" + bytes(100)),
    ("report.html", ZIP),
    ("report.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("report.pdf.exe", b"MZ" + bytes(100)),
    ("report.exe", text_pdf([["Words"]])),
    ("report.txt\0.pdf", ZIP),
    ("report.docx", ZIP),
]

LONG = "n" * 300 + ".txt"
NAMES = {
    "../../../etc/passwd": "passwd",
    "/etc/cron.d/job.txt": "job.txt",
    "..\\..\\windows\\system.txt": "system.txt",
    "C:\\notes.txt": "notes.txt",
    "a\x1b[31mred.txt": "a[31mred.txt",
    "line\u2028break.txt": "linebreak.txt",
    "\u202etxt.exe.txt": "txt.exe.txt",
    "<img src=x onerror=alert(1)>.txt": "<img src=x onerror=alert(1)>.txt",
    "%2e%2e%2fnotes.txt": "%2e%2e%2fnotes.txt",
    "t/00000000-0000-0000-0000-000000000000/files/x.txt": "x.txt",
    "CON.txt": "CON.txt",
    LONG: "n" * 251 + ".txt",
}


def _form(name: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    """A form as a hostile client writes it: the name as it is, unless it would end itself (RFC 5987 then)."""
    filename = f"filename*=utf-8''{quote(name)}" if '"' in name else f'filename="{name}"'
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="files"; {filename}\r\n'
    body = head.encode() + b"Content-Type: application/pdf\r\n\r\n" + content
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return body + f"\r\n--{_BOUNDARY}--\r\n".encode(), headers


def _by_api(server: LiveServer, person: Person, name: str, content: bytes) -> httpx.Response:
    body, headers = _form(name, content)
    headers["Authorization"] = f"Bearer {person.token}"
    return httpx.post(
        f"{server.url}/api/v1/documents/", content=body, headers=headers, trust_env=False, verify=NO_TLS
    )


def _by_portal(server: LiveServer, person: Person, name: str, content: bytes) -> httpx.Response:
    body, headers = _form(name, content)
    headers["X-CSRFToken"] = _CSRF
    headers["Cookie"] = f"sessionid={person.client.cookies['sessionid'].value}; csrftoken={_CSRF}"
    return httpx.post(
        f"{server.url}/o/{person.slug}/documents/upload/",
        content=body,
        headers=headers,
        trust_env=False,
        verify=NO_TLS,
    )


DOORS = (_by_api, _by_portal)


def _files(environment: Environment) -> set[Path]:
    folder = environment.data / "files"
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_U6_a_file_that_is_not_what_it_is_called_is_refused_and_not_kept(
    alice: Person, extractive_server: LiveServer, run_environment: Environment
) -> None:
    before = _files(run_environment)
    for door in DOORS:
        for name, content in LIES:
            answer = door(extractive_server, alice, name, content)
            assert answer.status_code == 415, (door.__name__, name, answer.text)
            assert answer.json()["code"] in {"type_mismatch", "unsupported_type", "not_text", "corrupt_file"}
        # The bytes decide, not the type that the client declares: here text that calls itself a PDF.
        assert door(extractive_server, alice, f"{door.__name__}.txt", door.__name__.encode()).status_code == 202
    documents = alice.api.get("/api/v1/documents/").json()["results"]
    assert {document["media_type"] for document in documents} == {"text/plain"}
    assert len(documents) == len(DOORS)
    assert len(_files(run_environment) - before) == len(DOORS)


def test_U7_a_files_name_is_shown_and_never_a_path(
    alice: Person, extractive_server: LiveServer, run_environment: Environment
) -> None:
    before = _files(run_environment)
    tenant = alice.access.tenant_id
    for number, (door, name) in enumerate((door, name) for door in DOORS for name in NAMES):
        answer = door(extractive_server, alice, name, f"Note number {number}.".encode())
        assert answer.status_code == 202, (name, answer.text)
        [result] = answer.json()["results"]
        assert result["name"] == NAMES[name]
        with tenant_atomic(tenant):
            key = DocumentVersion.objects.get(document=result["id"]).storage_key
        match = _STORED.fullmatch(key)
        assert match, key
        assert match["tenant"] == str(tenant)
        assert UUID(match["name"]).version == 4
    stored = _files(run_environment) - before
    assert len(stored) == len(DOORS) * len(NAMES)
    assert {path.parent for path in stored} == {Path(f"t/{tenant}/files")}


def test_U7_a_name_from_the_command_line_is_no_path_either(alice: Person) -> None:
    names = {**NAMES, "..": "..", "notes.txt/": "notes.txt", "\r\n": "unnamed"}
    names["n" * 300] = "n" * 255
    del names[LONG]  # which Django's parser shortens so that the ending stays
    assert {name: display_name(name) for name in names} == names


@pytest.mark.parametrize("name", ["", ".", "..", "/", "notes.txt/", "..\\"])
def test_U7_what_has_no_name_is_no_file(
    alice: Person, extractive_server: LiveServer, run_environment: Environment, name: str
) -> None:
    before = _files(run_environment)
    for door in DOORS:
        answer = door(extractive_server, alice, name, b"A note.")
        assert answer.status_code == 400, (name, answer.text)
    assert _files(run_environment) == before


def test_U7_a_name_is_text_in_pages_and_headers(alice: Person, extractive_server: LiveServer) -> None:
    name = "<img src=x onerror=alert(1)>.txt"
    [result] = _by_api(extractive_server, alice, name, b"A note.").json()["results"]
    page = alice.client.get("/o/acme/documents/").content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;.txt" in page
    assert "<img src=x" not in page
    crooked = 'a";\tfilename=b.html; x="é.txt'
    [result] = _by_api(extractive_server, alice, crooked, b"Another note.").json()["results"]
    file = httpx.get(
        f"{extractive_server.url}/api/v1/documents/{result['id']}/file/",
        headers={"Authorization": f"Bearer {alice.token}"},
        trust_env=False,
        verify=NO_TLS,
    )
    assert file.content == b"Another note."
    assert file.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''a%22%3B")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Content-Security-Policy"] == "sandbox"
