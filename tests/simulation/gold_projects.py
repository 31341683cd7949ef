"""Projects in which somebody tries to find the gold: how their images and their gold came into them."""

import io
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rest_framework.test import APIClient

from annotary_core.labels.natural_order import natural_key
from projects.models import Project
from storage.services import store_blob
from tasks.batching.groups import runs_of
from tasks.batching.services import create_runs, open_all_batches, refresh_statistics
from tasks.flow.ground_truth import import_ground_truth
from tasks.flow.imports import TASKS_AT_ONCE
from tasks.gold.models import Gold
from tasks.ingest.models import Image
from tests import factories
from tests.pictures import a_jpeg

CLASSES = ("cat", "dog", "fox", "hen", "owl")
#: Frames of a clip.
CLIP = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """How a project's images and its gold came into it. Numbers of images: `truth` is the gold of an imported sample,
    `manager` what a manager makes after the upload, and `later` what one makes while people work.

    separately: one upload a folder; clips: frames that belong together; provokes: those who compare notes contradict
    each other, to see what is asked again; policy: of the project.
    """

    truth: int = 0
    manager: int = 0
    later: int = 0
    separately: bool = False
    clips: bool = False
    provokes: bool = False
    images: int = 375
    policy: Mapping[str, Any] = field(default_factory=dict)


DYNAMIC = {"answers_min": 2, "answers_max": 5, "confidence_target": 0.95}
KINDS = {
    "folders uploaded one by one, gold from the imported truth": Kind(truth=75, separately=True),
    "one upload, gold made by the manager in one go": Kind(manager=75),
    "gold from the truth, and more of it while people work": Kind(truth=50, later=30),
    "clips, gold from the imported truth": Kind(truth=65, clips=True, images=325),
    "answers until it is sure, which some provoke": Kind(truth=110, provokes=True, images=525, policy=DYNAMIC),
    "little gold for many workers": Kind(manager=55, images=575),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """What a worker recognizes in an image: its class, and where in the upload (and in its clip) it probably was."""

    folder: int
    upload: int


@dataclass(frozen=True, slots=True)
class GoldProject:
    """A project whose batches are open, what its images show, and how a manager makes more gold of it later."""

    project: Project
    pictures: Mapping[int, Picture]
    kind: Kind

    def class_of(self, image_id: int) -> int:
        return self.pictures[image_id].folder + 1

    def make_later_gold(self, rng: random.Random) -> None:
        """Have the manager turn images into gold that nobody has been given yet."""
        untouched = Image.objects.filter(tasks__project=self.project, tasks__taken=0, tasks__wanted__gt=0)
        ids = list(untouched.order_by("pk").values_list("pk", flat=True))
        self._make(rng.sample(ids, min(self.kind.later, len(ids))))

    def make_gold(self, rng: random.Random) -> None:
        self._make(sorted(rng.sample(sorted(self.pictures), self.kind.manager)))

    def _make(self, image_ids: list[int]) -> None:
        manager = APIClient()
        manager.force_authenticate(factories.ada().user)
        ids = dict(Image.objects.filter(pk__in=image_ids).values_list("pk", "public_id"))
        for image_id in image_ids:
            answer = {"image": {"class": self.class_of(image_id)}, "verdict": "labels"}
            body = {"image": str(ids[image_id]), "answer": answer}
            response = manager.post(f"/api/v1/projects/{self.project.public_id}/golds/", body, format="json")
            assert response.status_code == 201, response.content


def a_gold_project(kind: Kind, *, folder: Path, seed: int) -> GoldProject:
    """Upload the images, make the gold and open the batches. `folder` gets the owner's labeled files."""
    rng = random.Random(seed)
    policy: dict[str, Any] = {"answers_min": 3, "answers_max": 3, "gold_rate": 0.25, "hand_size": 10, **kind.policy}
    project = factories.a_project(f"Gold {seed}", classes=CLASSES, **policy)
    pictures = _upload(project, kind, first=seed * 10_000)
    made = GoldProject(project, pictures, kind)
    if kind.truth:
        _write_truth(project, folder)
        report = import_ground_truth(project=project, by=factories.ada(), path=folder, as_gold=kind.truth, seed=seed)
        assert report.golds
    made.make_gold(rng)
    open_all_batches(project=project)
    refresh_statistics()
    assert Gold.objects.filter(project=project).count() >= kind.truth + kind.manager
    return made


def _upload(project: Project, kind: Kind, *, first: int) -> dict[int, Picture]:
    """Insert images as an import does, one folder per class and each with images of its own size, and their tasks."""
    per_folder = kind.images // len(CLASSES)
    rows = [_image(project, kind, number, first, per_folder) for number in range(kind.images)]
    images = Image.objects.bulk_create(rows)
    chunk = per_folder if kind.separately else TASKS_AT_ONCE
    runs = runs_of((image.pk, image.group_key, image.source_key) for image in images)
    names = {image.pk: natural_key(image.source_key) for image in images}
    runs.sort(key=lambda run: names[run.image_ids[0]])
    while runs:
        size, part = 0, []
        while runs and size < chunk:
            part.append(runs.pop(0))
            size += len(part[-1].image_ids)
        create_runs(project=project, runs=part)
    return {image.pk: Picture(number // per_folder, number) for number, image in enumerate(images)}


def _image(project: Project, kind: Kind, number: int, first: int, per_folder: int) -> Image:
    folder, within = divmod(number, per_folder)
    blob = store_blob(source=io.BytesIO(a_jpeg(first + number)), content_type="image/jpeg")
    name = f"{within // CLIP:03}-{within % CLIP}" if kind.clips else f"{within:03}"
    return Image(
        dataset=project.dataset,
        sha256=blob.sha256,
        source_key=f"{CLASSES[folder]}/{name}.jpg",
        group_key=f"{CLASSES[folder]}/{within // CLIP:03}" if kind.clips else "",
        width=400 + folder,
        height=300,
        original_width=400 + folder,
        original_height=300,
        original=blob,
        release=blob,
        rendition=blob,
        thumb=blob,
        perceptual_hash=number,
    )


def _write_truth(project: Project, folder: Path) -> None:
    """Write files whose folders say the class, as owners have them."""
    for name in Image.objects.filter(dataset=project.dataset).values_list("source_key", flat=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
