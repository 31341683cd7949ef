"""Cursor pagination: stable while rows are added, and as fast on the last page as on the first.

Filters that no index serves are applied to a bounded number of rows for each page.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from tasks.api.filters import Filter, conditions
from tasks.api.operations import Declared, operation

Get = TypeVar("Get", bound=Callable[..., Any])

LARGEST_ID = 2**63 - 1
# Rows that a page looks through for those that match a filter without an index.
EXAMINED = 10_000
PARAMETERS = [
    OpenApiParameter("cursor", str, description="From `next` or `previous` of a page. Omit it for the first page."),
    OpenApiParameter("page_size", int, description="Rows per page, 1 to 500. Defaults to 50."),
]


class CursorRefused(ValidationError):
    """The cursor is invalid or truncated."""

    def __init__(self) -> None:
        super().__init__({"cursor": "This cursor is invalid. Start again from the first page."})


class ByNewest(CursorPagination):
    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"
    ordering = "-id"
    # The condition that rows must be examined for; None if all rows of the query match.
    examined: Q | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """As without filters; but if rows must be examined, a page ends after `EXAMINED` of them, full or not."""
        if self.examined is None:
            return super().paginate_queryset(queryset, request, view)
        cursor = self.decode_cursor(request)
        is_backward = cursor is not None and cursor.reverse
        name = self.ordering.removeprefix("-")
        is_descending = self.ordering.startswith("-") is not is_backward
        keys = queryset.order_by(f"-{name}" if is_descending else name).values_list(name, flat=True)
        if cursor is not None and cursor.position is not None:
            keys = keys.filter(**{f"{name}__{'lt' if is_descending else 'gt'}": cursor.position})
        # The last row to examine, and one more if there are more rows.
        last = list(keys[EXAMINED - 1 : EXAMINED + 1])
        if len(last) > 1:
            queryset = queryset.filter(**{f"{name}__{'gte' if is_descending else 'lte'}": last[0]})
        rows: list[Any] = super().paginate_queryset(queryset.filter(self.examined), request, view) or []
        if len(last) > 1:
            self._continue_after(None if rows else str(last[0]), is_backward=is_backward)
        return rows

    def _continue_after(self, key: str | None, *, is_backward: bool) -> None:
        """There are rows after those examined: the next page begins after the last row, or after `key` without one."""
        if is_backward and not self.has_previous:
            self.has_previous, self.previous_position = True, key
        elif not is_backward and not self.has_next:
            self.has_next, self.next_position = True, key

    def get_page_size(self, request: Request) -> int:
        size = int(request.query_params.get(self.page_size_query_param, self.page_size))
        if not 1 <= size <= self.max_page_size:
            raise ValidationError({"page_size": f"A page has 1 to {self.max_page_size} rows."})
        return size

    def decode_cursor(self, request: Request) -> Cursor | None:
        try:
            cursor: Cursor | None = super().decode_cursor(request)
        except NotFound as error:
            raise CursorRefused from error
        if cursor is not None and cursor.position is not None and not _is_id(str(cursor.position)):
            raise CursorRefused  # the query would fail on it
        return cursor


class ByOldest(ByNewest):
    ordering = "id"


class ByImage(ByNewest):
    """By the annotation `image_order`, the id of the row's image."""

    ordering = "image_order"


def page(
    request: Request, rows: QuerySet[Any], shape: Callable[[Any], dict[str, Any]], *, newest_first: bool = True
) -> Response:
    """A page of `rows`, each serialized by `shape`; ordered by id, so that the cursor is exact."""
    order = ByNewest if newest_first else ByOldest
    return page_at_once(request, rows, lambda chosen: [shape(row) for row in chosen], order=order)


def page_at_once(
    request: Request,
    rows: QuerySet[Any],
    shape: Callable[[list[Any]], Sequence[Mapping[str, Any]]],
    *,
    order: type[ByNewest] = ByOldest,
    also: Q | None = None,
) -> Response:
    """A page of `rows` to which the declared filters apply, serialized together by `shape`.

    `also` is a condition without an index, in addition to those of the filters.
    """
    paginator = order()
    asked = conditions(_declared(request).filters, request.query_params, also)
    paginator.examined = asked.examined
    chosen = paginator.paginate_queryset(rows.filter(asked.indexed).order_by(), request) or []
    return paginator.get_paginated_response(shape(chosen))


def listing(
    serializer: type[serializers.BaseSerializer[Any]],
    *,
    filters: Sequence[Filter] = (),
    parameters: Any = (),
    **options: Any,
) -> Callable[[Get], Get]:
    """`extend_schema` for a view that responds with `page`, which applies the `filters`."""
    name = serializer.__name__.removesuffix("Serializer") + "Page"
    fields = {
        "next": serializers.URLField(allow_null=True, help_text="URL of the next page"),
        "previous": serializers.URLField(allow_null=True, help_text="URL of the previous page"),
        "results": serializer(many=True),
    }
    response = inline_serializer(name=name, fields=fields)
    return operation(filters=filters, parameters=[*parameters, *PARAMETERS], responses=response, **options)


def _declared(request: Request) -> Declared:
    handler: Any = getattr(request.parser_context["view"], str(request.method).lower())
    declared: Declared = handler.declared
    return declared


def _is_id(position: str) -> bool:
    return position.isascii() and position.isdigit() and len(position) < 20 and int(position) <= LARGEST_ID
