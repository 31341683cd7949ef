"""What every operation of the OpenAPI document has in common: headers of responses, descriptions of ids, tags."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

TAGS = {
    "appeals": "Decisions on appeals against rejected answers",
    "assignments": "Images that were given to a worker: the image itself, and the answer",
    "attempt-items": "Images of practice or of an exam: the image itself, and the answer",
    "attempts": "Practice and exams that the caller has started",
    "batches": "Groups of images that are opened, paused and approved together",
    "exports": "Files of a release in a dataset format",
    "golds": "Check images, whose answer is known",
    "hands": "Sets: the images that a worker labels in one go",
    "images": "Images: what is known of one, and its files",
    "imports": "Uploads of images and what became of each file",
    "invitations": "Links by which people join",
    "ledger": "Earnings of the caller",
    "me": "The caller",
    "notices": "What the caller is told of",
    "organisations": "Organizations and their members",
    "projects": "Projects, and what belongs to one",
    "qualifications": "Exams, with practice for them, that projects can require",
    "questions": "Questions of workers about images, and the answers of the team",
    "releases": "Frozen versions of a project's labels",
    "tasks": "Images to be labeled: answers, evidence and review",
    "tokens": "API keys of the caller",
    "work": "Projects that are open to the caller",
}
HEADERS: Json = {
    "X-Request-ID": {
        "description": "Identifies the request in the logs. The front server chooses it, whatever the caller sends",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'The limit that the call counts against: `"person";q=6000;w=60` is 6,000 calls in 60 seconds',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of it: `"person";r=5999;t=42` is 5,999 calls in the next 42 seconds',
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "Send it as If-None-Match to get 304 while nothing has changed",
        "schema": {"type": "string"},
    },
}
METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def complete_document(result: Json, generator: Any, request: Any, public: bool) -> Json:
    """A postprocessing hook of drf-spectacular."""
    result["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    result["components"]["headers"] = HEADERS
    for method, operation in _operations(result):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                parameter.setdefault("description", _describe(parameter["name"]))
        for status, response in operation["responses"].items():
            names = [name for name in HEADERS if name != "ETag" or (method == "get" and status == "200")]
            response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return result


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path in document["paths"].values():
        yield from ((method, operation) for method, operation in path.items() if method in METHODS)


def _describe(name: str) -> str:
    if name == "step":
        return "What to do"
    what = name.removesuffix("_id").replace("organisation", "organization").replace("hand", "set")
    return f"Id of the {what.replace('gold', 'check image').replace('token', 'API key')}"
