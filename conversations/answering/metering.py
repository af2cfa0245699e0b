"""What a reply used, as it is stored with it: tokens, speed, and cost at the price of the moment."""

import logging
from collections.abc import Mapping
from typing import Any

from conversations.answering.pipeline import Outcome
from conversations.events import Failed, Finished
from conversations.metrics import count_reply
from tenants.prices import cost_of

logger = logging.getLogger(__name__)


def usage_of(outcome: Outcome, before: Mapping[str, Any]) -> dict[str, Any]:
    """Together with what its earlier part used, if it has one. Empty where no model was asked.

    A reply that was broken off has estimates, and says so. The time to the first token is the model's own, in
    seconds; its speed is that of the tokens after it.
    """
    counted = outcome.usage or outcome.estimated_usage()
    if not outcome.usage and not any(counted.values()):
        return dict(before)
    cost = cost_of(outcome.model, counted["prompt_tokens"], counted["completion_tokens"])
    total = {name: before.get(name, 0) + tokens for name, tokens in counted.items()}
    usage: dict[str, Any] = {
        **total,
        "time_to_first_token": outcome.timings.get("model_first_token"),
        "tokens_per_second": _speed(outcome, total["completion_tokens"] - outcome.aside_tokens[1]),
        "cost": _sum(before.get("cost"), None if cost is None else cost.view()),
    }
    if not outcome.usage or before.get("is_estimated"):
        usage["is_estimated"] = True
    return usage


def count_ended(outcome: Outcome, event: Finished | Failed, seconds: float) -> None:
    """Add an answer that is over, told by `event`, to the numbers; of one that was gone on with, its new part."""
    reason = event.code if isinstance(event, Failed) else event.finish_reason
    count_reply(
        provider=outcome.provider,
        reason=reason,
        first_token=None if outcome.begun else outcome.timings.get("first_token"),
        tokens=outcome.usage or outcome.estimated_usage(),
        seconds=seconds,
    )
    logger.debug("An answer is over: %s, by %s.", reason, outcome.provider)


def _sum(before: dict[str, Any] | None, now: dict[str, Any] | None) -> dict[str, Any] | None:
    """Of two costs; the later one alone where the operator has changed the currency meanwhile."""
    if before is None or now is None or before["currency"] != now["currency"]:
        return now or before
    return {**now, "amount": round(before["amount"] + now["amount"], 6)}


def _speed(outcome: Outcome, tokens: int) -> float | None:
    first, last = (outcome.timings.get(name) for name in ("first_token", "total"))
    if first is None or last is None or last <= first or tokens < 1:
        return None
    speed: float = round(tokens / (last - first), 1)
    return speed
