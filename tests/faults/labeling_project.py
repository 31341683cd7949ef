"""A project with images that workers can label without looking at them, for the fault tests."""

import io
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tests.faults.up_process import Client, eventually

ANSWER = {"verdict": "labels", "image": {"class": 1}}


def noise(number: int, *, side: int) -> bytes:
    """A JPEG with unique content that does not compress."""
    pixels = np.random.default_rng(number).integers(0, 255, (side, side, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, format="JPEG", quality=95)
    return target.getvalue()


def labeling_project(
    client: Client, *, images: int, side: int, policy: dict[str, Any], tools: Sequence[str] = ("class",)
) -> str:
    """Create a project, import images into it and open it; return its id."""
    body = {"name": "Faults", "classes": [{"name": "cat"}, {"name": "dog"}], "tools": list(tools), "policy": policy}
    project = str(required(client, "/projects/", body)["id"])
    files = [("files", (f"{number}.jpg", noise(number, side=side), "image/jpeg")) for number in range(images)]
    imported = client.http.post(
        f"/projects/{project}/imports/", files=files, headers={"Idempotency-Key": str(uuid.uuid4())}
    )
    assert imported.status_code == 202, imported.text
    report: dict[str, Any] = {}

    def is_imported() -> bool:
        report.update(client.http.get(f"/imports/{imported.json()['id']}/").json())
        return report["state"] in {"done", "failed"}

    assert eventually(is_imported), report
    assert (report["state"], report["taken"]) == ("done", images), report
    required(client, f"/projects/{project}/batches/open/")
    required(client, f"/projects/{project}/open/")
    return project


def invitation(client: Client, project: str, *, uses: int) -> str:
    """Return the address at which `uses` workers can join."""
    body = {"role": "worker", "max_uses": uses}
    return str(required(client, f"/projects/{project}/invitations/", body)["url"])


def required(client: Client, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send a POST that must succeed; return its JSON."""
    response = client.http.post(path, json=body or {})
    assert response.is_success, response.text
    return response.json()
