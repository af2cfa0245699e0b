"""How much of a model's window a prompt takes, and who gets what of it.

Room for the answer comes first, then instructions and question, then passages, then what was said before. Texts
are counted by a rule, rather too long than too short; what servers report of each model corrects it, for as long
as the process lives.
"""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings

from providers.chat.base import ChatMessage, ChatRequest
from providers.errors import PromptTooLong

logger = logging.getLogger(__name__)

# Fewer than most languages have, so that what is counted too short is rare.
_BYTES_A_TOKEN = 3
_DIGITS = b"0123456789"
_SIGNS = bytes(sign for sign in range(33, 127) if not chr(sign).isalnum())
_FIRST_OF_FOUR = bytes(range(0xF0, 0xF5))
# What a chat template adds, to a turn and once.
_TURN_TOKENS, _TEMPLATE_TOKENS = 10, 64
# The words that introduce a summary, and its fence.
_SUMMARY_TOKENS = 160
# Of the window, whatever the answer is allowed to take.
_MOST_FOR_ANSWER = 4
# Of what is left beside instructions and question, kept from the passages for what was said before.
_SHARE_OF_PAST = 4
# One earlier message takes at most this part of the past's room, the summary too.
_SHARE_OF_ONE = 2
_LEAST_PIECE = 24
CUT = " […]"


def count_tokens(text: str) -> int:
    """About how many a model makes of the text, rather too many than too few."""
    data = text.encode()
    digits, signs = _count_of(data, _DIGITS), _count_of(data, _SIGNS)
    letters = len(data) - digits - signs
    # Models part figures into single digits and rare signs into bytes; of signs two often go together.
    return digits + _count_of(data, _FIRST_OF_FOUR) - (-(2 * letters + _BYTES_A_TOKEN * signs) // 6)


def _count_of(data: bytes, wanted: bytes) -> int:
    return len(data) - len(data.translate(None, wanted))


def tokens_of(prompt: Sequence[ChatMessage]) -> int:
    """The same of turns, with what is put round each."""
    return sum(count_tokens(turn.content) + _TURN_TOKENS for turn in prompt)


def shortened(text: str, tokens: int) -> str:
    """The text's beginning that has room in `tokens`, in whole words where there are any."""
    if count_tokens(text) <= tokens:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if count_tokens(text[:middle]) <= tokens else (fits, middle)
    kept = text[:fits]
    return (kept.rpartition(" ")[0] or kept).rstrip()


@dataclass(frozen=True, slots=True)
class Budget:
    """A model's window in its own tokens, and what is kept of it for the answer.

    `worth` is the most that one token by our count is in its own, `usual` what it is mostly; rooms are given by
    our count.
    """

    window: int
    answer: int
    worth: float = 1.0
    usual: float = 1.0

    @property
    def prompt(self) -> int:
        """Room for the whole prompt."""
        return max(0, int((self.window - self.answer) / self.worth) - _TEMPLATE_TOKENS)

    def left(self, prompt: Sequence[ChatMessage]) -> int:
        """Room that a prompt leaves; less than nothing where it does not fit."""
        return self.prompt - tokens_of(prompt)

    def for_passages(self, bare: Sequence[ChatMessage], past: int) -> int:
        """Room for passages beside a prompt without any, where what was said before would take `past`."""
        left = self.left(bare)
        return max(0, left - min(past, left // _SHARE_OF_PAST))

    def allowed(self, prompt: Sequence[ChatMessage], wanted: int | None) -> int | None:
        """Of the tokens that an answer is to have at most, as many as the window has; some servers refuse more."""
        if wanted is None:
            return None
        taken = math.ceil((tokens_of(prompt) + _TEMPLATE_TOKENS) * self.worth)
        return min(wanted, max(self.answer, self.window - taken))

    def estimate(self, prompt: Sequence[ChatMessage]) -> int:
        """What the model will make of the prompt."""
        return round((tokens_of(prompt) + _TEMPLATE_TOKENS) * self.usual)


def budget_of(model: str, context_tokens: int | None = None, answer_tokens: int | None = None) -> Budget:
    """For a model whose context is known or not, and whose answer may have so many tokens."""
    meter = _meter_of(model)
    window = meter.window_of(min(context_tokens or settings.DOCENT_MODEL_CONTEXT, settings.DOCENT_MODEL_CONTEXT))
    answer = min(answer_tokens or settings.DOCENT_ANSWER_TOKENS, window // _MOST_FOR_ANSWER)
    return Budget(window, answer, meter.worth, meter.usual)


@dataclass(frozen=True, slots=True)
class Past:
    """What is told of what was said before: a summary of the older turns and the latest turns."""

    summary: str = ""
    turns: tuple[ChatMessage, ...] = ()

    @property
    def tokens(self) -> int:
        return tokens_of(self.turns) + (count_tokens(self.summary) + _SUMMARY_TOKENS if self.summary else 0)

    def within(self, tokens: int) -> "Past":
        """As much of it as has room, the latest first; a summary takes half of that at most."""
        summary = shortened(self.summary, tokens // _SHARE_OF_ONE - _SUMMARY_TOKENS)
        left = tokens - Past(summary).tokens
        return Past(summary, keep_turns(self.turns, tokens=left))


def keep_turns(turns: Sequence[ChatMessage], *, tokens: int) -> tuple[ChatMessage, ...]:
    """The latest turns that have room, beginning with a question; a huge one is cut, and says so."""
    left, most = tokens, tokens // _SHARE_OF_ONE
    kept: list[ChatMessage] = []
    for turn in reversed(turns):
        room = min(left, most) - _TURN_TOKENS
        if room < _LEAST_PIECE:
            break
        content = turn.content
        if count_tokens(content) > room:
            content = shortened(content, room - count_tokens(CUT)) + CUT
        kept.append(ChatMessage(role=turn.role, content=content))
        left -= count_tokens(content) + _TURN_TOKENS
    while kept and kept[-1].role != "user":
        kept.pop()
    return tuple(reversed(kept))


@dataclass(frozen=True, slots=True)
class Context:
    """What a prompt took of the window: by our estimate, and as the server reported it, if it did."""

    window: int
    estimated: int
    reported: int | None
    was_cut: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class _Meter:
    """What a model's server reported against our count.

    Bounded, so that one odd report spoils little, and never less than our count: the next text may be denser.
    """

    # A prompt shorter than this says little about a model's tokens.
    _LEAST = 200
    _LOWEST, _HIGHEST = 1.0, 4.0
    # Of English.
    _EXPECTED, _LEAST_USUAL = 0.7, 0.5
    _MARGIN = 1.1
    _PACE = 0.1
    _FAR_LESS = 0.5
    _UNKNOWN_MORE, _REFUSED_MORE = 1.25, 1.5
    # As long as what a server says of a model.
    _REMEMBERED = 600.0

    def __init__(self) -> None:
        self.worth = self.usual = 1.0
        # What was believed, what is so, and until when that is remembered.
        self._window: tuple[int, int, float] | None = None
        self._has_learned = self._has_warned = False

    def read(self, counted: int, reported: int | None, window: int) -> bool:
        """Learn from a report; whether it shows that the server cut the prompt."""
        if reported is None or counted < self._LEAST:
            return False
        if reported >= window - 1:
            # It was longer, nobody knows by how much.
            self.worth = min(self._HIGHEST, self.worth * self._UNKNOWN_MORE)
            return True
        share = reported / counted
        if share < self._FAR_LESS * (self.usual if self._has_learned else self._EXPECTED):
            return True
        pace = self._PACE if self._has_learned else 1.0
        self.usual = min(self._HIGHEST, max(self._LEAST_USUAL, self.usual + pace * (share - self.usual)))
        self._has_learned = True
        wanted = min(self._HIGHEST, max(self._LOWEST, share * self._MARGIN))
        # Up at once, down slowly.
        self.worth = wanted if wanted > self.worth else self.worth + self._PACE * (wanted - self.worth)
        return False

    def window_of(self, believed: int) -> int:
        """What the server takes, where it has refused more: for a while, or until something else is believed."""
        if self._window is None or self._window[0] != believed or self._window[2] < time.monotonic():
            return believed
        return self._window[1]

    def refused(self, counted: int, window: int, told: PromptTooLong) -> bool:
        """Learn from a refusal; whether a prompt made anew is shorter."""
        before = (self.worth, self._window)
        if told.window and told.window < window:
            is_smaller_yet = self._window is not None and self._window[1] == window
            believed = self._window[0] if self._window and is_smaller_yet else window
            self._window = (believed, told.window, time.monotonic() + self._REMEMBERED)
        if told.prompt_tokens:
            share = told.prompt_tokens / counted
            self.usual = min(self._HIGHEST, max(self.usual, share))
            self.worth = min(self._HIGHEST, max(self.worth, share * self._MARGIN))
        elif self._window == before[1]:
            self.worth = min(self._HIGHEST, self.worth * self._REFUSED_MORE)
        return before != (self.worth, self._window)

    def warn_once(self, model: str, context: Context) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "The server of the model %s cut a prompt: about %d tokens were sent, it read %d of a window of %d."
                " Set DOCENT_MODEL_CONTEXT to the window that it has.",
                model,
                context.estimated,
                context.reported,
                context.window,
            )


_meters: dict[str, _Meter] = {}


def _meter_of(model: str) -> _Meter:
    return _meters.setdefault(model, _Meter())


def read_refusal(request: ChatRequest, told: PromptTooLong) -> bool:
    """Learn from a request that was refused as too long; whether one that is made anew is shorter."""
    counted = tokens_of(request.messages) + _TEMPLATE_TOKENS
    return _meter_of(request.model).refused(counted, request.context_tokens, told)


def read_report(request: ChatRequest, reported: int | None) -> Context:
    """What a request took of its window; a prompt that the server cut is logged, once for each model."""
    meter = _meter_of(request.model)
    counted = tokens_of(request.messages) + _TEMPLATE_TOKENS
    estimated = round(counted * meter.usual)
    was_cut = meter.read(counted, reported, request.context_tokens)
    context = Context(request.context_tokens, estimated, reported, was_cut)
    if was_cut:
        meter.warn_once(request.model, context)
    return context
