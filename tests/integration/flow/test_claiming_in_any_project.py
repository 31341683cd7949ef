"""One queue over many projects: which of them a worker who takes any work gets."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Actor, Membership, Organisation, Role
from kernel.clock import utc_now
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.assignment.services import release_hand
from tasks.batching.models import Batch
from tasks.flow.claim_any import claim_any
from tasks.standing.models import Standing
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


@pytest.fixture
def wren() -> Actor:
    return factories.wren()


def a_project(name: str, *workers: Actor, tasks: int = 3, **policy: Any) -> Project:
    project = factories.a_project(name, workers=workers, gold_rate=0, hand_size=1, **policy)
    factories.some_tasks(project, tasks)
    return project


def claimed(worker: Actor, **options: Any) -> Hand:
    found = claim_any(worker=worker, **options)
    assert found is not None
    assert found.fresh
    return found.hand


def answered(worker: Actor) -> str:
    """Claim in any project and finish the set; return the project's name."""
    hand = claimed(worker)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    return hand.project.name


def moved(project: Project, worker: Actor, organisation: str) -> Project:
    """Move a project to another organization, of which the worker is a member."""
    elsewhere, _ = Organisation.objects.get_or_create(name=organisation)
    Membership.objects.get_or_create(organisation=elsewhere, actor=worker, defaults={"role": Role.WORKER})
    Project.objects.filter(pk=project.pk).update(organisation=elsewhere)
    return project


def test_a_set_in_progress_comes_before_any_new_one(wren: Actor) -> None:
    low = a_project("Low", wren, priority=-5)
    a_project("High", wren, priority=5)
    hand = worker_actions.take(wren, low)
    found = claim_any(worker=wren)
    assert found is not None
    assert (found.hand, found.fresh) == (hand, False)


def test_of_two_sets_in_progress_the_one_that_ends_first_is_resumed(wren: Actor) -> None:
    later, sooner = a_project("Later", wren), a_project("Sooner", wren, lease_seconds=60)
    worker_actions.take(wren, later)
    hand = worker_actions.take(wren, sooner)
    found = claim_any(worker=wren)
    assert found is not None
    assert found.hand == hand


def test_a_set_that_is_over_is_not_resumed(wren: Actor) -> None:
    project = a_project("Strays", wren)
    over = worker_actions.take(wren, project)
    worker_actions.expire_hand(over)
    hand = claimed(wren)
    assert hand != over
    over.refresh_from_db()
    assert over.state == "settled"


def test_images_of_a_set_that_is_over_come_back_before_any_sweep(wren: Actor) -> None:
    project = a_project("Strays", wren, tasks=1)
    over = worker_actions.take(wren, project)
    worker_actions.expire_hand(over)
    hand = claimed(wren)
    assert (hand.project, hand.size) == (project, 1)


def test_priority_comes_first_then_the_deadline(wren: Actor) -> None:
    now = utc_now()
    a_project("No deadline", wren, tasks=1)
    a_project("Far", wren, tasks=1, deadline_at=now + timedelta(days=9))
    a_project("Near", wren, tasks=1, deadline_at=now + timedelta(days=1))
    a_project("Urgent", wren, tasks=1, priority=10, deadline_at=now + timedelta(days=90))
    a_project("Last", wren, tasks=1, priority=-10, deadline_at=now)
    assert [answered(wren) for _ in range(5)] == ["Urgent", "Near", "Far", "No deadline", "Last"]
    assert claim_any(worker=wren) is None


def test_among_equals_every_project_has_the_same_chance(wren: Actor) -> None:
    """60 draws among three: fewer than 6 or more than 36 of one happen once in 100,000 runs."""
    for name in ("A", "B", "C"):
        a_project(name, wren, tasks=60)
    drawn = Counter(answered(wren) for _ in range(60))
    assert set(drawn) == {"A", "B", "C"}
    assert all(6 <= count <= 36 for count in drawn.values()), drawn


def test_the_priority_of_one_organization_does_not_starve_another(wren: Actor) -> None:
    moved(a_project("Loud", wren, tasks=40, priority=1000), wren, "Loud ones")
    moved(a_project("Quiet", wren, tasks=40, priority=-1000), wren, "Quiet ones")
    drawn = Counter(answered(wren) for _ in range(40))
    assert all(6 <= drawn[name] <= 34 for name in ("Loud", "Quiet")), drawn


def test_projects_that_give_nothing_are_passed_over(wren: Actor) -> None:
    """Each of them comes first by its priority, and none may show in the result."""
    a_project("Paused", wren, priority=9, state="paused")
    a_project("Not admitted", priority=9)
    empty = a_project("Empty", wren, priority=9)
    Batch.objects.filter(project=empty).update(state="paused")
    for state in ("paused", "removed"):
        Standing.objects.filter(project=a_project(f"{state} here", wren, priority=9)).update(state=state)
    for policy in ({"images_per_day": 1}, {"share_per_worker": 0.4}):
        capped = a_project("Capped", wren, priority=9, **policy)
        worker_actions.answer_all(hand := worker_actions.take(wren, capped))
        worker_actions.settle(hand)
    a_project("Good", wren)
    assert claimed(wren).project.name == "Good"


def test_a_project_that_only_seemed_to_have_images_is_passed_over(wren: Actor) -> None:
    """The candidate's batch has an open slot, but of an image that the worker has had."""
    had = a_project("Had", wren, tasks=1, priority=9)
    assert answered(wren) == "Had"
    Batch.objects.filter(project=had).update(generation=7)
    a_project("Good", wren)
    assert claimed(wren).project.name == "Good"


def test_more_projects_in_vain_than_are_looked_up_at_once_end_at_a_good_one(wren: Actor) -> None:
    for number in range(9):
        a_project(f"Had {number}", wren, tasks=1, priority=9)
    for _ in range(9):
        answered(wren)
    Batch.objects.update(generation=7)
    a_project("Good", wren)
    assert claimed(wren).project.name == "Good"


def test_images_that_were_given_back_are_reason_enough(wren: Actor) -> None:
    project = a_project("Strays", wren, images_per_day=1)
    hand = claimed(wren)
    release_hand(worker=wren, hand_id=hand.public_id)
    Batch.objects.update(state="paused")
    assert claimed(wren).project == project


def test_staff_and_strangers_get_nothing(wren: Actor) -> None:
    project = a_project("Strays", wren)
    Membership.objects.filter(actor=wren).update(role=Role.REVIEWER)
    assert claim_any(worker=wren) is None
    assert claim_any(worker=factories.finch()) is None
    assert not Hand.objects.filter(project=project).exists()


def test_one_organization_is_all_that_is_considered_if_asked(wren: Actor) -> None:
    here = a_project("Here", wren)
    there = moved(a_project("There", wren, priority=9), wren, "Elsewhere")
    assert claimed(wren, organisation_id=here.organisation_id).project == here
    hand = claimed(wren, organisation_id=Project.objects.get(pk=there.pk).organisation_id)
    assert hand.project == there
