"""Two reviewers in a stage at once, and one in two: each label passes each stage once, and is paid once."""

from decimal import Decimal

import pytest

from accounts.models import Actor
from projects.models import Project
from tasks.batching.models import Task
from tasks.flow.rejection import reject_label
from tasks.pay.models import LedgerEntry
from tasks.review.errors import AlreadyReviewed, NotAnswered, NotYourStage, ReviewedInOtherStage
from tasks.review.models import StagePass
from tasks.review.services import approve_label
from tasks.review.stage_settings import StageSpec, set_stages
from tests import factories
from tests.concurrency_helpers import together
from tests.rejected import WHY, a_reviewer, an_answered_task, hash_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    project = factories.a_project(answers_min=1, answers_max=1, workers=[factories.wren()])
    return Project.objects.get(pk=project.pk)


def set_two(project: Project, *, expert: Actor) -> None:
    specs = [StageSpec("Check", price="0.02"), StageSpec("Expert", price="0.03", members=[expert.public_id])]
    set_stages(project=project, specs=specs, by=factories.ada())


def test_the_same_verdict_and_two_reviewers_at_once(project: Project) -> None:
    eve, jay = a_reviewer("eve"), a_reviewer("jay")
    set_two(project, expert=eve)
    task, digest = an_answered_task(project, factories.wren()), ""
    digest = hash_of(task)

    def approve(by: Actor) -> object:
        return approve_label(reviewer=by, task=task, label_hash=digest)

    results = together(*(lambda by=by: approve(by) for by in (jay, eve, jay, eve)))
    refused = [each for each in results if isinstance(each, Exception)]
    assert all(isinstance(each, NotYourStage | ReviewedInOtherStage | AlreadyReviewed) for each in refused), refused
    passes = list(StagePass.objects.order_by("pk").values_list("stage__name", "reviewer"))
    assert len(passes) == len({name for name, _ in passes}) == len({by for _, by in passes})
    paid = sorted(LedgerEntry.objects.filter(kind="correction").values_list("amount", flat=True))
    assert paid == [Decimal("0.02"), Decimal("0.03")][: len(passes)]
    is_approved = Task.objects.get(pk=task.pk).state == "approved"
    assert is_approved == (len(passes) == 2)


def test_one_approves_while_another_rejects(project: Project) -> None:
    eve, jay = a_reviewer("eve"), a_reviewer("jay")
    set_two(project, expert=eve)
    task = an_answered_task(project, factories.wren())
    digest = hash_of(task)
    results = together(
        lambda: approve_label(reviewer=jay, task=task, label_hash=digest),
        lambda: reject_label(reviewer=eve, task=task, label_hash=digest, reason=WHY),
    )
    refused = [each for each in results if isinstance(each, Exception)]
    assert all(isinstance(each, NotAnswered) for each in refused), refused
    assert StagePass.objects.filter(verdict="reject").count() == 1
    assert Task.objects.get(pk=task.pk).state == "open"
