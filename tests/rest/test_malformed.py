"""P9: nothing that is sent ends a process or is answered by a failure; what is refused is refused in one form."""

from __future__ import annotations

import random

import pytest

from bench.fuzz.frames import wrong_frames
from bench.fuzz.raw import BAD_BODIES, BAD_HEADS, Answer, wrong_answers, wrong_mutation
from tests.rest.conftest import World


def test_P9_what_is_malformed_is_refused_as_what_it_is(world: World) -> None:
    said: dict[str, Answer | None] = {}
    wrong = wrong_answers(world.server.url, world.alice.token, said.__setitem__)
    assert wrong == []
    assert said.keys() == BAD_BODIES.keys() | BAD_HEADS.keys()
    world.server.require_life()


@pytest.mark.parametrize("number", range(2))
def test_P9_no_request_made_by_chance_is_answered_by_a_failure(world: World, number: int) -> None:
    chance = random.Random(number)
    found = [wrong_mutation(world.server.url, world.alice.full_token, chance) for _ in range(150)]
    assert [one for one in found if one is not None] == []
    world.server.require_life()


def test_P9_no_frame_ends_a_socket_by_a_failure(world: World) -> None:
    url = f"{world.server.ws_url}/o/acme/ws/conversations/{world.estate.conversation}/"
    assert wrong_frames(url, world.alice.token, random.Random(0), count=12) == []
    world.server.require_life()
