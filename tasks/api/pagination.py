"""Cursor pages: stable while rows arrive, and as fast on the last page as on the first."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response


class ByNewest(CursorPagination):
    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"
    ordering = "-id"


class ByOldest(ByNewest):
    ordering = "id"


def page(
    request: Request, rows: QuerySet[Any], shape: Callable[[Any], dict[str, Any]], *, newest_first: bool = True
) -> Response:
    """A page of `rows`, each turned to JSON by `shape`; the order is by id, so that the cursor is exact."""
    paginator = ByNewest() if newest_first else ByOldest()
    chosen = paginator.paginate_queryset(rows.order_by(), request) or []
    return paginator.get_paginated_response([shape(row) for row in chosen])
