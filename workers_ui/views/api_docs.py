"""The API reference: every call of the OpenAPI description on one page, which works without a script."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from tasks.api.docs import description
from workers_ui.views.base import page

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
NULL = "null"
_drawing = Lock()
#: Deeper objects are named by their type alone.
DEPTH = 2


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body; `name` has dots for nested fields."""

    name: str
    type: str
    required: bool
    text: str


@dataclass(frozen=True, slots=True)
class Body:
    """A request or response body: `status` is "" for requests, and `types` are its content types."""

    status: str
    types: tuple[str, ...]
    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    method: str
    path: str
    title: str
    text: str
    parameters: tuple[Field, ...]
    request: Body | None
    responses: tuple[Body, ...]

    @property
    def path_parts(self) -> list[str]:
        """The path in parts that end with a slash, between which a narrow page may break the line."""
        return [part for part in re.split(r"(?<=/)", self.path) if part]


def docs(request: HttpRequest) -> HttpResponse:
    with _drawing:  # once, however many ask before it is done
        calls = _calls()
    return page(request, "workers_ui/api_docs.html", calls=calls)


@cache
def _calls() -> SafeString:
    """Draw what is equal for all readers: with it each page took a tenth of a second of CPU."""
    return render_to_string("workers_ui/components/api_calls.html", {"groups": _groups()})


def _groups() -> tuple[tuple[str, tuple[Call, ...]], ...]:
    document = json.loads(description())
    groups: dict[str, list[Call]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                call = item[method]
                groups.setdefault((call.get("tags") or ["other"])[0], []).append(_call(document, path, method, call))
    return tuple((name, tuple(calls)) for name, calls in sorted(groups.items()))


def _call(document: Json, path: str, method: str, call: Json) -> Call:
    body = call.get("requestBody")
    return Call(
        id=call["operationId"],
        method=method.upper(),
        path=path,
        title=call.get("summary", ""),
        text=call.get("description", ""),
        parameters=tuple(_parameter(document, each) for each in call.get("parameters", ())),
        request=_body(document, "", body) if body else None,
        responses=tuple(_body(document, status, each) for status, each in call["responses"].items()),
    )


def _parameter(document: Json, item: Json) -> Field:
    where = {"path": "path", "query": "query", "header": "header"}.get(item["in"], item["in"])
    kind = f"{_type(document, item.get('schema', {}))}, {where}"
    return Field(item["name"], kind, bool(item.get("required")), item.get("description", ""))


def _body(document: Json, status: str, item: Json) -> Body:
    content: dict[str, Json] = item.get("content", {})
    schema: Json = next((each.get("schema", {}) for each in content.values()), {})
    return Body(status, tuple(content), item.get("description", ""), tuple(_fields(document, schema, "", DEPTH)))


def _fields(document: Json, schema: Json, prefix: str, depth: int) -> list[Field]:
    schema = _present(document, _resolved(document, schema))
    if "array" in _types(schema):
        return _fields(document, schema["items"], f"{prefix}[].", depth)
    found = []
    for name, each in schema.get("properties", {}).items():
        resolved = _resolved(document, each)
        text = each.get("description") or resolved.get("description", "")
        found.append(Field(prefix + name, _type(document, each), name in schema.get("required", ()), text))
        if depth > 1:
            found += _fields(document, each, f"{prefix}{name}.", depth - 1)
    return found


def _resolved(document: Json, schema: Json) -> Json:
    """Return a schema with its reference followed and the parts of `allOf` joined."""
    if "$ref" in schema:
        return _resolved(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]])
    if "allOf" in schema:
        parts = [_resolved(document, each) for each in schema["allOf"]]
        return {key: value for part in [*parts, schema] for key, value in part.items() if key != "allOf"}
    return schema


def _present(document: Json, schema: Json) -> Json:
    """Return the other choice of a schema that is something or null."""
    choices = [each for each in schema.get("oneOf", ()) if _types(each) != [NULL]]
    return _resolved(document, choices[0]) if len(choices) == 1 else schema


def _type(document: Json, schema: Json) -> str:
    """What a value may be, as words; in OpenAPI 3.1, null is one of several types."""
    kinds = dict.fromkeys(_kinds(document, schema))
    return " or ".join([kind for kind in kinds if kind != NULL] + [kind for kind in kinds if kind == NULL])


def _kinds(document: Json, schema: Json) -> Iterator[str]:
    resolved = _resolved(document, schema)
    types = _types(resolved)
    if choices := [*resolved.get("oneOf", ()), *resolved.get("anyOf", ())]:
        yield from (kind for each in choices for kind in _kinds(document, each))
    elif "const" in resolved:
        yield f"“{resolved['const']}”"
    elif "enum" in resolved:
        values = [value for value in resolved["enum"] if value is not None]
        yield ", ".join(f"“{value}”" if isinstance(value, str) else str(value) for value in values)
        types += [NULL] if None in resolved["enum"] else []
    elif "array" in types:
        yield f"list of {_type(document, resolved['items'])}"
    elif not types:
        yield resolved.get("format") or "any"
    else:
        yield from (resolved.get("format") or each for each in types if each != NULL)
    if NULL in types:
        yield NULL


def _types(schema: Json) -> list[str]:
    """The types of a resolved schema: one, or several in OpenAPI 3.1."""
    found = schema.get("type", [])
    return [found] if isinstance(found, str) else list(found)
