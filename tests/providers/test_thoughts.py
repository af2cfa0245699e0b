"""Thoughts in tags before an answer, cut into pieces of every size."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.chat import ChatDelta
from providers.chat.thoughts import ThoughtSplitter
from tests.providers.chatting import KINDS, asked, broken, chat_with, collect, joined, stand_in
from tests.standins.scripted import Reply


def split(text: str, cuts: list[int]) -> tuple[str, str]:
    splitter = ThoughtSplitter()
    borders = [0, *sorted(cuts), len(text)]
    deltas = [splitter.split(ChatDelta(text=text[start:end])) for start, end in pairwise(borders)]
    deltas.append(splitter.split(ChatDelta(finish_reason="stop")))
    return "".join(delta.thinking for delta in deltas), joined(deltas)


@pytest.mark.parametrize(
    ("told", "thinking", "text"),
    [
        ("<think>Hm, 2 < 3 </thin.</think>\n\nThirty.", "Hm, 2 < 3 </thin.", "Thirty."),
        (" \n<think></think>Thirty. ", "", "Thirty. "),
        ("<think>Hm.", "Hm.", ""),
        ("<think>Hm.</thi", "Hm.</thi", ""),
        ("<thin ice>", "", "<thin ice>"),
        ("<thin", "", "<thin"),
        ("  Thirty <think>days</think>.", "", "  Thirty <think>days</think>."),
        ("<think>a</think>b <think>c</think>", "a", "b <think>c</think>"),
        (" \n ", "", " \n "),
        ("", "", ""),
    ],
)
@given(cuts=st.lists(st.integers(min_value=0, max_value=40), max_size=12))
def test_pieces_of_any_size_give_the_same(told: str, thinking: str, text: str, cuts: list[int]) -> None:
    assert split(told, [min(cut, len(told)) for cut in cuts]) == (thinking, text)


def test_an_answer_without_thoughts_is_not_held_back() -> None:
    delta = ChatDelta(text="Thirty ")
    assert ThoughtSplitter().split(delta) == delta


@pytest.mark.parametrize("kind", KINDS)
async def test_servers_that_leave_them_in_the_text(kind: str) -> None:
    with stand_in(kind) as server:
        chat = chat_with(server)
        server.script(Reply(text="<think>\nThe handbook says so.\n</think>\n\nThirty days [1]."))
        deltas = await collect(chat)
        assert "".join(delta.thinking for delta in deltas) == "\nThe handbook says so.\n"
        assert (joined(deltas), deltas[-1].finish_reason) == ("Thirty days [1].", "stop")
        server.script(Reply(text="<think> It never ends."), Reply(text="<"))
        _, error = await broken(chat, asked())
        assert error.code == "model_empty"
        assert joined(await collect(chat)) == "<"
        await chat.aclose()
