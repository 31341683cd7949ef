"""What the old installation finished: a project with a release, one under way, and one with enough answers to fit."""

import hashlib
import io
import random
import threading
import zipfile  # noqa: TID251 - writes an upload and reads our own release
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from tests.upgrade.old_code import Site, is_quiet, old, rows, wait_until

WIDTH, HEIGHT = 48, 36
POLICY = {"batch_size": 5, "gold_rate": 0.2, "price": "0.05", "share_reviewed": 0.2}
FORMATS = ("coco", "imagenet")
CROWD, FITTED, NEW = 17, 60, 2


def a_drawing(number: int) -> tuple[bytes, dict[str, Any]]:
    """A PNG with one square or disc on it, and the answer that is true of it."""
    dice = random.Random(number)
    x, y, side = dice.randint(1, 20), dice.randint(1, 12), dice.randint(8, 20)
    shape = 1 + number % 2
    image = Image.new("RGB", (WIDTH, HEIGHT), (dice.randint(0, 90), dice.randint(0, 90), 40))
    draw = ImageDraw.Draw(image)
    (draw.rectangle if shape == 1 else draw.ellipse)((x, y, x + side - 1, y + side - 1), fill=(230, 220, 90))
    target = io.BytesIO()
    image.save(target, "PNG", optimize=True)
    return target.getvalue(), an_answer(shape, x, y, side)


def an_answer(shape: int, x: float, y: float, side: float) -> dict[str, Any]:
    """A class for the image and a box of that class, in pixels."""
    geometry = {"x": x, "y": y, "w": side, "h": side}
    box = {"id": "o1", "class": shape, "tool": "box", "geom": geometry, "attrs": {}}
    return {"image": {"class": shape, "tags": [], "attrs": {}}, "objects": [box], "verdict": "labels"}


def a_project(site: Site, folder: Path, name: str, numbers: range, *, golds: int, **policy: Any) -> str:
    """Make a project over HTTP, bring its drawings in, make the first ones check images, open it; returns its id."""
    made = site.manager.create_project(
        {
            "name": name,
            "classes": [{"name": "square"}, {"name": "disc"}],
            "tools": ["class", "box"],
            "instructions": "Say what it is and draw a box around it.",
            "policy": POLICY | policy,
        }
    )
    project: str = made["id"]
    archive = folder / f"{name}.zip"
    answers = {}
    with zipfile.ZipFile(archive, "w") as target:
        for number in numbers:
            content, answers[f"shapes/{number:03}.png"] = a_drawing(number)
            target.writestr(f"shapes/{number:03}.png", content)
    site.manager.upload(project, archive, lambda done, total: None)
    for place, image in enumerate(site.manager.images(project)):
        pixels = site.manager.image_bytes(image["id"], "rendition")
        site.truths[hashlib.sha256(pixels).hexdigest()] = answers[image["source_key"]]
        if place < golds:
            body = {"image": image["id"], "answer": answers[image["source_key"]]}
            site.manager.post(f"/projects/{project}/golds/", "make a check image", body)
    site.manager.open(project)
    return project


class Worker:
    """A person with the old code's simulated browser, who joined by invitation."""

    def __init__(self, site: Site, project: str, invitation: str, name: str) -> None:
        self.site, self.project = site, project
        self.browser = old("annotary.demo.browser.Browser")(site.url, patience=30.0, stop=threading.Event())
        self.id: str = self.browser.join(invitation, name=name, email=f"{name.lower()}@example.org")

    def take(self) -> dict[str, Any]:
        response = self.browser.take_set(self.project)
        assert response.status_code == 201, response.text
        hand: dict[str, Any] = response.json()
        return hand

    def answer(self, assignment: dict[str, Any], *, key: str) -> bytes:
        """Answer truly but for a shift that is this worker's own; returns the body that was sent."""
        pixels = self.browser.image(assignment["image"])
        truth = self.site.truths[hashlib.sha256(pixels).hexdigest()]
        box = truth["objects"][0]
        shift = random.Random(self.browser.line.url + self.id[:2] + key).choice([0, 0.5, 1])
        moved = an_answer(box["class"], box["geom"]["x"] + shift, box["geom"]["y"], box["geom"]["w"])
        body: bytes = old("annotary.demo.browser.encoded")(moved, seconds=4.0)
        response = self.browser.answer(assignment["id"], body, key)
        assert response.status_code == 200, response.text
        return body

    def do_a_set(self) -> None:
        hand = self.take()
        for assignment in hand["assignments"]:
            self.answer(assignment, key=f"first-{assignment['id']}")
        self.browser.settle(hand["id"])


def finish_a_release(site: Site, folder: Path) -> str:
    """Three people answer everything, a reviewer decides, two releases of the same content are made and exported."""
    policy = {"answers_min": 3, "answers_max": 3, "hand_size": 12}
    project = a_project(site, folder, "Released", range(12), golds=2, **policy)
    invitation = site.manager.invite(project, uses=20)
    for name in ("Ibis", "Heron", "Egret"):
        Worker(site, project, invitation, name).do_a_set()
    wait_until(is_quiet, "the labels were not made")
    ask_refit(project)
    _review(site, project)
    site.expected["release"] = _release(site, project, folder)
    site.expected["same_release"] = site.manager.release(project)["id"]
    return project


def _review(site: Site, project: str) -> None:
    first, second, *_ = site.manager.labels(project, state="answered")
    for label, verdict in ((first, {"verdict": "approve"}), (second, _a_fix(second))):
        assert site.manager.review(label["task"], {"label_hash": label["label_hash"], **verdict})
    # A fix asks for a refit, which may move labels: approve when nothing moves any more.
    wait_until(is_quiet, "the refit after the fix did not end")
    for batch in site.manager.batches(project):
        site.manager.approve_batch(batch)
    wait_until(is_quiet, "the approval did not end")
    assert all(label["state"] == "approved" for label in site.manager.labels(project))


def _a_fix(label: dict[str, Any]) -> dict[str, Any]:
    box = label["answer"]["objects"][0]
    geometry = box["geom"]
    return {"verdict": "fix", "answer": an_answer(box["class"], geometry["x"] + 0.25, geometry["y"], geometry["w"])}


def _release(site: Site, project: str, folder: Path) -> dict[str, Any]:
    made = site.manager.release(project)
    told = {name: made[name] for name in ("id", "number", "content_hash", "items")}
    exports, files = {}, {}
    for form in FORMATS:
        target = folder / f"{form}.zip"
        exports[form] = site.manager.export(made["id"], form, target)
        with zipfile.ZipFile(target) as archive:
            files[form] = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    shown = {form: {"id": each["id"], "sha256": each["sha256"]} for form, each in exports.items()}
    return {**told, "project": project, "exports": shown, "files": files}


def ask_refit(project: str) -> None:
    """Ask for a refit of the project and wait until it and what it moves are done."""
    from django.db import transaction

    row = rows("projects.models.Project").get(public_id=project)
    with transaction.atomic():
        old("tasks.consensus.refitting.ask_refit")(project_id=row.pk)
    wait_until(is_quiet, f"the refit of {row.name} did not end")


def fit_a_crowd(site: Site) -> str:
    """A project with more answers than a cold start takes, written straight into the tables, and its first fit."""
    cast, people = "tests.cast", [old("tests.cast.a_worker")(f"crow{number}") for number in range(CROWD)]
    project = old(f"{cast}.a_project")(
        "Crowded", classes=("red", "green", "blue"), workers=people, answers_min=CROWD, answers_max=CROWD
    )
    answer_as_a_crowd(project, FITTED, seed=1)
    ask_refit(str(project.public_id))
    state = rows("tasks.consensus.models.ConsensusState").get(project=project)
    assert state.header["blend"] is not None, "the crowd is too small to learn from"
    return str(project.public_id)


def answer_as_a_crowd(project: Any, count: int, *, seed: int) -> list[int]:
    """Everybody answers `count` new tasks, is credited, and the live stream hears of it; returns ids of the tasks."""
    from django.db import transaction

    people = [standing.worker for standing in rows("tasks.standing.models.Standing").filter(project=project)]
    with transaction.atomic():
        tasks = _some_tasks(project, count, seed)
        truth = {task.pk: 1 + task.pk % 3 for task in tasks}
        right = {person: 0.95 if place % 3 else 0.6 for place, person in enumerate(people)}
        given = old("tests.crowd.a_voting_crowd")(
            project, tasks, people, truth=truth, right=right, classes=3, seed=seed
        )
        old("tests.crowd.answers_of")(project, given)
        paid = [old("tasks.pay.services.post_credits")(hand=hand) for hand in project.hands.all()]
        done = sum(each.answers for each in paid)
        figures = {"submitted": done, "settled": done, "paid_micros": sum(each.micros for each in paid)}
        old("kernel.events.record_event")(project_id=project.pk, kind="hand.settled", **figures)
        ids = [task.pk for task in tasks]
        old("kernel.jobs.enqueue")("consensus.update", project_id=project.pk, max_attempts=1000, task_ids=ids)
    return ids


def _some_tasks(project: Any, count: int, seed: int) -> list[Any]:
    """Tasks whose images differ by name alone: their pixels are one file."""
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
