"""Uploads files like a browser or a script."""

import itertools
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from projects.models import Project

_keys = itertools.count(1)


def upload(client: APIClient, project: Project, files: Mapping[str, bytes], *, key: str = "", **more: Any) -> Any:
    """Import `files` into the project, with their names as paths."""
    uploads = [SimpleUploadedFile(name.rsplit("/", 1)[-1] or "file", content) for name, content in files.items()]
    body: dict[str, Any] = {"files": uploads, "paths": list(files), **more}
    return client.post(
        f"/api/v1/projects/{project.public_id}/imports/",
        {name: value for name, value in body.items() if value},
        format="multipart",
        headers={"Idempotency-Key": key or f"key {next(_keys)}"},
    )
