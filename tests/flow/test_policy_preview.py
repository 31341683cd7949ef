"""What a preview of another policy says is what the change then does, in every group of images."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.models import Job
from projects.errors import PolicyRefused
from projects.models import Project
from tasks.analytics.dashboard import project_figures
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.finished_images import FinishedImages, ask_finished_images
from tasks.flow.policy_change import change_project_policy
from tasks.flow.policy_preview import GROUPS_OF, ApplyTo, Effect, preview_policy
from tasks.flow.relabel import relabel
from tasks.review.services import approve_label, fix_label
from tests import factories, worker_actions
from tests.labeled import a_crowd, a_paid_task

pytestmark = pytest.mark.django_db

Policy = dict[str, Any]
#: An image: the classes of its answers, how many more it wants, and what was done with it.
Made = tuple[list[int], int, str]

images = st.lists(
    st.tuples(
        st.lists(st.sampled_from([1, 2]), max_size=4),
        st.integers(0, 2),
        st.sampled_from(["", "", "approve", "fix", "draft"]),
    ),
    min_size=1,
    max_size=7,
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    least = draw(st.integers(1, 4))
    most = least + draw(st.integers(0, 3))
    target = draw(st.sampled_from([0.6, 0.8, 0.95]))
    return {"answers_min": least, "answers_max": most, "confidence_target": target}


def build(made: Sequence[Made], policy: Policy) -> Project:
    project = factories.a_project(**policy, gold_rate=0.2, price=Decimal("0.03"))
    a_crowd(project, 6)
    opened = factories.a_batch(project)
    for classes, more, then in made:
        if then == "draft":
            continue
        if not classes:
            factories.a_task(project, batch=opened, wanted=more + 1)
            continue
        task = a_paid_task(project, [factories.class_answer(number) for number in classes], more=more)
        if then and task.state == Task.State.ANSWERED:
            label = ConsensusLabel.objects.get(task=task, is_current=True)
            if then == "approve":
                approve_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash)
            else:
                raw = factories.class_answer(3 - label.body["image"]["class"])
                fix_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash, raw=raw)
    draft = factories.a_batch(project, state="draft")
    for _ in [each for each in made if each[2] == "draft"]:
        factories.a_task(project, batch=draft, wanted=policy["answers_min"])
    Job.objects.all().delete()
    return project


def group_of(task: Task) -> str:
    if task.state != Task.State.OPEN:
        return str(task.state)
    return "draft" if task.batch.state == Batch.State.DRAFT else "open"


def requested() -> dict[int, int]:
    """How many more answers each image gets."""
    return {
        task.pk: task.wanted - task.taken if task.state == Task.State.OPEN or task.asked_again else 0
        for task in Task.objects.all()
    }


def run_jobs(project: Project) -> None:
    for job in Job.objects.filter(state=Job.State.QUEUED).order_by("pk"):
        if job.kind == "flow.ask_finished":
            ask_finished_images(project_id=project.pk, args=FinishedImages(**job.args))
        elif job.kind == "consensus.update":
            relabel(**job.args)
        Job.objects.filter(pk=job.pk).update(state=Job.State.DONE)


def effects(project: Project, changes: Policy, apply_to: ApplyTo) -> dict[str, Effect]:
    """Make the change and return what it did, by the group that the images were in before."""
    groups = {task.pk: group_of(task) for task in Task.objects.select_related("batch")}
    before = requested()
    change_project_policy(project=project, changes=changes, apply_to=apply_to)
    run_jobs(project)
    after = requested()
    done: dict[str, Effect] = {}
    for pk, group in groups.items():
        more = after[pk] - before[pk]
        done[group] = done.get(group, Effect()) + (Effect(1, more) if more else Effect())
    return {group: effect for group, effect in done.items() if effect != Effect()}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=images, policy=policies(), changes=policies(), apply_to=st.sampled_from(["new", "open", "finished"]))
def test_what_is_previewed_is_done(made: list[Made], policy: Policy, changes: Policy, apply_to: ApplyTo) -> None:
    with transaction.atomic():
        project = build(made, policy)
        preview = preview_policy(project=project, changes=changes)
        assert not preview.is_estimate
        expected = {name: preview.groups[name] for name in GROUPS_OF[apply_to] if preview.groups[name] != Effect()}
        assert effects(project, changes, apply_to) == expected
        worker_actions.assert_invariants(project)
        transaction.set_rollback(True)


def a_finished_project(count: int = 6, **policy: Any) -> Project:
    values: Policy = {"answers_min": 2, "answers_max": 2, "gold_rate": 0.2, "price": Decimal("0.04"), **policy}
    project = factories.a_project(**values)
    a_crowd(project, 6)
    for number in range(count):
        a_paid_task(project, [factories.class_answer(1), factories.class_answer(1 + number % 2)])
    return project


def test_the_cost_includes_the_expected_share_of_check_images() -> None:
    project = a_finished_project()
    preview = preview_policy(project=project, changes={"answers_min": 3, "price": "0.08"})
    assert preview.effect("open") == Effect()
    assert preview.effect("finished") == Effect(6, 6)
    assert preview.answer_cost == Decimal("0.1")
    assert preview.cost(6) == Decimal("0.6")
    assert Project.objects.get().answers_min == 2


def test_answers_that_are_paid_by_object_cost_what_the_newest_ones_did() -> None:
    """The most that one can pay, 50 objects, was said of all of them."""
    project = factories.a_project(
        tools=["box"], pay_by="object", price=Decimal("0.02"), gold_rate=0, answers_min=2, answers_max=2
    )
    a_crowd(project, 6)
    one, three = factories.box_answer((1, 0, 0, 9, 9)), factories.box_answer(*[(1, 20 * n, 0, 9, 9) for n in range(3)])
    for _ in range(4):
        a_paid_task(project, [one, three])
    assert preview_policy(project=project, changes={"answers_min": 3}).answer_cost == Decimal(1)
    for _ in range(4):
        a_paid_task(project, [one, three])
    preview = preview_policy(project=project, changes={"answers_min": 3})
    assert preview.effect("finished") == Effect(8, 8)
    assert preview.answer_cost == Decimal("0.04")
    assert preview.cost(8) == Decimal("0.32")
    # What a change of the policy pays at most for an answer counts as well.
    assert preview_policy(project=project, changes={"paid_objects": 1}).answer_cost == Decimal("0.02")
    assert project_figures(project=project)["cost"]["expected"] == project_figures(project=project)["cost"]["earned"]


def test_the_forecast_is_compared_with_the_budget() -> None:
    project = a_finished_project()
    preview = preview_policy(project=project, changes={"answers_min": 3, "budget": "0.60"})
    assert preview.budget.committed == Decimal("0.48")
    assert preview.forecast("new") == Decimal("0.48")
    assert preview.missing("new") == 0
    assert preview.forecast("finished") == Decimal("0.78")
    assert preview.missing("finished") == Decimal("0.18")


def test_dynamic_asks_for_no_more_than_the_budget_covers() -> None:
    project = a_finished_project()
    changes = {"answers_max": 5, "confidence_target": 0.95, "budget": "0.58"}
    preview = preview_policy(project=project, changes=changes)
    assert preview.groups["answered"] == Effect(2, 2)
    assert effects(project, changes, "finished") == {"answered": Effect(2, 2)}


def test_with_many_images_the_numbers_are_estimated_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    project = a_finished_project(8)
    for module in ("tasks.flow.policy_preview", "tasks.consensus.asking_again"):
        monkeypatch.setattr(f"{module}.SAMPLE", 4)
    preview = preview_policy(project=project, changes={"answers_max": 5, "confidence_target": 0.95})
    assert preview.is_estimate
    assert preview.groups["answered"].images in {0, 2, 4, 6, 8}


def test_finished_images_that_may_be_asked_again_are_counted_and_sampled_in_one_scan() -> None:
    project = a_finished_project(3)
    with CaptureQueriesContext(connection) as queries:
        preview = preview_policy(project=project, changes={"answers_max": 5, "confidence_target": 0.95})
    assert not preview.is_estimate
    assert sum("NOT t.asked_again AND t.taken >=" in query["sql"] for query in queries) == 1


def test_a_contradiction_is_refused_like_the_change() -> None:
    project = a_finished_project(1)
    with pytest.raises(PolicyRefused, match="cannot be below"):
        preview_policy(project=project, changes={"answers_max": 1})
