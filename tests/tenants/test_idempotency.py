"""`Idempotency-Key`: a request sent twice is carried out once, and nobody is answered what somebody else was."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test.client import MULTIPART_CONTENT
from drf_spectacular.generators import SchemaGenerator

from documents.models import Document
from documents.services.collections import create_collection
from tenants.db import tenant_atomic
from tenants.models import ApiToken, AuditEvent, KeptAnswer
from tenants.permissions import Scope
from tenants.services.erasure import erase_person
from tenants.services.purging import purge_kept_answers
from tenants.services.tokens import create_token
from tests.config.polling import wait_for
from tests.isolation.matrix import SAFE, api_actions, api_routes, rows
from tests.people import ApiClient, Person
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(transaction=True)

COLLECTIONS = "/api/v1/collections/"
DOCUMENTS = "/api/v1/documents/"
KEY = "c0ffee-1"


def _post(api: ApiClient, path: str, body: Any, key: str = KEY) -> Any:
    return api.post(path, body, headers={"Idempotency-Key": key})


def _upload(api: ApiClient, *files: tuple[str, bytes], key: str = KEY, **fields: Any) -> Any:
    sent = {"files": [SimpleUploadedFile(*file) for file in files], **fields}
    return api.post(DOCUMENTS, sent, content_type=MULTIPART_CONTENT, headers={"Idempotency-Key": key})


def _names(person: Person) -> list[str]:
    with tenant_atomic(person.access.tenant_id):
        return sorted(Document.objects.values_list("name", flat=True))


def test_F7_the_same_request_is_carried_out_once_and_answered_alike(bob: Person) -> None:
    first, again = (_post(bob.api, COLLECTIONS, {"name": "Minutes"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    with tenant_atomic(bob.access.tenant_id):
        assert AuditEvent.objects.filter(action="collection.created").count() == 1
    # The same fields in another order are the same request.
    _post(bob.api, COLLECTIONS, '{"name": "Board", "access": {"everyone": true}}', key="two")
    swapped = _post(bob.api, COLLECTIONS, '{"access": {"everyone": true}, "name": "Board"}', key="two")
    assert swapped.headers["Idempotency-Replayed"] == "true"


def test_F7_an_answer_without_a_body_is_repeated_too(alice: Person) -> None:
    made = alice.api.post(COLLECTIONS, {"name": "Minutes"}).json()
    path, headers = f"{COLLECTIONS}{made['id']}/", {"Idempotency-Key": KEY}
    first, again = (alice.api.delete(path, headers=headers) for _ in range(2))
    assert [(one.status_code, one.content) for one in (first, again)] == [(204, b""), (204, b"")]
    assert alice.api.delete(path).status_code == 404, "without the key it is a request of its own"


@pytest.mark.parametrize(
    ("path", "body"), [(COLLECTIONS, {"name": "Notes"}), ("/api/v1/conversations/", {"title": "Minutes"})]
)
def test_F7_another_request_with_the_key_is_refused(bob: Person, path: str, body: dict[str, str]) -> None:
    assert _post(bob.api, COLLECTIONS, {"name": "Minutes"}).status_code == 201
    refused = _post(bob.api, path, body)
    assert refusal(refused)[0] == 422
    assert refused.json()["code"] == "idempotency_key_reused"
    assert [one["name"] for one in bob.api.get(COLLECTIONS).json()["results"]] == ["Documents", "Minutes"]


def test_F7_a_search_is_answered_as_before(bob: Person) -> None:
    first, again = (_post(bob.api, "/api/v1/search/", {"query": "leave"}) for _ in range(2))
    assert (first.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert _post(bob.api, "/api/v1/search/", {"query": "holidays"}).status_code == 422


def test_F7_a_refusal_is_not_kept(bob: Person) -> None:
    assert _post(bob.api, COLLECTIONS, {"name": ""}).status_code == 400
    assert _upload(bob.api, ("empty.txt", b"")).status_code == 400
    assert _post(bob.api, COLLECTIONS, {"name": "Minutes"}).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 256, "clé", "a\tb"])
def test_a_key_that_is_none_is_refused(bob: Person, key: str) -> None:
    answer = _post(bob.api, COLLECTIONS, {"name": "Minutes"}, key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")
    assert len(bob.api.get(COLLECTIONS, headers={"Idempotency-Key": key}).json()["results"]) == 1, "read as ever"
    assert _post(bob.api, COLLECTIONS, {"name": "Minutes"}, key="~ " + "k" * 253).status_code == 201


def test_F7_uploads_are_told_apart_by_fields_and_files(bob: Person) -> None:
    lease = ("lease.txt", b"The lease ends in May.")
    first = _upload(bob.api, lease)
    again = _upload(bob.api, lease)
    assert (first.status_code, again.content, again.headers["Idempotency-Replayed"]) == (
        202,
        first.content,
        "true",
    )
    assert "duplicate_of" not in again.json()["results"][0]
    for files, fields in (
        ([("lease.txt", b"The lease ends in June")], {}),
        ([("other.txt", lease[1])], {}),
        ([lease, ("more.txt", b"More.")], {}),
        ([lease], {"tags": "2026"}),
    ):
        assert _upload(bob.api, *files, **fields).status_code == 422
    assert _names(bob) == ["lease.txt"]


def test_I1_a_key_is_a_persons_own_in_one_organisation(alice: Person, bob: Person, charlie: Person) -> None:
    answers = [_post(one.api, COLLECTIONS, {"name": "Minutes"}) for one in (alice, bob, charlie)]
    assert [one.status_code for one in answers] == [201] * 3
    assert len({one.json()["id"] for one in answers}) == 3
    assert not any("Idempotency-Replayed" in one.headers for one in answers)
    with tenant_atomic(charlie.access.tenant_id):
        assert KeptAnswer.objects.get().user_id == charlie.user.pk
    # Another's key for another request is nobody's business.
    assert _post(charlie.api, COLLECTIONS, {"name": "Notes"}, key="bobs").status_code == 201
    assert _post(bob.api, COLLECTIONS, {"name": "Board"}, key="bobs").status_code == 201


def test_T3_a_token_that_reaches_less_is_not_told_what_another_was(bob: Person) -> None:
    collection = create_collection(access=bob.access, name="Minutes")
    sent = {"collection": str(collection.id)}
    assert _upload(bob.api, ("a.txt", b"Some text."), **sent).status_code == 202
    narrow = create_token(access=bob.access, name="narrow", collections=[collection.id])
    assert _upload(ApiClient(narrow.value), ("a.txt", b"Some text."), **sent).status_code == 422


def test_a_role_that_was_lost_is_lost_for_repeated_requests_too(alice: Person, bob: Person) -> None:
    assert _post(bob.api, COLLECTIONS, {"name": "Minutes"}).status_code == 201
    alice.full_api.patch(f"/api/v1/members/{bob.user.pk}/", {"role": "viewer"})
    assert _post(bob.api, COLLECTIONS, {"name": "Minutes"}).status_code == 403


def test_T7_a_secret_in_an_answer_is_kept_sealed(alice: Person, admin_connection: psycopg.Connection) -> None:
    body = {"name": "Crawler", "scopes": [Scope.CHAT]}
    first, again = (_post(alice.full_api, "/api/v1/tokens/", body) for _ in range(2))
    assert first.status_code == 201
    token = first.json()["token"]
    assert again.json()["token"] == token
    with tenant_atomic(alice.access.tenant_id):
        assert ApiToken.objects.filter(name="Crawler").count() == 1
    [(row,)] = admin_connection.execute(
        "SELECT k::text || encode(sealed_body, 'escape') FROM tenants_keptanswer k"
    )
    assert token not in row
    assert "Crawler" not in row


def test_F7_of_ten_uploads_at_one_instant_one_is_carried_out(bob: Person) -> None:
    barrier, file = Barrier(10), ("lease.txt", b"The lease ends in May.")

    def send(_: int) -> tuple[int, Any]:
        try:
            barrier.wait(20)
            answer = _upload(ApiClient(bob.token), file)
            return answer.status_code, answer.headers.get("Retry-After")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send, range(10)))
    assert set(answers) <= {(202, None), (409, "1")}
    assert (202, None) in answers
    assert _names(bob) == ["lease.txt"]
    with tenant_atomic(bob.access.tenant_id):
        assert AuditEvent.objects.filter(action="document.uploaded").count() == 1


def test_F7_while_the_first_is_not_answered_the_second_is_told_to_wait(
    bob: Person, admin_connection: psycopg.Connection
) -> None:
    """The first one stands before a locked table; it is answered when that is free."""

    def send() -> Any:
        try:
            return _post(ApiClient(bob.token), COLLECTIONS, {"name": "Minutes"})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with admin_connection.transaction():
            admin_connection.execute("LOCK TABLE documents_collection IN SHARE MODE")
            first = pool.submit(send)
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted"
            wait_for("it stands there", lambda: admin_connection.execute(waiting).fetchone() != (0,))
            second = _post(bob.api, COLLECTIONS, {"name": "Minutes"})
            assert (second.status_code, second.json()["code"]) == (409, "request_in_progress")
            assert second.headers["Retry-After"] == "1"
        assert first.result().status_code == 201
    assert _post(bob.api, COLLECTIONS, {"name": "Minutes"}).json() == first.result().json()


def test_every_unsafe_route_honours_the_header(alice: Person) -> None:
    """One that looks at it at all refuses a key that is none, before it looks at anything else."""
    unsafe = [row for row in rows(api_routes(), api_actions) if row.method not in SAFE]
    assert len(unsafe) > 30
    ids: dict[str, UUID] = defaultdict(uuid4)
    deaf = []
    for row in unsafe:
        sent: dict[str, Any] = {"content_type": "application/json", "headers": {"Idempotency-Key": ""}}
        body = {} if "files" in row.sample else dict(row.sample)
        answer = getattr(alice.full_api, row.method.lower())(row.route.path(ids), body, **sent)
        told = answer.json()
        code = told.get("code") or told["error"]["code"]  # OpenAI's clients are told in their own way
        if (answer.status_code, code) != (400, "invalid_idempotency_key"):
            deaf.append(f"{row}: {answer.status_code} {answer.content[:80]!r}")
    assert deaf == []


def test_the_schema_tells_of_the_header_on_unsafe_operations_alone() -> None:
    schema = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    told = {
        method: {
            any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ()))
            for operations in schema["paths"].values()
            for name, operation in operations.items()
            if name == method
        }
        for method in ("get", "post", "put", "patch", "delete")
    }
    assert told == {"get": {False}, "post": {True}, "put": {True}, "patch": {True}, "delete": {True}}


def test_answers_are_forgotten_after_a_day(
    alice: Person, bob: Person, charlie: Person, admin_connection: psycopg.Connection
) -> None:
    def age(hours: int) -> None:
        admin_connection.execute(
            "UPDATE tenants_keptanswer SET created_at = now() - make_interval(hours => %s)", [hours]
        )

    first = _post(bob.api, COLLECTIONS, {"name": "Minutes"}).json()
    age(23)
    assert purge_kept_answers() == 0
    assert _post(bob.api, COLLECTIONS, {"name": "Minutes"}).json() == first
    age(25)
    # Not yet purged, and not an answer any more.
    assert _post(bob.api, COLLECTIONS, {"name": "Notes"}).status_code == 201
    assert _post(charlie.api, COLLECTIONS, {"name": "Notes"}).status_code == 201
    assert purge_kept_answers() == 0
    age(25)
    assert purge_kept_answers() == 2
    assert admin_connection.execute("SELECT count(*) FROM tenants_keptanswer").fetchone() == (0,)


def test_answers_go_with_the_person(alice: Person, bob: Person) -> None:
    for person in (alice, bob):
        _post(person.api, COLLECTIONS, {"name": f"Of {person.user.name}"})
    removed = erase_person(access=alice.access, user_id=bob.user.pk).removed
    assert removed["tenants_keptanswer"] == 1
    with tenant_atomic(alice.access.tenant_id):
        assert [one.user_id for one in KeptAnswer.objects.all()] == [alice.user.pk]
