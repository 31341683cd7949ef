"""A separate storage folder for each test. Import the fixture in a folder's conftest."""

from pathlib import Path

import pytest
from pytest_django import Settings

from storage.models import Blob
from storage.services import open_blob


@pytest.fixture
def storage_folder(settings: Settings, tmp_path: Path) -> Path:
    """Files are stored below this folder, and the spool is beside it."""
    folder = tmp_path / "storage"
    settings.ANNOTARY_DATA = tmp_path
    local = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = settings.STORAGES | {"default": local}
    return folder


def content(blob: Blob) -> bytes:
    """The content of the blob's file."""
    with open_blob(blob) as file:
        return file.read()
