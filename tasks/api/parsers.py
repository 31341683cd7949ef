"""Parses JSON bodies, size-limited and without text that PostgreSQL cannot store, and uploads under their names."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, cast

import orjson
from django.http.multipartparser import MultiPartParser as FormParser
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, DataAndFiles

from annotary_core.labels.json_reading import MAX_BODY_BYTES
from tasks.api.errors import BodyTooLarge


class JsonParser(BaseParser):
    """Parses one JSON object. Refuses NaN, lone surrogates, and NUL, which PostgreSQL cannot store in text."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = cast(BinaryIO, stream).read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The body is larger than {MAX_BODY_BYTES // 1000} kB. Send less at once.")
        try:
            data: Any = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not valid JSON: {error.msg}, line {error.lineno}.") from error
        if not isinstance(data, dict):
            raise ParseError("The body must be a single JSON object.")
        # Written any other way, the character is not valid JSON.
        if b"\\u0000" in body and any("\0" in text for text in _texts(data)):
            raise ParseError("A string in the body contains the character NUL (\\u0000). Remove it.")
        return data


class UploadParser(BaseParser):
    """Parses multipart/form-data. Files keep their names; Django's parser would drop every no-break space in them."""

    media_type = "multipart/form-data"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> "DataAndFiles[Any, MultiValueDict[str, Any]]":
        request = (parser_context or {})["request"]
        meta = request.META | {"CONTENT_TYPE": media_type}
        try:
            data, files = _UploadForm(meta, stream, request.upload_handlers, "utf-8").parse()
        except MultiPartParserError as error:
            raise ParseError(f"The form cannot be read: {error}") from error
        return DataAndFiles(data, files)


class _UploadForm(FormParser):
    def sanitize_file_name(self, file_name: str) -> str | None:
        """Return the last part of a path. The import checks the name like any other."""
        base = file_name.replace("\\", "/").rsplit("/", 1)[-1]
        return None if base in {"", ".", ".."} else base


def _texts(data: Any) -> Iterator[str]:
    """Yield every string in the data, including keys; uses a stack, so that deep nesting needs no recursion."""
    stack = [data]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
