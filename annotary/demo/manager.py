"""The manager's side: every step of a project with an API key, as a program of a customer's would take it."""

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from annotary.demo.errors import DemoError
from annotary.demo.flaky_network import Line, demand

API = "/api/v1"
CHUNK = 256 * 1024
Json = dict[str, Any]
# Called with (done, total) while something is under way.
Progress = Callable[[int, int], None]


class Manager:
    """An API key on one server."""

    def __init__(self, url: str, key: str, *, patience: float = 30.0) -> None:
        self.line = Line(url, headers={"Authorization": f"Bearer {key}"}, patience=patience)

    def close(self) -> None:
        self.line.close()

    def get(self, path: str, doing: str, **query: Any) -> Any:
        return demand(self.line.call("GET", API + path, params=query), doing)

    def post(self, path: str, doing: str, body: Mapping[str, Any] | None = None) -> Any:
        return demand(self.line.call("POST", API + path, repeat=False, json=body or {}), doing)

    def rows(self, path: str, doing: str, **query: Any) -> Iterator[Json]:
        """Every row of a list, page by page."""
        page = self.get(path, doing, page_size=200, **query)
        while True:
            yield from page["results"]
            if not page.get("next"):
                return
            page = demand(self.line.call("GET", page["next"]), doing)

    def create_project(self, body: Mapping[str, Any]) -> Json:
        made: Json = self.post("/projects/", "make the project", body)
        return made

    def project(self, project: str) -> Json:
        found: Json = self.get(f"/projects/{project}/", "read the project")
        return found

    def upload(self, project: str, archive: Path, told: Progress) -> Json:
        """Send a zip of images and wait until all of it is taken or refused; returns the import's report."""
        with archive.open("rb") as file:
            response = self.line.call(
                "POST",
                f"{API}/projects/{project}/imports/",
                files={"archive": (archive.name, file, "application/zip")},
                headers={"Idempotency-Key": str(uuid.uuid4())},
            )
        report: Json = demand(response, "upload the images")
        while report["state"] in {"receiving", "working"}:
            time.sleep(0.25)
            report = self.get(f"/imports/{report['id']}/", "follow the import")
            told(report["taken"] + report["duplicates"] + report["refused"], report["total"])
        if report["state"] == "failed" or not report["taken"] + report["duplicates"]:
            raise DemoError(f"No image could be brought in: {report['error'] or 'every file was refused'}.")
        return report

    def send_truth(self, project: str, truth: Path, *, share: float, seed: int) -> Json:
        """Post known labels; that share of the images becomes check images."""
        with truth.open("rb") as file:
            response = self.line.call(
                "POST",
                f"{API}/projects/{project}/truth/",
                files={"file": (truth.name, file)},
                data={"as_gold": str(share), "seed": str(seed)},
            )
        report: Json = demand(response, "send the known labels")
        return report

    def open(self, project: str) -> None:
        self.post(f"/projects/{project}/batches/open/", "open the batches")
        self.post(f"/projects/{project}/open/", "open the project")

    def invite(self, project: str, *, uses: int) -> str:
        """The address of a page on which that many people can join."""
        made = self.post(
            f"/projects/{project}/invitations/", "make an invitation", {"role": "worker", "max_uses": uses}
        )
        return str(made["url"])

    def images(self, project: str) -> list[Json]:
        return list(self.rows(f"/projects/{project}/images/", "list the images"))

    def image_bytes(self, image: str, kind: str) -> bytes:
        response = self.line.call("GET", f"{API}/images/{image}/file/", params={"kind": kind})
        if not response.is_success:
            demand(response, "load an image")
        return response.content

    def golds(self, project: str) -> list[Json]:
        return list(self.rows(f"/projects/{project}/golds/", "list the check images"))

    def labels(self, project: str, **query: str) -> list[Json]:
        return list(self.rows(f"/projects/{project}/labels/", "list the labels", **query))

    def workers(self, project: str) -> list[Json]:
        found = self.get(f"/projects/{project}/workers/", "list the workers")
        return list(found["results"])

    def label_now(self, task: str) -> Json:
        """The label of a task with its `content_hash` and `body`, as it is at this moment."""
        found: Json = self.get(f"/tasks/{task}/evidence/", "read a label")["label"]
        return found

    def review(self, task: str, body: Mapping[str, Any]) -> bool:
        """False when the label has changed since it was read: people's fixes teach who is right, and others follow."""
        response = self.line.call("POST", f"{API}/tasks/{task}/review/", repeat=False, json=body)
        if response.status_code == HTTPStatus.CONFLICT and response.json()["type"].endswith(":label_changed"):
            return False
        demand(response, "review a label")
        return True

    def figures(self, project: str) -> Json:
        found: Json = self.get(f"/projects/{project}/figures/", "read the project's figures")
        return found

    def batches(self, project: str) -> list[Json]:
        return list(self.rows(f"/projects/{project}/batches/", "list the batches"))

    def approve_batch(self, batch: Mapping[str, Any]) -> None:
        self.post(f"/batches/{batch['id']}/approve/", f"approve batch {batch['number']}")

    def release(self, project: str) -> Json:
        made = self.post(f"/projects/{project}/releases/", "make a release")
        return self._until(f"/releases/{made['id']}/", "make the release")

    def export(self, release: str, form: str, target: Path) -> Json:
        """Write the release in a format, load it, and check it against the sum that the server states."""
        made = self.post(f"/releases/{release}/exports/", f"ask for {form}", {"format": form})
        export = self._until(f"/exports/{made['id']}/", f"write {form}")
        digest = hashlib.sha256()
        with (
            self.line.http.stream("GET", f"{API}/exports/{export['id']}/download") as response,
            target.open("wb") as file,
        ):
            if not response.is_success:
                response.read()
                demand(response, f"load {form}")
            for chunk in response.iter_bytes(CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != export["sha256"]:
            raise DemoError(f"The {form} file differs from the sum that the server states; load it again.")
        return export

    def _until(self, path: str, doing: str, *, patience: float = 600.0) -> Json:
        """Wait for something that jobs make; `state` becomes ready or failed."""
        deadline = time.monotonic() + patience
        while True:
            found: Json = self.get(path, doing)
            if found["state"] == "ready":
                return found
            if found["state"] == "failed":
                raise DemoError(f"Could not {doing}: {found['error']}")
            if time.monotonic() > deadline:
                raise DemoError(f"Could not {doing}: it was not ready within {patience:.0f} seconds.")
            time.sleep(0.15)
