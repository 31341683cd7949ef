"""A whole day with a generated Python client: project, images, answers, review, release, download.

`annotary_client` is what openapi-python-client generates from docs/openapi.yaml. Prints what the download contains.
"""

import hashlib
import io
import json
import os
import sys
import time
import zipfile  # noqa: TID251 - reads the download
from collections.abc import Callable
from pathlib import Path
from typing import Any

from annotary_client import AuthenticatedClient
from annotary_client.api.assignments import get_assignment_image, put_assignment_answer
from annotary_client.api.exports import get_export, get_export_download
from annotary_client.api.hands import post_hand_settle
from annotary_client.api.images import get_image, get_image_file
from annotary_client.api.imports import get_import
from annotary_client.api.invitations import post_invitations_accept
from annotary_client.api.projects import (
    get_project_answers_csv,
    get_project_answers_jsonl,
    get_project_images,
    get_project_labels,
    post_project_batches_open,
    post_project_hands,
    post_project_imports,
    post_project_invitations,
    post_project_releases,
    post_project_reviews,
    post_project_step,
    post_projects,
)
from annotary_client.api.releases import get_release, post_release_exports
from annotary_client.api.tasks import get_task
from annotary_client.models import (
    AcceptRequest,
    AnswerRequest,
    BoxObject,
    BoxObjectRequest,
    ClassRequest,
    GetImageFileKind,
    GetProjectLabelsState,
    ImportUploadRequest,
    InviteRequest,
    NewExportRequest,
    NewProjectRequest,
    PolicyRequest,
    PolygonObject,
    PolygonObjectRequest,
    PostProjectStepStep,
    Problem,
    ReviewsRequest,
    ReviewVerdict,
    SubmitRequest,
    TaskReviewRequest,
)
from annotary_client.types import File

PATIENCE = 60.0
OUTLINE = [[30.0, 10.0], [50.0, 20.0], [40.0, 40.0]]


def client(key: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=os.environ["ANNOTARY_URL"], token=os.environ[key])


manager, worker = client("MANAGER_KEY"), client("WORKER_KEY")


def ok(result: Any) -> Any:
    if result is None or isinstance(result, Problem):
        sys.exit(f"refused: {result}")
    return result


def wait_for(read: Callable[[], Any], *done: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while (row := ok(read())).state not in done:
        if time.monotonic() > deadline:
            sys.exit(f"still {row.state}")
        time.sleep(0.1)
    return row


def new_project() -> Any:
    body = NewProjectRequest(
        name="Strays",
        classes=[ClassRequest(name="cat"), ClassRequest(name="dog")],
        tools=["box", "polygon"],
        policy=PolicyRequest(answers_min=1, answers_max=1, gold_rate=0, price="0.05", currency="EUR"),
    )
    return ok(post_projects.sync(client=manager, body=body, idempotency_key="project")).id


def import_images(project: Any) -> None:
    paths = [Path(name) for name in sys.argv[1:]]
    files = [File(io.BytesIO(path.read_bytes()), file_name=path.name, mime_type="image/jpeg") for path in paths]
    body = ImportUploadRequest(files=files, paths=[f"strays/{path.name}" for path in paths])
    upload = ok(post_project_imports.sync(project, client=manager, body=body, idempotency_key="images"))
    report = wait_for(lambda: get_import.sync(upload.id, client=manager), "done", "failed")
    assert report.taken == len(paths), report
    ok(post_project_batches_open.sync(project, client=manager))
    ok(post_project_step.sync(project, PostProjectStepStep.OPEN, client=manager))


def look_at_pixels(project: Any) -> None:
    image = ok(get_project_images.sync(project, client=manager)).results[0]
    for kind in GetImageFileKind:
        pixels = ok(get_image_file.sync(image.id, client=manager, kind=kind)).payload.read()
        assert pixels[:2] == b"\xff\xd8", kind


def answer_everything(project: Any) -> None:
    link = ok(post_project_invitations.sync(project, client=manager, body=InviteRequest(), idempotency_key="invite"))
    ok(post_invitations_accept.sync(client=worker, body=AcceptRequest(token=link.token)))
    hand = ok(post_project_hands.sync(project, client=worker))
    for row in hand.assignments:
        assert ok(get_assignment_image.sync(row.id, client=worker)).payload.read()[:2] == b"\xff\xd8"
        box = {"id": "a", "class": 1, "tool": "box", "geom": {"x": 4, "y": 5, "w": 20, "h": 30}}
        polygon = {"id": "b", "class": 2, "tool": "polygon", "geom": {"parts": [[OUTLINE]]}}
        answer = AnswerRequest.from_dict({"verdict": "labels", "objects": [box, polygon]})
        assert [type(each) for each in answer.objects or ()] == [BoxObjectRequest, PolygonObjectRequest]
        body = SubmitRequest(answer=answer, seconds=2.5)
        ok(put_assignment_answer.sync(row.id, client=worker, body=body, idempotency_key=f"answer {row.id}"))
    assert ok(post_hand_settle.sync(hand.id, client=worker)).answers == len(hand.assignments)


def review_everything(project: Any, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(labels := ok(get_project_labels.sync(project, client=manager)).results) < count:
        assert time.monotonic() < deadline, labels
        time.sleep(0.1)
    approve = ReviewVerdict.APPROVE
    reviews = [TaskReviewRequest(label_hash=each.label_hash, verdict=approve, task=each.task) for each in labels]
    body = ReviewsRequest(reviews=reviews)
    results = ok(post_project_reviews.sync(project, client=manager, body=body, idempotency_key="review")).reviews
    assert [(row.status, row.problem) for row in results] == [(200, None)] * count


def read_everything(project: Any, count: int) -> None:
    """All answers as files, and one task and its image, found by a filter."""
    rows = ok(get_project_answers_jsonl.sync(project, client=manager)).payload.read().splitlines()
    assert [json.loads(row)["seconds"] for row in rows] == [2.5] * count
    assert len(ok(get_project_answers_csv.sync(project, client=manager)).splitlines()) == count + 1
    approved = get_project_labels.sync(project, client=manager, state=GetProjectLabelsState.APPROVED, prefix="strays/")
    label = ok(approved).results[0]
    task = ok(get_task.sync(label.task, client=manager))
    assert [row.answer.verdict for row in task.answers] == ["labels"]
    objects = {type(each): each for each in label.answer.objects}
    assert objects[BoxObject].geom.w == 20
    assert objects[PolygonObject].geom.parts == [[OUTLINE]]
    assert ok(get_image.sync(task.image, client=manager)).task.id == task.id


def pull(project: Any) -> dict[str, Any]:
    release = ok(post_project_releases.sync(project, client=manager, idempotency_key="release"))
    wait_for(lambda: get_release.sync(release.id, client=manager), "ready", "failed")
    export = ok(post_release_exports.sync(release.id, client=manager, body=NewExportRequest(format_="coco")))
    export = wait_for(lambda: get_export.sync(export.id, client=manager), "ready", "failed")
    content = ok(get_export_download.sync(export.id, client=manager)).payload.read()
    assert hashlib.sha256(content).hexdigest() == export.sha256
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        document: dict[str, Any] = json.loads(archive.read("coco/annotations.json"))
    return document


def main() -> None:
    project = new_project()
    import_images(project)
    look_at_pixels(project)
    answer_everything(project)
    review_everything(project, len(sys.argv) - 1)
    read_everything(project, len(sys.argv) - 1)
    document = pull(project)
    names = sorted(image["file_name"] for image in document["images"])
    print(
        json.dumps(
            {"images": names, "boxes": [row["bbox"] for row in document["annotations"] if row["category_id"] == 1]}
        )
    )


if __name__ == "__main__":
    main()
