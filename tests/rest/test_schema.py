"""schemathesis: every operation answers as the OpenAPI schema says, whoever asks whatever.

The last of the files here by its name: what alice has is not there any more after it.
"""

from __future__ import annotations

from bench.fuzz.contract import try_contract
from tests.rest.conftest import World


def test_every_answer_is_as_the_schema_says(world: World) -> None:
    """A few of the calls that `python -m bench.fuzz` makes for as long as one likes."""
    tried = try_contract(world.server.url, world.roles, examples=1)
    assert tried.wrong == []
    # What nobody may do, or what never is there, would be as the schema says without being looked at.
    assert {200, 201, 204, 400, 403, 404} <= tried.statuses.keys()
