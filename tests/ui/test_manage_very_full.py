"""Pages with a lot of data and with none: pagination, text instead of blanks."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.selectors import pseudonym
from kernel.clock import utc_now
from kernel.events import number_events, record_event
from kernel.models import Event
from tasks.standing.services import admit
from tests import factories
from workers_ui.views.manage.activity import activity

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(factories.ada().user)
    return client


def test_images_are_paginated_and_a_page_beyond_the_end_is_the_last(ada: Client) -> None:
    project = factories.a_project()
    for _ in range(65):
        factories.an_image(project)
    address = f"/projects/{project.public_id}/images/"
    assert "1 to 60 of 65 images" in ada.get(address).content.decode()
    for page in ("2", "99", "1000000"):
        assert "61 to 65 of 65 images" in ada.get(f"{address}?page={page}").content.decode()
    for page in ("0", "-3", "x", "", "9" * 30):
        assert "1 to 60 of 65 images" in ada.get(f"{address}?page={page}").content.decode()


def test_images_are_filtered_by_state_and_by_part_of_their_name(ada: Client) -> None:
    project = factories.a_project()
    factories.a_task(project, image=factories.an_image(project, name="lake/boat one.jpg"))
    factories.a_gold(project, image=factories.an_image(project, name="table/cup.jpg"))
    address = f"/projects/{project.public_id}/images/"

    def shown(query: str) -> tuple[bool, bool]:
        page = ada.get(f"{address}?part=grid&{query}").content.decode()
        return "lake/boat one.jpg" in page, "table/cup.jpg" in page

    assert shown("") == (True, True)
    assert shown("state=open") == (True, False)
    assert shown("state=check") == (False, True)
    assert shown("name=CUP") == (False, True)
    assert shown("name=100%25") == (False, False)
    assert shown("state=nonsense") == (True, True)


def test_page_links_keep_the_search(ada: Client) -> None:
    project = factories.a_project()
    for number in range(61):
        factories.an_image(project, name=f"a&b {number}.jpg")
    page = ada.get(f"/projects/{project.public_id}/images/", {"name": "a&b"}).content.decode()
    assert "?page=2&amp;state=&amp;name=a%26b" in page


def test_similar_consecutive_events_are_one_line_of_the_feed() -> None:
    project = factories.a_project(workers=[factories.wren()])
    wren = str(factories.wren().public_id)
    record_event(project_id=project.pk, kind="hand.claimed", data={"worker": wren, "size": 10}, leased=10)
    for _ in range(4):
        record_event(project_id=project.pk, kind="answer.submitted", leased=-1, submitted=1)
    record_event(project_id=project.pk, kind="hand.settled", data={"worker": wren}, settled=4, paid_micros=80_000)
    number_events(project_id=project.pk)
    assert [line.words for line in activity(project=project)] == [
        "Wren submitted 4 answers and earned $0.08",
        "4 answers received",
        "Wren took a set of 10 images",
    ]


def test_events_far_apart_in_time_are_separate_lines() -> None:
    project = factories.a_project()
    for _ in range(2):
        record_event(project_id=project.pk, kind="answer.submitted", submitted=1)
    number_events(project_id=project.pk)
    Event.objects.filter(number=1).update(created_at=utc_now() - timedelta(hours=1))
    assert [line.words for line in activity(project=project)] == ["1 answer received", "1 answer received"]


def test_an_erased_person_is_named_by_a_pseudonym() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren])
    record_event(project_id=project.pk, kind="worker.joined", data={"worker": str(wren.public_id)}, workers=1)
    number_events(project_id=project.pk)
    wren.user.delete()
    assert [line.words for line in activity(project=project)] == [f"{pseudonym(wren.public_id)} joined"]


def test_joined_workers_and_ready_files_are_described() -> None:
    project = factories.a_project()
    admit(project=project, worker=factories.wren())
    for name in ("imagenet", "coco"):
        record_event(project_id=project.pk, kind="export.ready", data={"format": name})
    number_events(project_id=project.pk)
    assert [line.words for line in activity(project=project)] == [
        "A COCO file is ready",
        "An ImageNet-style file is ready",
        "Wren joined",
    ]
