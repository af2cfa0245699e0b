"""What people think of answers reaches who owns what they cite, admins and the question set, and no further."""

from __future__ import annotations

import csv
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync

from conversations.models import Citation, Message, Role, Source, Status
from documents.models import Document
from retrieval.services.question_sets import create_question_set
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tenants.permissions import scopes_of_role
from tenants.services.tokens import create_token
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/api/v1/feedback/"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def path_of(message: object) -> str:
    return f"/api/v1/messages/{message}/feedback/"


def document_of(person: Person, name: str, *, restricted_to: list[Person] | None = None) -> str:
    """One that is never processed: answers cite it all the same."""
    fields = {}
    if restricted_to is not None:
        people = [str(one.user.pk) for one in restricted_to]
        body = {"name": f"For {name}", "access": {"everyone": False, "people": people}}
        fields["collection"] = person.api.post("/api/v1/collections/", body).json()["id"]
    response = person.api.upload((name, name.encode()), **fields)
    return str(response.json()["results"][0]["id"])


def answer_of(
    person: Person, *documents: str, question: str = "Who pays?", status: Status = Status.FINISHED
) -> dict[str, str]:
    """An answer in a conversation of the person's own that was given these documents, and cites their pages 2."""
    begun = person.api.post("/api/v1/conversations/", {}).json()["id"]
    with tenant_atomic(person.access.tenant_id):
        asked = Message.objects.create(
            conversation_id=begun, role=Role.USER, content=question, status=Status.FINISHED
        )
        answer = Message.objects.create(
            conversation_id=begun, role=Role.ASSISTANT, parent=asked, content="They do [1].", status=status
        )
        for marker, document in enumerate(documents, start=1):
            name = Document.objects.get(id=document).name
            place = {"message": answer, "marker": marker, "document_id": document, "version": 1, "name": name}
            where = {"title": name, "page": 2, "start": 0, "end": 5}
            Source.objects.create(**place, **where, text="words", score=1.0)
            Citation.objects.create(**place, **where, quote=f"quoted from {name}")
    return {"conversation": begun, "question": str(asked.id), "answer": str(answer.id)}


def said(person: Person, message: str, rating: str = "up", **more: Any) -> dict[str, Any]:
    response = person.api.post(path_of(message), {"rating": rating, **more})
    assert response.status_code in {200, 201}, response.content
    return dict(response.json())


def content(response: Any) -> str:
    """The whole of an answer that is written while it is read."""

    async def read() -> bytes:
        return b"".join([part async for part in response.streaming_content])

    return async_to_sync(read)().decode()


def listed(client: ApiClient, **query: str) -> list[dict[str, Any]]:
    response = client.get(LIST, query)
    assert response.status_code == 200, response.content
    return list(response.json()["results"])


def comments(client: ApiClient, **query: str) -> set[str]:
    return {one["comment"] for one in listed(client, **query)}


def test_it_is_given_changed_and_taken_back(alice: Person, bob: Person, charlie: Person) -> None:
    answer = answer_of(bob, document_of(alice, "plan.txt"))["answer"]
    first = bob.api.post(path_of(answer), {"rating": "down", "comment": " Wrong year. "})
    assert (first.status_code, first.json()["comment"]) == (201, "Wrong year.")
    second = bob.api.post(path_of(answer), {"rating": "up"})
    assert (second.status_code, second.json()["rating"], second.json()["comment"]) == (200, "up", "")
    assert bob.api.get(f"/api/v1/messages/{answer}/").json()["feedback"] == second.json()
    for other in (alice, charlie):
        for method in ("post", "delete"):
            args = ({"rating": "up"},) if method == "post" else ()
            foreign = getattr(other.api, method)(path_of(answer), *args)
            assert refusal(foreign) == refusal(getattr(other.api, method)(path_of(uuid4()), *args))
            assert foreign.status_code == 404
    assert bob.api.delete(path_of(answer)).status_code == 204
    assert bob.api.delete(path_of(answer)).status_code == 404
    assert bob.api.get(f"/api/v1/messages/{answer}/").json()["feedback"] is None
    with tenant_atomic(bob.access.tenant_id):
        told = AuditEvent.objects.filter(target_id=answer).order_by("at").values_list("action", "data")
        assert list(told) == [
            ("feedback.given", {"rating": "down"}),
            ("feedback.given", {"rating": "up"}),
            ("feedback.withdrawn", {}),
        ]


def test_what_is_wrong_with_it_is_said(alice: Person) -> None:
    made = answer_of(alice)
    for body, wrong in (
        ({}, ("/rating", "required")),
        ({"rating": "sideways"}, ("/rating", "invalid_choice")),
        ({"rating": "up", "stars": 5}, ("/stars", "unknown_field")),
        ({"rating": "up", "comment": "a\0b"}, ("/comment", "null_characters_not_allowed")),
    ):
        assert wrong in pointers(alice.api.post(path_of(made["answer"]), body)), body
    status, problem = refusal(alice.api.post(path_of(made["answer"]), {"rating": "up", "comment": "x" * 2001}))
    assert (status, problem["code"]) == (413, "comment_too_long")
    said(alice, made["answer"], comment="x" * 2000)
    status, problem = refusal(alice.api.post(path_of(made["question"]), {"rating": "up"}))
    assert (status, problem["code"]) == (400, "not_an_answer")
    running = answer_of(alice, status=Status.STREAMING)["answer"]
    status, problem = refusal(alice.api.post(path_of(running), {"rating": "up"}))
    assert (status, problem["code"]) == (409, "still_running")
    for query in ({"rating": "x"}, {"by": "x"}, {"document": "x"}, {"author": str(uuid4()), "format": "csv"}):
        name = next(iter(query))
        assert f"/{name}" in {pointer for pointer, _ in pointers(alice.api.get(LIST, query))}


def test_I3_it_reaches_who_owns_what_is_cited_and_admins(
    alice: Person, adam: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    """Bob owns what Dana's answer cites; a collection of his holds what Alice uploaded to it."""
    plan, others = document_of(bob, "plan.txt"), document_of(alice, "others.txt")
    shelf = bob.api.post("/api/v1/collections/", {"name": "Shelf"}).json()["id"]
    in_shelf = alice.api.upload(("in-shelf.txt", b"x"), collection=shelf).json()["results"][0]["id"]
    foreign = document_of(charlie, "foreign.txt")
    for person, document, comment in (
        (dana, plan, "of the plan"),
        (dana, others, "of another"),
        (dana, in_shelf, "of the shelf"),
        (charlie, foreign, "foreign"),
    ):
        said(person, answer_of(person, document)["answer"], "down", comment=comment)
    said(dana, answer_of(dana)["answer"], comment="of nothing")
    everything = {"of the plan", "of another", "of the shelf", "of nothing"}
    assert comments(bob.full_api) == {"of the plan", "of the shelf"}
    assert comments(dana.full_api) == set()
    assert comments(alice.full_api) == comments(adam.full_api) == everything
    assert comments(charlie.full_api) == {"foreign"}
    # To read all of it takes the scope that admins give to few tokens.
    assert comments(alice.api) == {"of another", "of the shelf"}
    assert comments(alice.full_api, own="true") == {"of another", "of the shelf"}
    scopes = scopes_of_role(alice.access.role)
    limited = create_token(access=alice.access, name="one", scopes=scopes, collections=[UUID(shelf)])
    assert comments(ApiClient(limited.value)) == {"of the shelf"}
    [shown] = listed(bob.full_api, document=plan)
    assert (shown["question"], shown["answer"], shown["author"]) == ("Who pays?", "They do [1].", None)
    assert [one["quote"] for one in shown["citations"]] == ["quoted from plan.txt"]
    [to_admin] = listed(adam.full_api, document=plan)
    assert to_admin["author"] == {"id": str(dana.user.pk), "name": "Dana", "email": "dana@example.org"}


def test_L6_nobody_reads_words_of_what_they_do_not_see(alice: Person, bob: Person, dana: Person) -> None:
    plan = document_of(bob, "plan.txt")
    secret = document_of(alice, "secret.txt", restricted_to=[dana])
    said(dana, answer_of(dana, plan, secret)["answer"], comment="both")
    [shown] = listed(bob.full_api)
    assert (shown["answer"], shown["withheld"], shown["question"]) == (None, 1, "Who pays?")
    assert {one["title"] for one in shown["citations"]} == {"plan.txt"}
    assert "secret.txt" not in str(shown)
    [whole] = listed(alice.full_api)
    assert (whole["answer"], whole["withheld"]) == ("They do [1].", 0)
    # What an answer rests on counts like its own sources.
    resting = answer_of(dana, plan)
    with tenant_atomic(dana.access.tenant_id):
        before = Message.objects.create(
            conversation_id=resting["conversation"],
            role=Role.ASSISTANT,
            parent_id=resting["question"],
            content="Of the secret",
            status=Status.FINISHED,
        )
        place = {"marker": 1, "document_id": secret, "version": 1, "name": "s", "title": "s", "page": 1}
        Source.objects.create(message=before, **place, start=0, end=1, text="s", score=1.0)
        Message.objects.filter(id=resting["answer"]).update(based_on=[str(before.id)])
    said(dana, resting["answer"], comment="resting")
    [shown] = [one for one in listed(bob.full_api) if one["comment"] == "resting"]
    assert shown["answer"] is None


def test_it_is_filtered_and_what_is_new_is_told(alice: Person, bob: Person, dana: Person) -> None:
    plan = document_of(bob, "plan.txt")
    mine = answer_of(bob, plan)["answer"]
    said(dana, answer_of(dana, plan)["answer"], "up", comment="good")
    said(dana, answer_of(dana, plan)["answer"], "down")
    said(bob, mine, "down", comment="my own")
    assert comments(bob.full_api, rating="up") == {"good"}
    assert comments(bob.full_api, commented="false") == {""}
    assert comments(alice.full_api, author=str(bob.user.pk)) == {"my own"}
    assert comments(alice.full_api, after="2999-01-01") == set()
    assert comments(alice.full_api, before="2999-01-01", commented="true") == {"good", "my own"}
    assert comments(bob.full_api, new="true") == {"good", ""}, "one's own is no news"
    assert bob.full_api.post(f"{LIST}seen/").status_code == 204
    assert comments(bob.full_api, new="true") == set()
    assert [one["is_new"] for one in listed(bob.full_api)] == [False] * 3
    later = answer_of(dana, plan)["answer"]
    said(dana, later, "up", comment="later")
    assert comments(bob.full_api, new="true") == {"later"}
    assert comments(alice.full_api, new="true") == {"good", "", "my own", "later"}


def test_U11_it_leaves_as_csv(alice: Person, dana: Person) -> None:
    plan = document_of(alice, "plan.txt")
    said(dana, answer_of(dana, plan)["answer"], "down", comment="=1+1")
    said(dana, answer_of(dana, plan)["answer"], "up", comment="fine")
    response = alice.full_api.get(LIST, {"format": "csv", "rating": "down"})
    assert response.headers["Content-Disposition"].startswith('attachment; filename="feedback-acme-')
    rows = list(csv.DictReader(content(response).splitlines()))
    assert [(one["comment"], one["author"], one["documents"], one["answer"]) for one in rows] == [
        ("'=1+1", "dana@example.org", "plan.txt, p. 2", "They do [1].")
    ]


def test_it_becomes_a_question_with_what_is_right(alice: Person, bob: Person, dana: Person) -> None:
    plan = document_of(alice, "plan.txt")
    liked = answer_of(dana, plan, question="Who pays for tea?")["answer"]
    disliked = answer_of(dana, plan)["answer"]
    refused = answer_of(dana, question="Who sings?", status=Status.REFUSED)["answer"]
    for answer, rating in ((liked, "up"), (disliked, "down"), (refused, "up")):
        said(dana, answer, rating)
    ids = {one["message"]: one["id"] for one in listed(alice.full_api)}
    with tenant_atomic(alice.access.tenant_id):
        chosen = create_question_set(access=alice.access, name="Exam", cases=[]).id

    def kept(answer: str, body: dict[str, Any], tail: str = "", by: Person = alice) -> Any:
        return by.full_api.post(f"{LIST}{ids[answer]}/to-question-set/{tail}", body)

    right = kept(liked, {}, f"{chosen}/")
    assert right.status_code == 201, right.content
    told = right.json()
    assert (told["question"], told["document"], told["pages"]) == ("Who pays for tea?", plan, [2])
    assert ("/document", "required") in pointers(kept(disliked, {}))
    assert ("/page", "unknown_field") in pointers(kept(disliked, {"page": 1}))
    given = kept(disliked, {"document": "other.txt", "pages": [7], "answer": "Nobody."}).json()
    assert (given["document"], given["pages"], given["answer"]) == ("other.txt", [7], "Nobody.")
    again = kept(disliked, {"answerable": False}).json()
    assert (again["id"], again["answerable"], again["document"]) == (given["id"], False, "")
    assert kept(refused, {}).json()["answerable"] is False
    # Not to be found out by an id, and nobody's but admins' to do.
    assert kept(liked, {}, f"{uuid4()}/").status_code == 404
    assert kept(liked, {}, by=bob).status_code == 403
    sets = alice.full_api.get("/api/v1/evaluations/sets/").json()["results"]
    assert {(one["name"], one["questions"]) for one in sets} == {("Exam", 1), ("Feedback", 2)}
    # It is theirs who asked: taken back with what they said, wherever it was put.
    assert dana.api.delete(path_of(liked)).status_code == 204
    sets = alice.full_api.get("/api/v1/evaluations/sets/").json()["results"]
    assert {(one["name"], one["questions"]) for one in sets} == {("Exam", 0), ("Feedback", 2)}


def shown_page(person: Person, **query: str) -> set[str]:
    """Comments on the portal's page."""
    response = person.client.get(f"/o/{person.slug}/feedback/", query, headers=BROWSER)
    assert response.status_code == 200
    return {one["comment"] for one in response.context["rows"]}


def test_the_portal_shows_it_to_the_same_people(alice: Person, bob: Person, dana: Person, charlie: Person) -> None:
    """Alice by a session reads all of it: a person in the portal has what the role gives."""
    plan, others = document_of(bob, "plan.txt"), document_of(alice, "others.txt")
    said(dana, answer_of(dana, plan)["answer"], "up", comment="of the plan")
    said(dana, answer_of(dana, others)["answer"], "down", comment="of another")
    assert shown_page(alice) == {"of the plan", "of another"}
    assert shown_page(alice, show="down") == {"of another"}
    assert shown_page(bob) == shown_page(bob, show="new") == {"of the plan"}
    assert shown_page(dana) == shown_page(charlie) == set()
    documents = bob.client.get("/o/acme/documents/", headers=BROWSER).content.decode()
    assert "1 new" in documents
    assert bob.client.post("/o/acme/feedback/seen/", headers={"Accept": "application/json"}).status_code == 204
    assert shown_page(bob, show="new") == set()
    assert "1 new" not in bob.client.get("/o/acme/documents/", headers=BROWSER).content.decode()
    exported = bob.client.get("/o/acme/feedback/export/", headers=BROWSER)
    assert [one["comment"] for one in csv.DictReader(content(exported).splitlines())] == ["of the plan"]


def test_the_form_says_what_is_right(alice: Person, dana: Person) -> None:
    plan = document_of(alice, "plan.txt")
    answer = answer_of(dana, plan)["answer"]
    said(dana, answer, "down")
    [one] = listed(alice.full_api)
    path = f"/o/acme/feedback/{one['id']}/keep/"
    for form, words in (
        ({}, "Say which document is right"),
        ({"right": "other", "document": "right.txt", "pages": "3, 4"}, "The question is in the set."),
    ):
        page = alice.client.post(path, form, headers=BROWSER, follow=True)
        assert words in page.content.decode()
    [made] = alice.full_api.get("/api/v1/evaluations/sets/").json()["results"]
    [question] = alice.full_api.get(f"/api/v1/evaluations/sets/{made['id']}/questions/").json()["results"]
    assert (question["document"], question["pages"], question["origin"]) == ("right.txt", [3, 4], "feedback")
