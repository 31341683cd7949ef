"""Time and memory of a release and its exports: `python tests/benchmarks/releases.py [labels]`; a few minutes.

Builds a project of 200,000 approved labels with five boxes each, and as many small JPEG files, in a temporary
PostgreSQL and a temporary folder. With `--shape polygon`, the objects are polygons of 24 points, one of five with a
hole. Then it creates a release and exports it in each format as the jobs do, each in a process of its own, and prints
for each step the seconds, the CPU seconds of that process and of its database connection, the statements, and the peak
of the process's resident memory above what it held at the start. The gate is the part of an export that reads the
written file back. Ends with the bytes that are stored and a download.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LABELS, OBJECTS = 200_000, 5
SIDES = (640, 480)
MIB = 2**20

IMAGES_OF_THEIR_OWN = """
UPDATE tasks_image i SET release_id = b.id
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM tasks_image WHERE dataset_id = %(dataset)s) numbered
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM storage_blob WHERE content_type = 'image/jpeg') b USING (n)
WHERE i.id = numbered.id
"""


class Step:
    """Measures a part of a process: seconds, CPU, statements, and peak memory above that at its start, in MiB."""

    def __init__(self) -> None:
        from django.db import connection

        from tests.benchmarks.big_project import StatementCounter
        from tests.benchmarks.claims import ServerTime

        connection.ensure_connection()
        self._server, self.counter = ServerTime(), StatementCounter()
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        self._memory = memory("VmRSS")
        self._wall, self._cpu, self._database = time.perf_counter(), time.process_time(), self._server.now()

    def figures(self) -> dict[str, float]:
        return {
            "seconds": time.perf_counter() - self._wall,
            "cpu": time.process_time() - self._cpu,
            "database": self._server.now() - self._database,
            "statements": self.counter.count,
            "base": self._memory,
            "peak": memory("VmHWM") - self._memory,
        }


def memory(name: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def in_a_process(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run `work` in a process of its own, with its own database connection, and return its result."""
    from django.db import connections

    connections.close_all()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, json.dumps(work()).encode())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        body = pipe.read()
    if os.waitpid(pid, 0)[1] != 0:
        raise RuntimeError("the step failed")
    result: dict[str, Any] = json.loads(body)
    return result


def approved_project(labels: int, shape: str) -> Any:
    """Create a project whose labels are all approved, without the answers that they came from."""
    from django.db import connection

    from tests import factories
    from tests.benchmarks import big_data, many_tasks

    project = factories.a_project("Released", classes=big_data.CLASSES, tools=("class", shape))
    size = big_data.Size(tasks=labels, batch=min(labels, many_tasks.BATCH_SIZE))
    params = big_data.parameters(size, project, [factories.wren()], factories.a_blob(), bodies=label_bodies(shape))
    params |= {"approved": labels, "answered": labels, "begun": labels}
    write_images(labels)
    steps = [many_tasks.IMAGES, IMAGES_OF_THEIR_OWN, many_tasks.BATCHES, many_tasks.TASKS, big_data.STATES]
    steps += [big_data.BATCH_COUNTS, "ANALYZE", big_data.LABELS, big_data.REVIEWS]
    with connection.cursor() as cursor:
        cursor.execute(many_tasks.UNCHECKED)
        for step in steps:
            cursor.execute(step, params)
        cursor.execute(many_tasks.CHECKED)
        cursor.execute("VACUUM ANALYZE")
    return project


def label_bodies(shape: str) -> list[dict[str, Any]]:
    """One label for each class: five objects of it, so that the image fits in a class folder too."""
    from annotary_core.labels.answer import Answer
    from tests import factories
    from tests.benchmarks.big_data import CLASSES

    bodies = [
        factories.box_answer(*((number, 10.25 * n + number, 7.5 * n, 31.4, 27.13) for n in range(1, OBJECTS + 1)))
        for number in range(1, len(CLASSES) + 1)
    ]
    for item in (each for body in bodies for each in body["objects"] if shape == "polygon"):
        item.update(tool="polygon", geom=around(item["geom"], with_hole=item["id"] == "o1"))
    return [Answer.from_json(body).to_json() for body in bodies]


def around(box: dict[str, float], *, with_hole: bool) -> dict[str, Any]:
    """A wavy polygon of 24 points in a box."""
    from annotary_core.labels.shapes.polygon import polygon_of

    x, y, w, h = box["x"] + box["w"] / 2, box["y"] + box["h"] / 2, box["w"] / 2, box["h"] / 2

    def ring(scale: float) -> list[tuple[float, float]]:
        turns = [(2 * math.pi * at / 24, scale * (0.9 + 0.1 * (-1) ** at)) for at in range(24)]
        return [(x + w * r * math.cos(turn), y + h * r * math.sin(turn)) for turn, r in turns]

    return polygon_of([[ring(1), ring(0.4)] if with_hole else [ring(1)]]).to_json()


def write_images(count: int) -> None:
    """Store `count` distinct JPEG files and their rows. They differ by a comment, so that all decode to the same."""
    from django.db import connection
    from PIL import Image as Picture

    from storage.backends import default_backend, key_of

    stream = io.BytesIO()
    Picture.effect_noise((16, 12), 60).resize(SIDES).save(stream, "JPEG", quality=50)
    picture, root = stream.getvalue(), Path(default_backend().path(""))
    for number in range(256):
        (root / f"blobs/{number:02x}").mkdir(parents=True)
    statement = "COPY storage_blob (sha256, size, content_type, state) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as rows:
        for number in range(count):
            comment = f"image {number:09}".encode()
            body = picture[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + picture[2:]
            sha256 = hashlib.sha256(body).hexdigest()
            (root / key_of(sha256)).write_bytes(body)
            rows.write_row((sha256, len(body), "image/jpeg", "ready"))


def stored() -> int:
    """Bytes of all stored files."""
    from django.db.models import Sum

    from storage.models import Blob

    # The row that stands for thumbnails and originals has no file.
    return Blob.objects.exclude(content_type="image/webp").aggregate(total=Sum("size"))["total"] or 0


def make_release(project_id: int) -> dict[str, Any]:
    from django.db import connection

    from projects.models import Project
    from tasks.snapshots.models import Snapshot
    from tasks.snapshots.services import build_snapshot, create_snapshot
    from tests import factories

    project, by = Project.objects.get(pk=project_id), factories.ada()
    step = Step()
    with connection.execute_wrapper(step.counter):
        snapshot = create_snapshot(project=project, by=by)
        build_snapshot(snapshot_id=snapshot.pk)
    return {"snapshot": snapshot.pk, "hash": Snapshot.objects.get(pk=snapshot.pk).content_hash, "all": step.figures()}


def make_export(snapshot_id: int, format: str) -> dict[str, Any]:
    from django.db import connection

    from annotary_core.formats import registry
    from tasks.exports import services
    from tasks.exports.models import Export
    from tasks.snapshots.models import Snapshot
    from tests import factories

    gate: dict[str, float] = {}
    verify = registry.verify_release

    def measured(*arguments: Any) -> Any:
        before, part = memory("VmHWM"), Step()
        try:
            return verify(*arguments)
        finally:
            gate.update(part.figures(), before=before)

    vars(services)["verify_release"] = measured
    export = services.request_export(snapshot=Snapshot.objects.get(pk=snapshot_id), format=format, by=factories.ada())
    step = Step()
    with connection.execute_wrapper(step.counter):
        services.write_export(export_id=export.pk)
    whole = step.figures()
    whole["peak"] = max(whole["peak"], gate.pop("before") - whole["base"])
    export = Export.objects.get(pk=export.pk)
    return {"export": str(export.public_id), "sha256": export.sha256, "size": export.size, "all": whole, "gate": gate}


def download(export: str) -> dict[str, Any]:
    """Load the export as a manager does, without the network."""
    from django.test import Client

    from tests import factories

    client = Client(HTTP_HOST="localhost")
    client.force_login(factories.ada().user)
    step, digest, size = Step(), hashlib.sha256(), 0
    response: Any = client.get(f"/api/v1/exports/{export}/download")
    for chunk in response.streaming_content:
        digest.update(chunk)
        size += len(chunk)
    return {"sha256": digest.hexdigest(), "size": size, "all": step.figures()}


def line(title: str, figures: dict[str, float]) -> str:
    return (
        f"  {title:<22}{figures['seconds']:7.1f} s   CPU {figures['cpu']:6.1f} s, of the database"
        f" {figures['database']:5.1f} s   {figures['statements']:6.0f} statements   peak {figures['base']:4.0f} +"
        f" {figures['peak']:4.0f} MiB"
    )


def report(labels: int, shape: str) -> Iterator[str]:
    from tests.benchmarks.claims import machine

    yield machine()
    start = time.perf_counter()
    project = approved_project(labels, shape).pk
    images = stored()
    yield (
        f"{labels:,} approved labels, {labels * OBJECTS:,} objects ({shape}), {images / MIB:,.0f} MiB of images,"
        f" written in {time.perf_counter() - start:.0f} s"
    )
    release = in_a_process(lambda: make_release(project))
    yield line("release", release["all"]) + f"   {release['hash'][:12]}"
    before = images
    for format in ("coco", "imagenet"):
        made = in_a_process(lambda format=format: make_export(release["snapshot"], format))  # type: ignore[misc]
        yield line(f"export, {format}", made["all"]) + f"   {made['sha256'][:12]}"
        yield line("  of which the gate", made["gate"])
        after = stored()
        yield f"  {format}: {made['size'] / MIB:,.0f} MiB to download, {(after - before) / MIB:,.0f} MiB more on disk"
        before = after
        loaded = in_a_process(lambda made=made: download(made["export"]))  # type: ignore[misc]
        assert (loaded["sha256"], loaded["size"]) == (made["sha256"], made["size"])
        yield line("  its download", loaded["all"])
    yield f"  stored: {images / MIB:,.0f} MiB of images, {before / MIB:,.0f} MiB with both exports"


def main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.benchmarks.claims import a_database

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=int, nargs="?", default=LABELS)
    parser.add_argument("--shape", choices=("box", "polygon"), default="box")
    options = parser.parse_args()
    with a_database(), tempfile.TemporaryDirectory(prefix="annotary-releases-") as folder:
        from django.conf import settings
        from django.test import override_settings

        local = {**settings.STORAGES["default"], "OPTIONS": {"location": Path(folder) / "files"}}
        storages = {**settings.STORAGES, "default": local}
        with override_settings(ANNOTARY_DATA=Path(folder), STORAGES=storages):
            for each in report(options.labels, options.shape):
                print(each, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
