"""Answers have one form: what a request says that it accepts is not looked at, as RFC 9110 allows."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class OneForm(DefaultContentNegotiation):
    """Views with one renderer answer with that; `format` is never a parameter of DRF's."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, Any]:
        known = list(renderers)
        if len(known) == 1:
            return known[0], known[0].media_type
        chosen: tuple[BaseRenderer, Any] = super().select_renderer(request, known, format_suffix)
        return chosen
