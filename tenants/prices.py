"""What models cost: the operator's prices, as they are when tokens are used."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from django.conf import settings

_CURRENCY = re.compile(r"[A-Z]{3}")
_MILLION = 1_000_000
_FIELDS = frozenset({"in", "out", "currency"})


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount in millionths of a currency."""

    micros: int
    currency: str

    def view(self) -> dict[str, Any]:
        """As programs read it."""
        return {"amount": self.micros / _MILLION, "currency": self.currency}


@dataclass(frozen=True, slots=True)
class Price:
    """For a million tokens that go in and that come out."""

    prompt: Decimal
    completion: Decimal
    currency: str

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Cost:
        # So much for a million tokens is so many millionths for one.
        micros = prompt_tokens * self.prompt + completion_tokens * self.completion
        return Cost(int(micros.quantize(Decimal(1), ROUND_HALF_UP)), self.currency)

    def view(self) -> dict[str, Any]:
        """As programs read it."""
        return {"in": float(self.prompt), "out": float(self.completion), "currency": self.currency}


def parse_prices(text: str) -> Mapping[str, Price]:
    """Prices by model id. Raises `ValueError` with a sentence for whoever wrote them."""
    if not text.strip():
        return {}
    try:
        given = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(given, dict):
        example = '{"server/model": {"in": 0.5, "out": 1.5, "currency": "EUR"}}'
        raise ValueError(f"it is no JSON object such as {example}")  # noqa: TRY004
    return {model: _price(model, about) for model, about in given.items()}


def price_of(model: str) -> Price | None:
    """Today's; None for a model without one, which costs nothing that anybody knows of."""
    return _parsed(settings.DOCENT_MODEL_PRICES).get(model)


def cost_of(model: str, prompt_tokens: int, completion_tokens: int) -> Cost | None:
    """What so many tokens cost now."""
    price = price_of(model)
    return None if price is None else price.cost(prompt_tokens, completion_tokens)


@lru_cache(maxsize=4)
def _parsed(text: str) -> Mapping[str, Price]:
    return parse_prices(text)


def _price(model: str, about: Any) -> Price:
    if not isinstance(about, dict) or about.keys() != _FIELDS:
        raise ValueError(f"“{model}” needs “in”, “out” and “currency”, and nothing else")
    currency = about["currency"]
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise ValueError(f"the currency of “{model}” is not three capital letters")
    return Price(_amount(model, about["in"]), _amount(model, about["out"]), currency)


def _amount(model: str, value: Any) -> Decimal:
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value < _MILLION:
        raise ValueError(f"the price of “{model}” is not a number from 0 to {_MILLION:,}")
    return value
