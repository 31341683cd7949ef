"""Filters of lists: query parameters that narrow the rows of a list by one of its fields.

`tasks.api.pagination.listing` declares them, and `page` applies them: an indexed one in the query that finds the rows,
the others to a bounded number of rows for each page, however few of them match.
"""

import unicodedata
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

KINDS: Mapping[type, OpenApiTypes] = {
    str: OpenApiTypes.STR,
    int: OpenApiTypes.INT,
    float: OpenApiTypes.FLOAT,
    uuid.UUID: OpenApiTypes.UUID,
    datetime: OpenApiTypes.DATETIME,
}
Parse = Callable[[str], Any]


def _parse_time(value: str) -> datetime | None:
    """Return the time in UTC, because PostgreSQL knows fewer offsets than Python."""
    parsed = parse_datetime(value)
    return parsed and parsed.astimezone(UTC)


PARSERS: Mapping[type, Parse] = {str: str, int: int, float: float, uuid.UUID: uuid.UUID, datetime: _parse_time}


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter by `lookup`, a lookup of the list's query, or a function from the value to a condition.

    `is_indexed`: the rows that match are found in an index, or are few in every project.
    """

    name: str
    lookup: str | Callable[[Any], Q]
    description: str
    kind: type = str
    enum: Sequence[str] | None = None
    is_indexed: bool = False

    @property
    def parameter(self) -> OpenApiParameter:
        return OpenApiParameter(self.name, KINDS[self.kind], description=self.description, enum=self.enum)

    def condition(self, value: str) -> Q:
        parsed = PARSERS[self.kind](value)
        return Q(**{self.lookup: parsed}) if isinstance(self.lookup, str) else self.lookup(parsed)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a request's filters ask for: `indexed` ones, and those that rows must be `examined` for, if any."""

    indexed: Q
    examined: Q | None


def one_of(name: str, choices: Iterable[Any], lookup: str = "", *, is_indexed: bool = False, what: str = "") -> Filter:
    """A filter by a field with few values."""
    values = [str(getattr(each, "value", each)) for each in choices]
    return Filter(name, lookup or name, what or name.capitalize(), enum=values, is_indexed=is_indexed)


def by_id(name: str, lookup: str, *, is_indexed: bool = False, what: str = "") -> Filter:
    return Filter(name, lookup, f"Id of {what or f'the {name}'}", kind=uuid.UUID, is_indexed=is_indexed)


def times(name: str, field: str, what: str) -> tuple[Filter, Filter]:
    """`<name>_after` and `<name>_before`, which together make ranges without gaps and overlaps."""
    return (
        Filter(f"{name}_after", f"{field}__gte", f"{what} at this time or later", kind=datetime),
        Filter(f"{name}_before", f"{field}__lt", f"{what} earlier than this time", kind=datetime),
    )


def created(field: str = "created_at", what: str = "Created") -> tuple[Filter, Filter]:
    return times("created", field, what)


def prefix(field: str, name: str = "prefix", what: str = "Names that begin with this, such as a folder") -> Filter:
    """Names of older imports may not be in NFC, so both forms are searched for."""

    def condition(value: str) -> Q:
        forms = sorted({unicodedata.normalize(form, value) for form in ("NFC", "NFD")})
        return reduce(or_, (Q(**{f"{field}__startswith": form}) for form in forms))

    return Filter(name, condition, what)


def has_class(field: str = "body") -> Filter:
    """Answers and labels with this class, of the image or of an object."""

    def condition(number: int) -> Q:
        of_image, of_object = {"image": {"class": number}}, {"objects": [{"class": number}]}
        return Q(**{f"{field}__contains": of_image}) | Q(**{f"{field}__contains": of_object})

    return Filter("class", condition, "Number of a class, of the image or of an object", kind=int)


def conditions(filters: Iterable[Filter], values: Mapping[str, str], also: Q | None = None) -> Conditions:
    """The conditions of the filters that `values` have; `also` is another one that rows must be examined for."""
    indexed, examined = Q(), also or Q()
    for each in filters:
        if each.name in values:
            if each.is_indexed:
                indexed &= each.condition(values[each.name])
            else:
                examined &= each.condition(values[each.name])
    return Conditions(indexed, examined or None)
