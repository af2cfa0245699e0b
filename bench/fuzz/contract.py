"""Every operation of the OpenAPI schema, with data that fits it and data that does not, by schemathesis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi import checks

_CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
# Those that change most come last: what they take away is not there for the others.
_ORDER = ("GET", "POST", "PATCH", "PUT", "DELETE")
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Role:
    """Who calls, with a token of every scope, and the ids in its paths, by the parameters' names."""

    name: str
    token: str
    ids: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tried:
    """What was called how often, and what was wrong with the answers, each once."""

    calls: int
    statuses: Mapping[int, int]
    wrong: list[str]


# Beside what schemathesis takes for a refusal: what names another state is refused before it is looked at.
_REFUSED = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422", "429"]


def try_contract(url: str, roles: Iterable[Role], *, examples: int, number: int = 0) -> Tried:
    """Call each operation as each role; `number` chooses which examples."""
    config = schemathesis.Config.from_dict(
        {"checks": {"negative_data_rejection": {"expected-statuses": _REFUSED}}}
    )
    schema = schemathesis.openapi.from_url(f"{url}/api/schema/", config=config)
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    operations.sort(key=lambda one: _ORDER.index(one.method.upper()))
    found: dict[str, str] = {}
    statuses: dict[int, int] = {}
    with requests.Session() as session:
        session.trust_env = False
        for operation in operations:
            for role in roles:
                caller = _Caller(url, role, session)
                for status, wrong in caller.tried(operation, examples, number):
                    statuses[status] = statuses.get(status, 0) + 1
                    for one in wrong:
                        found.setdefault(f"{operation.label}: {one.partition(chr(10))[0]}", f"{role.name}: {one}")
    return Tried(sum(statuses.values()), statuses, [f"{name}\n{told}" for name, told in found.items()])


@dataclass(frozen=True, slots=True)
class _Caller:
    url: str
    role: Role
    session: requests.Session

    def tried(self, operation: Any, examples: int, number: int) -> list[tuple[int, list[str]]]:
        """The statuses of the answers, and what is wrong with each."""
        own = {name: value for name, value in self.role.ids.items() if f"{{{name}}}" in operation.path}
        ways = [operation.as_strategy(mode, path_parameters=own) for mode in GenerationMode]
        answers: list[tuple[int, list[str]]] = []

        @seed(f"{number} {self.role.name} {operation.label}")
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=st.one_of(*ways))
        def call(case: Any) -> None:
            answers.append(self._call(case))

        call()
        return answers

    def _call(self, case: Any) -> tuple[int, list[str]]:
        headers = {"Authorization": f"Bearer {self.role.token}"}
        response = case.call(base_url=self.url, session=self.session, headers=headers, timeout=_PATIENCE)
        try:
            case.validate_response(response, checks=_checks_of(case), headers=headers)
        except FailureGroup as group:
            return response.status_code, [_told(one, case, response) for one in group.exceptions]
        return response.status_code, []


def _checks_of(case: Any) -> list[Any]:
    # In a form everything is text: what was wrong before it was written may be right when it is read.
    is_form = case.media_type == "multipart/form-data"
    return [one for one in _CHECKS if not (is_form and one is checks.negative_data_rejection)]


def _told(failure: Any, case: Any, response: Any) -> str:
    what = failure.title if isinstance(failure, Failure) else str(failure)
    return f"{what}\n{failure}\n{case.as_curl_command()}\n{response.status_code} {response.text[:500]}"
