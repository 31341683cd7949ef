"""Stages of review on the pages: a manager sets them, a reviewer and a client decide by keyboard."""

import pytest
from playwright.sync_api import expect

from accounts.models import Membership, Role
from projects.models import Project
from tasks.batching.models import Task
from tasks.review.models import ReviewStage, StagePass
from tasks.review.stage_settings import StageSpec, set_stages
from tests import factories
from tests.rejected import a_reviewer, an_answered_task
from tests.ui.live import PHONE, People, a_scene_image
from tests.ui.test_appeal_desks import SAVED, open_page, press
from tests.ui.test_worker_touch import overflow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project() -> Project:
    return factories.a_project(
        "Strays", classes=("cat", "dog"), workers=[factories.wren()], answers_min=1, answers_max=1
    )


def test_a_manager_sets_the_stages(people: People, project: Project) -> None:
    page = people.signed_in(factories.ada())
    page.goto(f"/projects/{project.public_id}/settings/")
    page.get_by_role("link", name="Set stages of review").click()
    page.get_by_label("Name", exact=True).fill("Check")
    page.get_by_label("Pays for an image (USD)").fill("0.02")
    page.get_by_role("button", name="Save stages").click()
    expect(page.get_by_text("Labels that wait go on")).to_be_visible()
    new = page.locator("fieldset.stage-row").last
    new.get_by_label("Name", exact=True).fill("Customer")
    new.get_by_label("Who reviews").select_option("client")
    new.get_by_label("Labels", exact=True).select_option("share")
    new.get_by_label("Share or confidence (%)").fill("0")
    page.get_by_role("button", name="Save stages").click()
    expect(page.get_by_text("must be above 0")).to_be_visible()
    assert ReviewStage.objects.filter(is_current=True).count() == 1
    page.locator("fieldset.stage-row").nth(1).get_by_label("Share or confidence (%)").fill("10")
    page.get_by_role("button", name="Save stages").click()
    expect(page.locator("fieldset.stage-row")).to_have_count(3)
    page.get_by_label("Take this stage out").first.check()
    page.get_by_role("button", name="Save stages").click()
    expect(page.locator("fieldset.stage-row")).to_have_count(2)
    stage = ReviewStage.objects.get(is_current=True)
    assert (stage.name, stage.role, stage.labels, stage.share) == ("Customer", "client", "share", 0.1)
    page.set_viewport_size({"width": 360, "height": 740})
    assert overflow(page) == 0


def test_a_reviewer_and_a_client_review_by_keyboard(people: People, project: Project) -> None:
    carla = factories.a_user("carla").actor
    Membership.objects.create(organisation=project.organisation, actor=carla, role=Role.CLIENT)
    specs = [StageSpec("Check", price="0.02"), StageSpec("Customer", role="client")]
    set_stages(project=project, specs=specs, by=factories.ada())
    task = an_answered_task(project, factories.wren(), image=a_scene_image(project, 1))
    path = f"/projects/{project.public_id}/review/"

    client = people.signed_in(carla)
    client.goto(path)
    expect(client.get_by_text("Nothing to review")).to_be_visible()

    jay = a_reviewer("jay")
    page = open_page(people, jay, path)
    expect(page.get_by_text("you review these for")).to_be_visible()
    expect(page.get_by_text("Stage: Check")).to_be_visible()
    press(page, "a")
    expect(page.get_by_text("Nothing to review")).to_be_visible(timeout=SAVED)
    assert StagePass.objects.get().reviewer == jay
    assert Task.objects.get(pk=task.pk).state == "answered"
    page.goto("/work/earnings/")
    expect(page.get_by_text("0.02").first).to_be_visible()

    client = open_page(people, carla, path, **PHONE)
    expect(client.get_by_text("Stage: Customer")).to_be_visible()
    assert overflow(client) == 0
    for hidden in ("Answers", "By class", "Approved", "All evidence for this label"):
        expect(client.get_by_text(hidden, exact=True)).to_be_hidden()
    client.get_by_role("button", name="Approve").click()
    expect(client.get_by_text("Nothing to review")).to_be_visible(timeout=SAVED)
    assert Task.objects.get(pk=task.pk).state == "approved"

    manager = people.signed_in(factories.ada())
    manager.goto(f"/projects/{project.public_id}/tasks/{task.public_id}/")
    expect(manager.get_by_text("Passed “Customer”, version 1")).to_be_visible()
