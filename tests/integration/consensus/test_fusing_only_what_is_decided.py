"""Objects that take long to fuse are fused when their task may be decided, not after every answer."""

from typing import Any

import pytest

from annotary_core.aggregation.objects.fuse_polygons import PolygonAnswers, PolygonConsensus, PolygonFusion
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.services import update_labels
from tests.factories import a_project, a_task, a_worker, an_answer, finch, wren

pytestmark = pytest.mark.django_db


def polygon(shift: float) -> dict[str, Any]:
    ring = [[100.0 + shift, 100.0], [300.0, 120.0 + shift], [280.0 - shift, 300.0], [90.0, 280.0 - shift]]
    item = {"id": "p1", "class": 1, "tool": "polygon", "geom": {"parts": [[ring]]}, "attrs": {}}
    return {"image": {"class": None, "tags": [], "attrs": {}}, "objects": [item], "verdict": "labels"}


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of polygons in each fusion."""
    calls: list[int] = []
    fit_predict = PolygonFusion.fit_predict

    def counted(self: PolygonFusion, answers: PolygonAnswers) -> PolygonConsensus:
        calls.append(len(answers.shapes))
        return fit_predict(self, answers)

    monkeypatch.setattr(PolygonFusion, "fit_predict", counted)
    return calls


def leaves(**policy: Any) -> tuple[Project, Task]:
    people = [wren(), finch(), a_worker("robin"), a_worker("tit")]
    project = a_project("Leaves", tools=("polygon",), workers=people, **policy)
    return project, a_task(project)


def test_polygons_of_a_waiting_task_are_not_fused(fused: list[int]) -> None:
    _, task = leaves(answers_min=4, answers_max=4)
    for number, worker in enumerate((wren(), finch(), a_worker("robin"))):
        an_answer(task, worker, polygon(2.0 * number))
        update_labels(task_ids=[task.pk])
    before = Posterior.objects.get(task=task)
    assert (before.answers, sum(fused)) == (3, 0)
    (found,) = before.body["objects"].values()
    assert found["existence"] > 0.9
    an_answer(task, a_worker("tit"), polygon(3.0))
    assert update_labels(task_ids=[task.pk]) == 1
    assert fused == [4]
    label = ConsensusLabel.objects.get(task=task)
    assert set(Posterior.objects.get(task=task).body["objects"]) == {item["id"] for item in label.body["objects"]}


def test_the_label_does_not_depend_on_how_often_it_was_computed() -> None:
    project, step_by_step = leaves(answers_min=3, answers_max=3)
    at_once = a_task(project)
    for number, worker in enumerate((wren(), finch(), a_worker("robin"))):
        for task in (step_by_step, at_once):
            an_answer(task, worker, polygon(2.0 * number))
        update_labels(task_ids=[step_by_step.pk])
    update_labels(task_ids=[at_once.pk])
    one, other = (ConsensusLabel.objects.get(task=task) for task in (step_by_step, at_once))
    assert (one.content_hash, one.confidence) == (other.content_hash, other.confidence)


def test_a_task_that_may_be_closed_early_is_fused(fused: list[int]) -> None:
    project, _ = leaves(answers_min=2, answers_max=4, confidence_target=0.5)
    task = a_task(project, wanted=3)
    for worker in (wren(), finch()):
        an_answer(task, worker, polygon(1.0))
    assert update_labels(task_ids=[task.pk]) == 1
    task.refresh_from_db()
    assert (task.state, task.wanted, fused) == ("answered", 2, [2])
