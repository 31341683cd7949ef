"""Uploads are served with the type that our own code assigned, never as a page of the site."""

import io
from typing import Any

import pytest
from django.http import FileResponse, HttpRequest

from storage.backends import BlobMissing, delete
from storage.ranges import PreconditionFailed
from storage.services import store_blob
from storage.views import blob_response

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]


def served(content_type: str, name: str, *, download: bool = False) -> FileResponse:
    blob = store_blob(source=io.BytesIO(b"<script>alert(1)</script>"), content_type=content_type)
    response = blob_response(request=HttpRequest(), blob=blob, name=name, download=download)
    assert isinstance(response, FileResponse)
    assert b"".join(response) == b"<script>alert(1)</script>"
    response.close()
    return response


def test_an_image_is_served_inline_with_its_own_type() -> None:
    response = served("image/jpeg", "photos/ä cat.jpg")
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Disposition"].startswith("inline")
    assert response["Content-Length"] == "25"


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/octet-stream"])
def test_other_types_are_untyped_downloads(content_type: str) -> None:
    response = served(content_type, 'x";evil.html\r\nSet-Cookie: a=b')
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == 'attachment; filename="x_evil.html_Set-Cookie_ a_b"'


def test_a_release_is_downloaded_as_zip() -> None:
    response = served("application/zip", "release-1.zip")
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == 'attachment; filename="release-1.zip"'


def test_no_header_reveals_age_or_allows_scripts() -> None:
    response = served("image/jpeg", "a.jpg")
    assert {"Last-Modified", "Date"}.isdisjoint(response.headers)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cache-Control"].startswith("private")


def test_behind_the_front_a_file_is_named_instead_of_sent(settings: Any) -> None:
    blob = store_blob(source=io.BytesIO(b"seen"), content_type="image/jpeg")
    sent = blob_response(request=HttpRequest(), blob=blob, name="a cat.jpg")
    settings.ANNOTARY_FILES_BY_FRONT = True
    named = blob_response(request=HttpRequest(), blob=blob, name="a cat.jpg")
    sent.close()
    assert named.headers["X-Accel-Redirect"] == f"/front-files/{blob.key}"
    assert "Content-Length" not in named.headers
    for header in (
        "Cache-Control",
        "Content-Disposition",
        "Content-Security-Policy",
        "Content-Type",
        "ETag",
        "X-Content-Type-Options",
    ):
        assert named.headers[header] == sent.headers[header]
    delete(blob.key)
    with pytest.raises(BlobMissing):
        blob_response(request=HttpRequest(), blob=blob, name="a cat.jpg")


def asked(**headers: str) -> HttpRequest:
    request = HttpRequest()
    request.META |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return request


@pytest.mark.parametrize("date", ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_date_gets_the_whole_file_from_the_application_so_that_the_front_compares_none(
    settings: Any, date: str
) -> None:
    settings.ANNOTARY_FILES_BY_FRONT = True
    blob = store_blob(source=io.BytesIO(b"seen"), content_type="image/jpeg")
    sent = blob_response(request=asked(if_unmodified_since=date), blob=blob, name="a cat.jpg")
    assert (sent.status_code, "X-Accel-Redirect" in sent) == (200, False)
    sent.close()


@pytest.mark.parametrize("by_front", [True, False])
def test_if_match_is_compared_with_the_etag_by_the_application(settings: Any, by_front: bool) -> None:
    settings.ANNOTARY_FILES_BY_FRONT = by_front
    blob = store_blob(source=io.BytesIO(b"seen"), content_type="image/jpeg")
    tag = f'"{blob.sha256}"'
    for matching in (tag, f'"other", {tag}', "*"):
        sent = blob_response(request=asked(if_match=matching), blob=blob, name="a cat.jpg")
        assert (sent.status_code, "X-Accel-Redirect" in sent, sent["ETag"]) == (200, False, tag)
        sent.close()
    for other in ('"other"', f"W/{tag}"):
        with pytest.raises(PreconditionFailed):
            blob_response(request=asked(if_match=other), blob=blob, name="a cat.jpg")


def test_only_who_sends_the_file_says_that_it_takes_ranges(settings: Any) -> None:
    blob = store_blob(source=io.BytesIO(b"seen"), content_type="image/jpeg")
    sent = blob_response(request=HttpRequest(), blob=blob, name="a cat.jpg")
    sent.close()
    settings.ANNOTARY_FILES_BY_FRONT = True
    named = blob_response(request=HttpRequest(), blob=blob, name="a cat.jpg")
    assert (sent["Accept-Ranges"], "Accept-Ranges" in named) == ("bytes", False)


def test_a_range_in_other_digits_is_ignored() -> None:
    blob = store_blob(source=io.BytesIO(b"seen"), content_type="image/jpeg")
    whole = blob_response(request=asked(range="bytes=\u0661-\u0662"), blob=blob, name="a cat.jpg")
    whole.close()
    assert whole.status_code == 200
