"""One random HTTP request in a person's name: which, with whose ids, and what its answer must show."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from bench.soak.seats import Seat, question_of, text_of
from tenants.permissions import Role

# What a person may have of one kind that comes and goes; beyond it, making one more deletes one.
_MOST_PASSING = 12
_CSRF = "c" * 32
_LISTS = ("collections", "documents", "conversations", "groups", "tokens")
_DETAILS = {
    "collections": ("", "stats/"),
    "documents": ("", "chunks/", "versions/", "file/", "pages/1/", "events/"),
    "conversations": ("", "messages/"),
    "messages": ("", "events/"),
    "groups": ("", "members/"),
    "tokens": ("",),
}
_SHOWING = {"", "chunks/", "messages/", "pages/1/", "file/"}
_PAGES = (
    ("", True),
    ("documents/", True),
    ("settings/organisation/", False),
    ("settings/members/", False),
    ("settings/tokens/", False),
    ("settings/usage/", False),
    ("settings/groups/", False),
    ("settings/audit/", False),
    ("admin/", False),
    ("admin/documents/collection/", False),
    ("admin/documents/document/", False),
    ("admin/conversations/conversation/", False),
    ("admin/tenants/group/", False),
    ("admin/tenants/apitoken/", False),
    ("admin/tenants/auditevent/", False),
)
_NAMES = {"collections": "name", "conversations": "title", "groups": "name"}


class Whose(StrEnum):
    """Whose an id is."""

    OWN = "own"
    COLLEAGUES = "colleague's"
    FOREIGN = "foreign"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Call:
    """A request as httpx takes it. `options` are its body, `headers` its own beside those of the carrier.

    `shows_own`: a 200 must hold the organisation's word. `must_fail`: no success may come of it. `makes` and
    `removes` name the kind of thing that comes or goes, `thing` its id. `leaves`: the reader goes mid-stream.
    """

    name: str
    method: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    shows_own: bool = False
    must_fail: bool = False
    makes: str = ""
    removes: str = ""
    thing: str = ""
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Thinks of requests for one seat; `others` are all seats."""

    seat: Seat
    others: Sequence[Seat]
    rng: random.Random

    def call(self) -> Call:
        """The next one; some kinds are more frequent than others, asking a model is rare."""
        [think] = self.rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        return think(self)

    def named(self, kind: str, *whose: Whose) -> tuple[Whose, str]:
        """An id of a kind, and whose it is: any, or one of `whose`."""
        chosen = self.rng.choice(whose or tuple(Whose))
        seat = self.seat
        match chosen:
            case Whose.OWN:
                found = [*seat.kept.get(kind, ()), *seat.passing.get(kind, ())]
            case Whose.COLLEAGUES:
                found = _kept(kind, (one for one in self.others if one.slug == seat.slug and one is not seat))
            case Whose.FOREIGN:
                found = _kept(kind, (one for one in self.others if one.slug != seat.slug))
            case Whose.MISSING:
                found = []
        if not found:
            return Whose.MISSING, str(UUID(int=self.rng.getrandbits(128), version=4))
        return chosen, self.rng.choice(found)

    def text(self, of: str) -> str:
        """Words that no other answer of the run has, the organisation's among them."""
        return f"{of} {self.seat.mark} {self.rng.getrandbits(48):x}"

    @property
    def cookie(self) -> dict[str, str]:
        cookies = f"sessionid={self.seat.session}; csrftoken={_CSRF}"
        return {"Cookie": cookies, "X-CSRFToken": _CSRF}

    def posted(self, name: str, path: str, body: Mapping[str, Any], **more: Any) -> Call:
        return Call(name, "POST", f"/api/v1/{path}", {"json": body}, **more)

    def page(self, name: str, path: str, **more: Any) -> Call:
        return Call(name, "GET", f"/o/{self.seat.slug}/{path}", headers=self.cookie, **more)

    def form(self, name: str, path: str, form: Mapping[str, str], **more: Any) -> Call:
        return Call(name, "POST", f"/o/{self.seat.slug}/{path}", {"data": form}, self.cookie, **more)


def read_list(caller: Caller) -> Call:
    kind = caller.rng.choice(_LISTS)
    query = caller.rng.choice(("", "?limit=3", "?limit=100"))
    shows_own = kind in {"collections", "documents"} or kind in caller.seat.kept
    return Call(f"list of {kind}", "GET", f"/api/v1/{kind}/{query}", shows_own=shows_own)


def read_about(caller: Caller) -> Call:
    path = caller.rng.choice(("me/", "members/", "usage/", "usage/limits/", "audit/", "jobs/", "invitations/"))
    return Call(f"read {path}", "GET", f"/api/v1/{path}")


def read_one(caller: Caller) -> Call:
    kind = caller.rng.choice(tuple(_DETAILS))
    whose, thing = caller.named(kind)
    tail = caller.rng.choice(_DETAILS[kind])
    is_kept = thing in caller.seat.kept.get(kind, ())
    return Call(
        f"{whose} one of {kind} {tail}",
        "GET",
        f"/api/v1/{kind}/{thing}/{tail}",
        shows_own=is_kept and tail in _SHOWING,
        must_fail=_is_hidden(kind, whose),
        leaves=tail == "events/" and caller.rng.random() < 0.5,
    )


def search(caller: Caller) -> Call:
    body: dict[str, Any] = {"query": question_of(caller.seat.mark), "top_k": caller.rng.randint(1, 50)}
    body["mode"] = caller.rng.choice(("hybrid", "vector", "lexical"))
    if caller.rng.random() < 0.3:
        whose, document = caller.named("documents", Whose.OWN, Whose.FOREIGN)
        body["documents"] = [document]
        return caller.posted("search in one document", "search/", body, must_fail=whose is not Whose.OWN)
    if caller.rng.random() < 0.3:  # in another's words
        body["query"] = question_of(caller.rng.choice(caller.others).mark)
        return caller.posted("search for any's word", "search/", body)
    return caller.posted("search", "search/", body, shows_own=True)


def make(caller: Caller) -> Call:
    kind = caller.rng.choice(tuple(_NAMES))
    passing = caller.seat.passing.get(kind, [])
    if len(passing) >= _MOST_PASSING or (passing and caller.rng.random() < 0.4):
        thing = caller.rng.choice(passing)
        return Call(f"delete one of {kind}", "DELETE", f"/api/v1/{kind}/{thing}/", removes=kind, thing=thing)
    body: dict[str, Any] = {_NAMES[kind]: caller.text(kind)}
    if kind == "conversations" and caller.rng.random() < 0.3:
        whose, named = caller.named("collections", Whose.OWN, Whose.FOREIGN)
        body["collections"] = [named]
        must_fail = whose is not Whose.OWN
        return caller.posted(
            "make a conversation about one of collections", "conversations/", body, must_fail=must_fail
        )
    return caller.posted(f"make one of {kind}", f"{kind}/", body, shows_own=True, makes=kind)


def change(caller: Caller) -> Call:
    kind = caller.rng.choice((*_NAMES, "documents"))
    whose, thing = caller.named(kind)
    body: dict[str, Any] = {_NAMES.get(kind, "title"): caller.text(kind)}
    if kind == "documents" and caller.rng.random() < 0.5:
        body = {"tags": [caller.seat.mark], "metadata": {"about": caller.text("tag")}}
    return Call(
        f"change {whose} one of {kind}",
        "PATCH",
        f"/api/v1/{kind}/{thing}/",
        {"json": body},
        shows_own=whose is Whose.OWN,
        must_fail=_is_hidden(kind, whose),
    )


def remove_anothers(caller: Caller) -> Call:
    """What is not one's own to delete; a colleague's stays out of it, for admins may."""
    kind = caller.rng.choice(("collections", "documents", "conversations", "groups", "tokens"))
    whose, thing = caller.named(kind, Whose.FOREIGN, Whose.MISSING)
    return Call(f"delete {whose} one of {kind}", "DELETE", f"/api/v1/{kind}/{thing}/", must_fail=True)


def make_token(caller: Caller) -> Call:
    passing = caller.seat.passing.get("tokens", [])
    if passing:
        return Call(
            "revoke a token", "DELETE", f"/api/v1/tokens/{passing[0]}/", removes="tokens", thing=passing[0]
        )
    if caller.rng.random() < 0.3:
        _, named = caller.named("collections", Whose.FOREIGN)
        body = {"name": caller.text("Key"), "collections": [named]}
        return caller.posted("make a token for another's collection", "tokens/", body, must_fail=True)
    return caller.posted("make a token", "tokens/", {"name": caller.text("Key")}, shows_own=True, makes="tokens")


def add_to_group(caller: Caller) -> Call:
    """Somebody of another organisation is nobody here."""
    whose, group = caller.named("groups", Whose.OWN, Whose.FOREIGN)
    strangers = {one.user_id for one in caller.others} - {
        one.user_id for one in caller.others if one.slug == caller.seat.slug
    }
    body = {"user": str(caller.rng.choice(sorted(strangers)))}
    return caller.posted(f"add a stranger to {whose} group", f"groups/{group}/members/", body, must_fail=True)


def upload(caller: Caller) -> Call:
    about = caller.text("upload")
    sent: dict[str, Any] = {"files": [("files", (f"{about}.txt", text_of(caller.seat.mark, about), "text/plain"))]}
    must_fail = False
    if caller.rng.random() < 0.4:
        whose, collection = caller.named("collections", Whose.OWN, Whose.FOREIGN)
        sent["data"] = {"collection": collection}
        must_fail = whose is not Whose.OWN
    return Call("upload", "POST", "/api/v1/documents/", sent, must_fail=must_fail)


def ask(caller: Caller) -> Call:
    whose, conversation = caller.named("conversations")
    path = f"conversations/{conversation}/messages/"
    body = {"content": question_of(caller.seat.mark)}
    must_fail = whose is not Whose.OWN
    match caller.rng.randrange(4):
        case 0:
            name, session = "query", {"session_id": conversation}
            query = {"query": body["content"], **(session if caller.rng.random() < 0.5 else {})}
            return caller.posted(name, "query/", query, must_fail=must_fail and "session_id" in query)
        case 1:
            headers = {"Prefer": "respond-async"}
            return caller.posted("ask for later", path, body, must_fail=must_fail, headers=headers)
        case 2:
            headers = {"Accept": "text/event-stream"}
            leaves = caller.rng.random() < 0.5
            return caller.posted("ask and read", path, body, must_fail=must_fail, headers=headers, leaves=leaves)
    return caller.posted("ask", path, body, must_fail=must_fail)


def stop(caller: Caller) -> Call:
    whose, message = caller.named("messages")
    return caller.posted(f"stop {whose} reply", f"messages/{message}/stop/", {}, must_fail=True)


def open_page(caller: Caller) -> Call:
    seat = caller.seat
    tail, shows_own = caller.rng.choice(_PAGES)
    if caller.rng.random() < 0.2:
        whose, thing = caller.named("conversations")
        path, shows_own, must_fail = f"c/{thing}/", whose is Whose.OWN, whose is not Whose.OWN
        return caller.page(f"page of {whose} conversation", path, shows_own=shows_own, must_fail=must_fail)
    if caller.rng.random() < 0.2:
        whose, thing = caller.named("documents")
        must_fail = whose in {Whose.FOREIGN, Whose.MISSING}
        page = caller.rng.choice(("", ".json"))
        return caller.page(f"passage of {whose} document", f"d/{thing}/v/1/p/1{page}", must_fail=must_fail)
    if caller.rng.random() < 0.1:
        strange = [one.slug for one in caller.others if one.user_id == seat.user_id]
        slug = caller.rng.choice(sorted({one.slug for one in caller.others} - set(strange)))
        return Call("page of another's portal", "GET", f"/o/{slug}/{tail}", headers=caller.cookie, must_fail=True)
    return caller.page(f"page /{tail}", tail, shows_own=shows_own and seat.role is not Role.VIEWER)


def send_form(caller: Caller) -> Call:
    if caller.rng.random() < 0.5:
        whose, thing = caller.named("conversations")
        form = {"title": caller.text("renamed")}
        return caller.form("rename", f"c/{thing}/rename/", form, must_fail=whose is not Whose.OWN)
    whose, thing = caller.named("collections", Whose.FOREIGN)
    return caller.form(
        "share another's collection", f"collections/{thing}/access/", {"everyone": "on"}, must_fail=True
    )


def blunder(caller: Caller) -> Call:
    """What no program should send: it must be refused, and the refusal must tell nothing."""
    name, method, path, options = caller.rng.choice(_BLUNDERS)
    if path.startswith("/o/"):
        path = path.replace("/o/", f"/o/{caller.seat.slug}/", 1)
        return Call(f"blunder: {name}", method, path, options, caller.cookie, must_fail=True)
    return Call(f"blunder: {name}", method, path, options, must_fail=True)


def forge(caller: Caller) -> Call:
    token = caller.rng.choice(caller.others).token
    forged = token[:-4] + "".join(caller.rng.sample("abcdefgh", 4))
    headers = {"Authorization": f"Bearer {forged}"}
    return Call("forged token", "GET", "/api/v1/documents/", headers=headers, must_fail=True)


_WEIGHTS: dict[Callable[[Caller], Call], float] = {
    read_list: 20,
    read_about: 5,
    read_one: 25,
    search: 5,
    make: 12,
    change: 8,
    remove_anothers: 4,
    make_token: 1,
    add_to_group: 1,
    upload: 0.3,
    ask: 1.5,
    stop: 1,
    open_page: 7,
    send_form: 3,
    blunder: 5,
    forge: 1,
}

# Name, method, path and what is sent.
_BLUNDERS: tuple[tuple[str, str, str, Mapping[str, Any]], ...] = (
    ("no JSON", "POST", "/api/v1/collections/", {"content": b"{"}),
    ("no object", "POST", "/api/v1/conversations/", {"json": [1]}),
    ("unknown field", "POST", "/api/v1/conversations/", {"json": {"tenant": "north"}}),
    ("zero byte", "POST", "/api/v1/collections/", {"json": {"name": "a\0b"}}),
    ("lone surrogate", "POST", "/api/v1/search/", {"content": b'{"query": "\\ud800"}'}),
    ("long name", "POST", "/api/v1/collections/", {"json": {"name": "x" * 1000}}),
    ("number for text", "POST", "/api/v1/search/", {"json": {"query": {"a": 1}}}),
    ("many hits", "POST", "/api/v1/search/", {"json": {"query": "lamps", "top_k": 10**30}}),
    ("no file", "POST", "/api/v1/documents/", {"data": {"collection": "none"}}),
    ("empty file", "POST", "/api/v1/documents/", {"files": [("files", ("a.txt", b"", "text/plain"))]}),
    ("strange file", "POST", "/api/v1/documents/", {"files": [("files", ("a.exe", b"MZ", "text/plain"))]}),
    ("bad cursor", "GET", "/api/v1/documents/?cursor=%00%ff", {}),
    ("bad limit", "GET", "/api/v1/documents/?limit=-1", {}),
    ("unknown filter", "GET", "/api/v1/documents/?tenant=south", {}),
    ("no id", "GET", "/api/v1/documents/1/", {}),
    ("no route", "GET", "/api/v1/tenants/", {}),
    ("no method", "DELETE", "/api/v1/collections/", {}),
    ("empty form", "POST", "/o/collections/", {"data": {}}),
    ("large page", "GET", "/o/d/00000000-0000-4000-8000-000000000000/v/1/p/99999999999999999999", {}),
)


def _is_hidden(kind: str, whose: Whose) -> bool:
    """What is a colleague's own is hidden as well as another organisation's."""
    is_private = kind in {"conversations", "messages"} and whose is Whose.COLLEAGUES
    return is_private or whose in {Whose.FOREIGN, Whose.MISSING}


def _kept(kind: str, seats: Iterable[Seat]) -> list[str]:
    return [one for seat in seats for one in seat.kept.get(kind, ())]
