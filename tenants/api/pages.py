"""Cursor pages, alike for every list."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination

from tenants.api.serializers import ParametersSerializer

MAX_ROWS = 200


class Pages(CursorPagination):
    """`results`, `next`, `previous`; `?limit=` up to 200. A view sets `ordering`, unique at its end."""

    page_size = 50
    max_page_size = MAX_ROWS
    page_size_query_param = "limit"
    ordering: tuple[str, ...] = ("created_at", "id")

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError) as error:  # a cursor of somebody's own making
            raise NotFound(self.invalid_cursor_message) from error


class NewestFirst(Pages):
    ordering = ("-created_at", "-id")


class NumberedPages(Pages):
    """Of things that are numbered within what the path names."""

    ordering = ("number",)


class PageQuery(ParametersSerializer):
    """The query parameters of every list; a list that filters adds its own."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ROWS)
    cursor = serializers.CharField(required=False)
