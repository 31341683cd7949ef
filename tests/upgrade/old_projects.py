"""Create the finished work of the old installation: a project with a release, and one with enough answers for a fit.

The helpers that create projects and workers are shared with `old_unfinished.py`.
"""

import hashlib
import io
import random
import threading
import zipfile  # noqa: TID251 - writes an upload and reads our own release
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from tests.upgrade.old_code import Site, is_idle, old, rows, wait_until

WIDTH, HEIGHT = 48, 36
POLICY = {"batch_size": 5, "gold_rate": 0.2, "price": "0.05", "share_reviewed": 0.2}
FORMATS = ("coco", "imagenet")
CROWD_SIZE, FITTED_TASKS, NEW_TASKS = 17, 60, 2


def a_drawing(number: int) -> tuple[bytes, dict[str, Any]]:
    """Return a PNG that shows one square or disc, and the correct answer for it."""
    rng = random.Random(number)
    x, y, side = rng.randint(1, 20), rng.randint(1, 12), rng.randint(8, 20)
    shape = 1 + number % 2
    image = Image.new("RGB", (WIDTH, HEIGHT), (rng.randint(0, 90), rng.randint(0, 90), 40))
    draw = ImageDraw.Draw(image)
    (draw.rectangle if shape == 1 else draw.ellipse)((x, y, x + side - 1, y + side - 1), fill=(230, 220, 90))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue(), an_answer(shape, x, y, side)


def an_answer(shape: int, x: float, y: float, side: float) -> dict[str, Any]:
    """Return an answer with a class for the image and a box of the same class, in pixels."""
    geometry = {"x": x, "y": y, "w": side, "h": side}
    box = {"id": "o1", "class": shape, "tool": "box", "geom": geometry, "attrs": {}}
    return {"image": {"class": shape, "tags": [], "attrs": {}}, "objects": [box], "verdict": "labels"}


def a_project(site: Site, folder: Path, name: str, numbers: range, *, golds: int, **policy: Any) -> str:
    """Create and open a project over HTTP; returns its id.

    Its images are the drawings with these `numbers`; the first `golds` of them become check images.
    """
    created = site.manager.create_project(
        {
            "name": name,
            "classes": [{"name": "square"}, {"name": "disc"}],
            "tools": ["class", "box"],
            "instructions": "Say what it is and draw a box around it.",
            "policy": POLICY | policy,
        }
    )
    project: str = created["id"]
    archive = folder / f"{name}.zip"
    answers = {}
    with zipfile.ZipFile(archive, "w") as target:
        for number in numbers:
            content, answers[f"shapes/{number:03}.png"] = a_drawing(number)
            target.writestr(f"shapes/{number:03}.png", content)
    site.manager.upload(project, archive, lambda done, total: None)
    for index, image in enumerate(site.manager.images(project)):
        rendition = site.manager.image_bytes(image["id"], "rendition")
        site.known_answers[hashlib.sha256(rendition).hexdigest()] = answers[image["source_key"]]
        if index < golds:
            body = {"image": image["id"], "answer": answers[image["source_key"]]}
            site.manager.post(f"/projects/{project}/golds/", "create a check image", body)
    site.manager.open(project)
    return project


class Worker:
    """A person who joined by invitation and uses the old code's simulated browser."""

    def __init__(self, site: Site, project: str, invitation: str, name: str) -> None:
        self.site, self.project = site, project
        self.browser = old("annotary.demo.browser.Browser")(site.url, patience=30.0, stop=threading.Event())
        self.id: str = self.browser.join(invitation, name=name, email=f"{name.lower()}@example.org")

    def take_set(self) -> dict[str, Any]:
        response = self.browser.take_set(self.project)
        assert response.status_code == 201, response.text
        hand: dict[str, Any] = response.json()
        return hand

    def answer(self, assignment: dict[str, Any], *, key: str) -> bytes:
        """Submit the correct answer, shifted by an offset that varies by worker and key; returns the body sent."""
        rendition = self.browser.image(assignment["image"])
        correct = self.site.known_answers[hashlib.sha256(rendition).hexdigest()]
        box = correct["objects"][0]
        shift = random.Random(self.browser.line.url + self.id[:2] + key).choice([0, 0.5, 1])
        shifted = an_answer(box["class"], box["geom"]["x"] + shift, box["geom"]["y"], box["geom"]["w"])
        body: bytes = old("annotary.demo.browser.encoded")(shifted, seconds=4.0)
        response = self.browser.answer(assignment["id"], body, key)
        assert response.status_code == 200, response.text
        return body

    def complete_a_set(self) -> None:
        hand = self.take_set()
        for assignment in hand["assignments"]:
            self.answer(assignment, key=f"first-{assignment['id']}")
        self.browser.settle(hand["id"])


def complete_a_project(site: Site, folder: Path) -> str:
    """Take a project through to its release: three workers answer every image, and a reviewer decides.

    Two releases with the same content are created; the first one is exported. Returns the project's id.
    """
    policy = {"answers_min": 3, "answers_max": 3, "hand_size": 12}
    project = a_project(site, folder, "Released", range(12), golds=2, **policy)
    invitation = site.manager.invite(project, uses=20)
    for name in ("Ibis", "Heron", "Egret"):
        Worker(site, project, invitation, name).complete_a_set()
    wait_until(is_idle, "the labels were not computed")
    refit(project)
    _review(site, project)
    site.expected["release"] = _release(site, project, folder)
    site.expected["same_release"] = site.manager.release(project)["id"]
    return project


def _review(site: Site, project: str) -> None:
    first, second, *_ = site.manager.labels(project, state="answered")
    for label, verdict in ((first, {"verdict": "approve"}), (second, _fix_verdict(second))):
        assert site.manager.review(label["task"], {"label_hash": label["label_hash"], **verdict})
    # A fix triggers a refit, which can change labels. Approve the rest only when they no longer change.
    wait_until(is_idle, "the refit after the fix did not finish")
    for batch in site.manager.batches(project):
        site.manager.approve_batch(batch)
    wait_until(is_idle, "the approval did not finish")
    assert all(label["state"] == "approved" for label in site.manager.labels(project))


def _fix_verdict(label: dict[str, Any]) -> dict[str, Any]:
    box = label["answer"]["objects"][0]
    geometry = box["geom"]
    return {"verdict": "fix", "answer": an_answer(box["class"], geometry["x"] + 0.25, geometry["y"], geometry["w"])}


def _release(site: Site, project: str, folder: Path) -> dict[str, Any]:
    """Create a release and export it in every format; returns what the tests will compare with."""
    release = site.manager.release(project)
    summary = {name: release[name] for name in ("id", "number", "content_hash", "items")}
    exports, files = {}, {}
    for form in FORMATS:
        target = folder / f"{form}.zip"
        exports[form] = site.manager.export(release["id"], form, target)
        with zipfile.ZipFile(target) as archive:
            files[form] = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    hashes = {form: {"id": export["id"], "sha256": export["sha256"]} for form, export in exports.items()}
    return {**summary, "project": project, "exports": hashes, "files": files}


def refit(project: str) -> None:
    """Request a refit of the project, and wait for it and for the updates that it triggers."""
    from django.db import transaction

    row = rows("projects.models.Project").get(public_id=project)
    with transaction.atomic():
        old("tasks.consensus.refitting.ask_refit")(project_id=row.pk)
    wait_until(is_idle, f"the refit of {row.name} did not finish")


def fit_a_crowd(site: Site) -> str:
    """Create a project with enough answers to leave the cold start, and fit its model; returns the project's id.

    The answers are written directly to the tables.
    """
    cast, people = "tests.cast", [old("tests.cast.a_worker")(f"crow{number}") for number in range(CROWD_SIZE)]
    project = old(f"{cast}.a_project")(
        "Crowded", classes=("red", "green", "blue"), workers=people, answers_min=CROWD_SIZE, answers_max=CROWD_SIZE
    )
    add_crowd_answers(project, FITTED_TASKS, seed=1)
    refit(str(project.public_id))
    state = rows("tasks.consensus.models.ConsensusState").get(project=project)
    assert state.header["blend"] is not None, "there are too few answers to leave the cold start"
    return str(project.public_id)


def add_crowd_answers(project: Any, count: int, *, seed: int) -> list[int]:
    """Create `count` tasks that every worker answers; returns the ids of the tasks.

    The workers are credited, the live stream gets an event, and an update of the labels is queued.
    """
    from django.db import transaction

    people = [standing.worker for standing in rows("tasks.standing.models.Standing").filter(project=project)]
    with transaction.atomic():
        tasks = _create_tasks(project, count, seed)
        correct_classes = {task.pk: 1 + task.pk % 3 for task in tasks}
        accuracies = {person: 0.95 if index % 3 else 0.6 for index, person in enumerate(people)}
        answers = old("tests.crowd.a_voting_crowd")(
            project, tasks, people, truth=correct_classes, right=accuracies, classes=3, seed=seed
        )
        old("tests.crowd.answers_of")(project, answers)
        posted = [old("tasks.pay.services.post_credits")(hand=hand) for hand in project.hands.all()]
        submitted = sum(credit.answers for credit in posted)
        paid_micros = sum(credit.micros for credit in posted)
        totals = {"submitted": submitted, "settled": submitted, "paid_micros": paid_micros}
        old("kernel.events.record_event")(project_id=project.pk, kind="hand.settled", **totals)
        ids = [task.pk for task in tasks]
        old("kernel.jobs.enqueue")("consensus.update", project_id=project.pk, max_attempts=1000, task_ids=ids)
    return ids


def _create_tasks(project: Any, count: int, seed: int) -> list[Any]:
    """Create tasks whose images differ only in name and hashes; one stored file serves them all."""
    blob = old("storage.services.store_blob")(source=io.BytesIO(a_drawing(999)[0]), content_type="image/png")
    batch = old("tests.cast.a_batch")(project)
    files = dict.fromkeys(("original", "release", "rendition", "thumb"), blob)
    size = {"width": WIDTH, "height": HEIGHT, "original_width": WIDTH, "original_height": HEIGHT}
    tasks = []
    for number in range(count):
        name = f"crowd/{seed}-{number:03}.png"
        image = rows("tasks.ingest.models.Image").create(
            dataset=project.dataset,
            sha256=hashlib.sha256(name.encode()).hexdigest(),
            source_key=name,
            perceptual_hash=number,
            **files,
            **size,
        )
        tasks.append(old("tests.cast.a_task")(project, image=image, batch=batch))
    return tasks
