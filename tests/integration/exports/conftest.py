"""A release with real image files in its own data folder."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture
from pytest_django.fixtures import Settings

from projects.models import Project
from storage.services import store_blob
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.review.services import approve_label
from tasks.snapshots.models import Snapshot
from tasks.snapshots.services import build_snapshot, create_snapshot
from tests.factories import a_project, a_task, ada, an_answer, an_image, box_answer, wren

Approve = Callable[..., Task]


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, settings: Settings) -> None:
    settings.ANNOTARY_DATA = tmp_path
    local = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = {**settings.STORAGES, "default": local}


@pytest.fixture
def project() -> Project:
    return a_project(tools=("box",), answers_min=1, answers_max=1, split_train=1.0, split_val=0.0, workers=[wren()])


@pytest.fixture
def approve(project: Project) -> Approve:
    def add(name: str, body: dict[str, Any], *, color: tuple[int, int, int] = (90, 120, 60), **image: Any) -> Task:
        stream = io.BytesIO()
        Picture.new("RGB", (64, 48), color).save(stream, "JPEG")
        stream.seek(0)
        blob = store_blob(source=stream, content_type="image/jpeg")
        task = a_task(project, image=an_image(project, name=name, width=64, height=48, release=blob, **image))
        an_answer(task, wren(), body)
        update_labels(task_ids=[task.pk])
        label = ConsensusLabel.objects.get(task=task, is_current=True)
        approve_label(reviewer=ada(), task=task, label_hash=label.content_hash)
        return task

    return add


@pytest.fixture
def release(project: Project, approve: Approve) -> Snapshot:
    approve("street/1.jpg", box_answer((1, 4, 4, 20, 20), (2, 30, 10, 12, 12)), metadata={"camera": "north"})
    approve("street/2.jpg", box_answer((2, 8, 8, 16, 16)), color=(10, 20, 200))
    approve("street/3.jpg", box_answer(), color=(250, 240, 30))
    snapshot = create_snapshot(project=project, by=ada())
    build_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    return snapshot
