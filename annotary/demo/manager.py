"""The manager's side: every step of a project through the API, as a customer's own program would take it."""

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from annotary.demo.errors import DemoError
from annotary.demo.flaky_network import RetryingClient, require_success
from annotary_core.labels.answer import Answer

API = "/api/v1"
CHUNK = 256 * 1024
Json = dict[str, Any]
# Called with (done, total) during a long operation.
ProgressCallback = Callable[[int, int], None]


class Manager:
    """A client of one server, with a manager's API key."""

    def __init__(self, url: str, key: str, *, retry_seconds: float = 30.0) -> None:
        self.client = RetryingClient(url, headers={"Authorization": f"Bearer {key}"}, retry_seconds=retry_seconds)

    def close(self) -> None:
        self.client.close()

    def get(self, path: str, action: str, **query: Any) -> Any:
        return require_success(self.client.call("GET", API + path, params=query), action)

    def post(self, path: str, action: str, body: Mapping[str, Any] | None = None) -> Any:
        return require_success(self.client.call("POST", API + path, retry=False, json=body or {}), action)

    def rows(self, path: str, action: str, **query: Any) -> Iterator[Json]:
        """Yield every row of a list, page by page."""
        page = self.get(path, action, page_size=200, **query)
        while True:
            yield from page["results"]
            if not page.get("next"):
                return
            page = require_success(self.client.call("GET", page["next"]), action)

    def create_project(self, body: Mapping[str, Any]) -> Json:
        created: Json = self.post("/projects/", "create the project", body)
        return created

    def project(self, project: str) -> Json:
        body: Json = self.get(f"/projects/{project}/", "read the project")
        return body

    def upload(self, project: str, archive: Path, on_progress: ProgressCallback) -> Json:
        """Upload a ZIP of images, wait until each is accepted or refused, and return the import's report."""
        with archive.open("rb") as file:
            response = self.client.call(
                "POST",
                f"{API}/projects/{project}/imports/",
                files={"archive": (archive.name, file, "application/zip")},
                headers={"Idempotency-Key": str(uuid.uuid4())},
            )
        report: Json = require_success(response, "upload the images")
        while report["state"] in {"receiving", "working"}:
            time.sleep(0.25)
            report = self.get(f"/imports/{report['id']}/", "follow the import")
            on_progress(report["taken"] + report["duplicates"] + report["refused"], report["total"])
        if report["state"] == "failed" or not report["taken"] + report["duplicates"]:
            raise DemoError(f"No image could be imported: {report['error'] or 'every file was refused'}.")
        return report

    def send_truth(self, project: str, truth: Path, *, share: float, seed: int) -> Json:
        """Upload ground truth; the given share of the images becomes gold."""
        with truth.open("rb") as file:
            response = self.client.call(
                "POST",
                f"{API}/projects/{project}/truth/",
                files={"file": (truth.name, file)},
                data={"as_gold": str(share), "seed": str(seed)},
            )
        report: Json = require_success(response, "upload the known labels")
        return report

    def create_gold(self, project: str, image: str, answer: Answer) -> None:
        """Make one image gold, with its true answer."""
        self.post(f"/projects/{project}/golds/", "create a check image", {"image": image, "answer": answer.to_json()})

    def open(self, project: str) -> None:
        self.post(f"/projects/{project}/batches/open/", "open the batches")
        self.post(f"/projects/{project}/open/", "open the project")

    def invite(self, project: str, *, uses: int) -> str:
        """Return the URL of an invitation that `uses` people can accept."""
        invitation = self.post(
            f"/projects/{project}/invitations/", "create an invitation", {"role": "worker", "max_uses": uses}
        )
        return str(invitation["url"])

    def images(self, project: str) -> list[Json]:
        return list(self.rows(f"/projects/{project}/images/", "list the images"))

    def image_bytes(self, image: str, kind: str) -> bytes:
        response = self.client.call("GET", f"{API}/images/{image}/file/", params={"kind": kind})
        if not response.is_success:
            require_success(response, "download an image")
        return response.content

    def golds(self, project: str) -> list[Json]:
        return list(self.rows(f"/projects/{project}/golds/", "list the check images"))

    def labels(self, project: str, **query: str) -> list[Json]:
        return list(self.rows(f"/projects/{project}/labels/", "list the labels", **query))

    def proposed_changes(self, project: str) -> int:
        """Return the number of approved labels that newer estimates would change."""
        return int(self.get(f"/projects/{project}/proposed-changes/", "list the proposed changes")["count"])

    def workers(self, project: str) -> list[Json]:
        page = self.get(f"/projects/{project}/workers/", "list the workers")
        return list(page["results"])

    def label_now(self, task: str) -> Json:
        """Return the current label of a task, with its `content_hash` and `body`."""
        label: Json = self.get(f"/tasks/{task}/evidence/", "read a label")["label"]
        return label

    def review(self, task: str, body: Mapping[str, Any]) -> bool:
        """Submit a review; return False if the label changed since it was read, since fixes update the worker model."""
        response = self.client.call("POST", f"{API}/tasks/{task}/review/", retry=False, json=body)
        if response.status_code == HTTPStatus.CONFLICT and response.json()["type"].endswith("/label_changed/"):
            return False
        require_success(response, "review a label")
        return True

    def figures(self, project: str) -> Json:
        figures: Json = self.get(f"/projects/{project}/figures/", "read the project's figures")
        return figures

    def batches(self, project: str) -> list[Json]:
        return list(self.rows(f"/projects/{project}/batches/", "list the batches"))

    def approve_batch(self, batch: Mapping[str, Any]) -> None:
        self.post(f"/batches/{batch['id']}/approve/", f"approve batch {batch['number']}")

    def release(self, project: str) -> Json:
        created = self.post(f"/projects/{project}/releases/", "create a release")
        return self._wait_until_ready(f"/releases/{created['id']}/", "create the release")

    def export(self, release: str, form: str, target: Path) -> Json:
        """Export the release in a format, download it, and verify the server's SHA-256."""
        created = self.post(f"/releases/{release}/exports/", f"request the {form} export", {"format": form})
        export = self._wait_until_ready(f"/exports/{created['id']}/", f"create the {form} export")
        digest = hashlib.sha256()
        with (
            self.client.http.stream("GET", f"{API}/exports/{export['id']}/download") as response,
            target.open("wb") as file,
        ):
            if not response.is_success:
                response.read()
                require_success(response, f"download the {form} export")
            for chunk in response.iter_bytes(CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != export["sha256"]:
            raise DemoError(f"The {form} file does not match the server's checksum. Run the command again.")
        return export

    def _wait_until_ready(self, path: str, action: str, *, timeout: float = 600.0) -> Json:
        """Wait for a resource that a job creates: its `state` becomes ready or failed."""
        deadline = time.monotonic() + timeout
        while True:
            resource: Json = self.get(path, action)
            if resource["state"] == "ready":
                return resource
            if resource["state"] == "failed":
                raise DemoError(f"Could not {action}: {resource['error']}")
            if time.monotonic() > deadline:
                raise DemoError(f"Could not {action}: it was not ready within {timeout:.0f} seconds.")
            time.sleep(0.15)
