"""The operations of the OpenAPI document, called on the objects of the world."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete")
STEPS = {
    "projects": "pause",
    "batches": "pause",
    "workers": "pause",
    "applications": "accept",
    "proposed-changes": "keep",
    "set-aside": "offer",
}
NOWHERE = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Operation:
    path: str
    method: str
    body: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def url(self, ids: dict[str, Any]) -> str:
        """The URL with the ids of the world; those that it does not have are of nothing."""
        parts = self.path.split("/")
        for index, part in enumerate(parts):
            if part == "{step}":
                owner = parts[index - 1] if parts[index - 1] in STEPS else parts[index - 2]
                parts[index] = STEPS[owner]
            elif part.startswith("{"):
                parts[index] = str(ids.get(part.strip("{}"), NOWHERE))
        return "/".join(parts)


def operations(*methods: str) -> Iterator[Operation]:
    document = yaml.safe_load(COMMITTED.read_text())
    for path, entries in document["paths"].items():
        for method in methods or METHODS:
            if method in entries:
                yield Operation(path, method, entries[method])


def caller_of(operation: Operation) -> str:
    """The role of the world that may call it: wren labels, ada does everything else."""
    own = (
        "/api/v1/hands",
        "/api/v1/assignments",
        "/api/v1/attempt",
        "/api/v1/work/qualifications/{",
        "/api/v1/work/teams/{",
    )
    of_a_project = operation.path.endswith(("/instructions/news/", "/instructions/confirm/", "{project_id}/leave/"))
    return "worker" if of_a_project or operation.path.startswith(own) else "owner"
