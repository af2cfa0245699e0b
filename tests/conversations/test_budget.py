"""What a model's window is spent on, by numbers: nothing passes it, and what servers report is learned from."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pytest_django import Settings

from conversations.prompting.budget import (
    Budget,
    Past,
    budget_of,
    count_tokens,
    keep_turns,
    read_report,
    shortened,
    tokens_of,
)
from providers.chat.base import ChatMessage, ChatRequest

PROSE = "The ferry to the island leaves from pier four on every day of the week, and comes back at noon. "
TEXTS = {
    "prose": PROSE * 400,
    "one word": "x" * 40_000,
    "Chinese": "渡轮每天从四号码头开往岛上，中午返回。" * 800,
    "code": "    if (a[i] != b[j]) { return f(x)(y); }\n" * 700,
    "figures": "1,234.56 | 7,890.12 | 2020 | 2021\n" * 900,
    "signs": "🧱🔥🚢" * 3_000,
}


def user(content: str) -> ChatMessage:
    return ChatMessage(role="user", content=content)


def said(content: str) -> ChatMessage:
    return ChatMessage(role="assistant", content=content)


def test_tokens_are_counted_rather_too_many() -> None:
    # What well-known tokenisers make of these, by their own figures, is a little less.
    assert count_tokens("") == 0
    assert count_tokens("x" * 300) == 100
    assert count_tokens("2020") == 4
    assert count_tokens("渡轮") == 2
    assert count_tokens("🧱") == 3
    assert 22 <= count_tokens(PROSE) <= 36
    assert count_tokens(PROSE * 10) <= 10 * count_tokens(PROSE)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("tokens", [-5, 0, 1, 7, 100, 1_000, 5_000])
def test_a_text_is_cut_to_what_has_room(text: str, tokens: int) -> None:
    kept = shortened(text, tokens)
    assert text.startswith(kept)
    assert count_tokens(kept) <= max(0, tokens)
    if tokens >= 100 and kept != text:
        assert count_tokens(kept) > 0.8 * tokens
    assert shortened("Short.", 100) == "Short."


def test_the_answer_has_its_room_first(settings: Settings) -> None:
    settings.DOCENT_MODEL_CONTEXT = 8192
    settings.DOCENT_ANSWER_TOKENS = 1024
    known = {
        (None, None): (8192, 1024),
        (131_072, None): (8192, 1024),
        (2048, None): (2048, 512),
        (4096, 300): (4096, 300),
        (4096, 4_000): (4096, 1024),
    }
    for (context, answer), (window, room) in known.items():
        budget = budget_of(f"unheard-{uuid4()}", context, answer)
        assert (budget.window, budget.answer) == (window, room)
        assert budget.prompt == window - room - 64
        assert budget.left([user("x" * 300)]) == budget.prompt - 110


def test_passages_come_before_the_past_which_keeps_a_quarter() -> None:
    budget, bare = Budget(4096, 1024), [user("x" * 300)]
    left = budget.left(bare)
    assert budget.for_passages(bare, past=0) == left
    assert budget.for_passages(bare, past=100) == left - 100
    assert budget.for_passages(bare, past=100_000) == left - left // 4
    assert Budget(100, 90).for_passages([user("x" * 900)], past=50) == 0


def test_the_latest_turns_are_told_as_far_as_they_fit() -> None:
    turns = [one for number in range(6) for one in (user(f"{'abcdef'[number]}" * 300), said("y" * 300))]
    assert keep_turns(turns, tokens=12 * 110) == tuple(turns)
    assert keep_turns(turns, tokens=12 * 110 - 1)[-10:] == tuple(turns[2:])
    assert keep_turns(turns, tokens=5 * 110) == tuple(turns[-4:]), "no answer without its question"
    assert keep_turns(turns, tokens=20) == ()
    assert keep_turns(turns, tokens=-7) == ()
    assert keep_turns([], tokens=100) == ()


def test_one_huge_message_is_cut_and_leaves_room_for_others() -> None:
    turns = [user("First?"), said("One."), user(TEXTS["prose"]), said("Two."), user("Third?"), said("Three.")]
    kept = keep_turns(turns, tokens=1_000)
    assert [turn.content for turn in kept if turn.content != kept[2].content] == [
        "First?", "One.", "Two.", "Third?", "Three.",
    ]  # fmt: skip
    assert kept[2].content.endswith(" […]")
    assert 350 < count_tokens(kept[2].content) <= 500


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_nothing_that_was_said_passes_the_room(text: str) -> None:
    turns = [one for number in range(9) for one in (user(text[: 37 * number * number]), said(text[:900]))]
    for tokens in (-1, 0, 40, 200, 1_000, 3_000, 9_000):
        for past in (Past(text[:5_000], tuple(turns)), Past("", tuple(turns)), Past(text, ())):
            kept = past.within(tokens)
            assert kept.tokens <= max(0, tokens)
            assert past.summary.startswith(kept.summary)
            assert not kept.turns or kept.turns[0].role == "user"
    whole = Past("A ferry.", (user("When?"), said("At noon.")))
    assert whole.within(1_000) == whole


def report(model: str, prompt: str, reported: int | None, window: int = 8192) -> tuple[int, bool]:
    """The estimate, and whether the prompt counts as cut."""
    request = ChatRequest(messages=(user(prompt),), question="", model=model, context_tokens=window)
    context = read_report(request, reported)
    assert (context.window, context.reported) == (window, reported)
    return context.estimated, context.was_cut


def test_what_a_server_reports_corrects_the_estimate_within_bounds() -> None:
    dense, light, odd = (f"model-{uuid4()}" for _ in range(3))
    prompt = PROSE * 20
    ours = tokens_of([user(prompt)]) + 64
    assert report(dense, prompt, round(1.5 * ours)) == (ours, False)
    assert budget_of(dense).worth == pytest.approx(1.65, rel=0.01), "up at once, and a little more"
    for _ in range(60):
        report(dense, prompt, ours)
    assert budget_of(dense).worth == pytest.approx(1.1, rel=0.02), "down slowly"
    report(light, prompt, round(0.6 * ours))
    estimated, was_cut = report(light, prompt, round(0.6 * ours))
    assert (estimated, was_cut) == (round(0.6 * ours), False)
    assert budget_of(light).worth == 1.0, "what comes next may be denser"
    report(odd, prompt, 7 * ours, window=100_000)
    assert budget_of(odd).worth == 4.0
    assert report(odd, prompt, None) == (4 * ours, False)
    assert budget_of("another").worth == 1.0


def test_a_prompt_that_the_server_cut_is_noticed_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    model, prompt = f"model-{uuid4()}", PROSE * 150
    ours = tokens_of([user(prompt)]) + 64
    assert report(model, prompt, round(0.75 * ours)) == (ours, False)
    assert report(model, prompt, round(0.38 * ours))[0] == round(0.75 * ours)
    assert caplog.records == []
    assert report(model, prompt, 700)[1], "far less than was sent"
    assert report(model, prompt, 4_096, window=4_096)[1], "the whole window"
    assert budget_of(model).worth > 1.0, "next time less is sent"
    assert not report(model, prompt, round(0.5 * ours))[1]
    assert not report(model, "Hello.", 3)[1], "too short to tell"
    [line] = caplog.messages
    assert f"The server of the model {model} cut a prompt" in line
