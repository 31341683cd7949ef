"""Cursor pagination: stable while rows are added, and as fast on the last page as on the first."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from tasks.api.operations import operation

Get = TypeVar("Get", bound=Callable[..., Any])

LARGEST_ID = 2**63 - 1
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
    shape: Callable[[list[Any]], list[dict[str, Any]]],
    *,
    order: type[ByNewest] = ByOldest,
) -> Response:
    """A page of `rows`, serialized together by `shape`."""
    paginator = order()
    chosen = paginator.paginate_queryset(rows.order_by(), request) or []
    return paginator.get_paginated_response(shape(chosen))


def listing(
    serializer: type[serializers.BaseSerializer[Any]], *, parameters: Any = (), **options: Any
) -> Callable[[Get], Get]:
    """`extend_schema` for a view that responds with `page`."""
    name = serializer.__name__.removesuffix("Serializer") + "Page"
    fields = {
        "next": serializers.URLField(allow_null=True, help_text="URL of the next page"),
        "previous": serializers.URLField(allow_null=True, help_text="URL of the previous page"),
        "results": serializer(many=True),
    }
    response = inline_serializer(name=name, fields=fields)
    return operation(parameters=[*parameters, *PARAMETERS], responses=response, **options)


def _is_id(position: str) -> bool:
    return position.isascii() and position.isdigit() and len(position) < 20 and int(position) <= LARGEST_ID
