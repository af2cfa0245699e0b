"""Sending what a row of the matrix says, and telling what came back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.isolation.estates import Estate
from tests.isolation.matrix import PARAMETER, SAFE, Authority, Outcome, Route, Row, Whose
from tests.isolation.population import Population

_REFUSALS = {401: Outcome.UNAUTHENTICATED, 403: Outcome.FORBIDDEN, 404: Outcome.UNSEEN}
_LOG_IN = "/accounts/login/?next="


class Cells:
    """Sends one row's requests and notes which were answered otherwise than they should be."""

    def __init__(self, row: Row, population: Population, prefix: str = "") -> None:
        self.row = row
        self.wrong: list[str] = []
        self._population = population
        self._prefix = prefix

    def expect_by_table(
        self, who: str, client: Client, own: Estate, authority: Authority, *, is_allowed: bool
    ) -> None:
        """Every id for this person, of those cells that are allowed or of those that are not."""
        told = {}
        for whose in self.row.relations(authority):
            expected = self.row.expected(authority, whose)
            if (expected is Outcome.ALLOWED) is is_allowed:
                told[whose] = self.expect(who, client, own, whose, expected)
        if told.get(Whose.FOREIGN) != told.get(Whose.MISSING):
            self.wrong.append(f"{who}: what is foreign and what is missing look different")

    def expect(self, who: str, client: Client, own: Estate, whose: Whose, expected: Outcome) -> list[Any]:
        """What the asker was told."""
        told = []
        for path in self._paths(own, whose):
            answer = self.ask(client, path, is_undone=expected is Outcome.ALLOWED)
            if outcome_of(answer) is not expected:
                self.wrong.append(f"{who}, {whose}: {answer.status_code}, not {expected.value}")
            told.append(told_by(answer, path))
        return told

    def ask(
        self, client: Client, path: str, *, is_undone: bool = False, sent: Mapping[str, Any] | None = None
    ) -> Any:
        """Allowed writes are rolled back; what asynchronous views write, in units of their own, nobody minds."""
        method, sample = self.row.method, self.row.sample if sent is None else sent
        headers = {} if method in SAFE else {"Accept": "application/json"}
        send = partial(client.generic, method, f"{self._prefix}{path}", headers=headers)
        if "files" in sample:
            name, content = sample["files"]
            form = {**sample, "files": SimpleUploadedFile(name, content)}
            send = partial(send, encode_multipart(BOUNDARY, form), MULTIPART_CONTENT)
        elif method not in SAFE:
            send = partial(send, *self._encoded(sample))
        client.cookies.pop("messages", None)  # what an earlier request has still to say
        if not is_undone or method in SAFE or self.row.route.is_async:
            return send()
        with transaction.atomic():
            answer = send()
            transaction.set_rollback(True)
        return answer

    def _encoded(self, sample: Any) -> tuple[Any, str]:
        """JSON for the API, a form for the portal."""
        if self._prefix:
            return encode_multipart(BOUNDARY, sample), MULTIPART_CONTENT
        return json.dumps(sample), "application/json"

    def _paths(self, own: Estate, whose: Whose) -> list[str]:
        """With that id in the place of all that the path names, and of each alone."""
        kinds = self.row.route.kinds
        ids, others = (self._population.ids(own, one, kinds) for one in (Whose.OWN, whose))
        chosen = [others]
        if whose in {Whose.FOREIGN, Whose.MISSING} and len(kinds) > 1:
            chosen += [ids | {kind: others[kind]} for kind in kinds]
        return [self.row.route.path(one) for one in chosen]


def outcome_of(answer: Any) -> Outcome | int:
    """A failure of the server is no outcome that anybody expects."""
    if answer.status_code >= 500:
        return int(answer.status_code)
    if answer.status_code == 302 and answer.headers["Location"].startswith(_LOG_IN):
        return Outcome.UNAUTHENTICATED
    return _REFUSALS.get(answer.status_code, Outcome.ALLOWED)


def told_by(answer: Any, path: str) -> tuple[int, str, str]:
    """All that an asker can tell two refusals apart by."""
    if answer.streaming:
        return answer.status_code, "", ""
    body = re.sub(r'"request_id": *"\w+"', "", answer.content.decode(errors="replace"))
    for asked in re.findall(r"[0-9a-f-]{36}", path):
        body = body.replace(asked, "ID")
    return answer.status_code, answer.headers.get("Content-Type", ""), body


def global_path(route: Route) -> str:
    """Where a page outside every organisation stands, with some key where it wants one."""
    path = "/" + route.pattern.replace("^", "").replace("$", "")
    path = path.replace(r"(?P<key>[-:\w]+)", "key").replace("(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)", "1-key")
    return PARAMETER.sub("1", path)
