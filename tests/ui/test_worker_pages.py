"""What workers see: work, pay and time, why there is no work, what they earned, and deleting the account."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Role, User
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.ingest.models import Import
from tasks.pay.models import LedgerEntry
from tasks.workers.models import WorkerPace
from tests import factories
from tests.worker_actions import answer, leases_of, take

pytestmark = pytest.mark.django_db
INTERNAL_WORDS = re.compile(r"\b(gold|posterior|consensus|void|surplus|trust|claim|lease)\w*", re.IGNORECASE)


@pytest.fixture
def wren(client: Client) -> Any:
    client.force_login(factories.a_user("wren"))
    return factories.wren()


def text(client: Client, url: str) -> str:
    """Return the text of a page as a person reads it: without its head and tags."""
    html = client.get(url, follow=True).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.split("<body", 1)[1]))


def test_the_start_page_redirects_people_to_their_own_pages(client: Client) -> None:
    assert "Were you invited" in text(client, "/")
    client.force_login(factories.a_user("wren"))
    assert client.get("/").headers["Location"] == "/work/"
    Membership.objects.create(organisation=factories.an_organisation(), actor=factories.wren(), role=Role.REVIEWER)
    assert client.get("/").headers["Location"] == "/projects/"


def test_work_pages_require_signing_in(client: Client) -> None:
    project = factories.a_project()
    for url in ("/work/", "/work/earnings/", f"/work/{project.public_id}/", "/me/"):
        assert client.get(url).headers["Location"].startswith("/account/login/?next=")


def test_a_project_is_hidden_from_those_who_do_not_work_in_it(client: Client, wren: Any) -> None:
    project = factories.a_project("Secret birds")
    answer = client.get(f"/work/{project.public_id}/")
    assert answer.status_code == 404
    assert "Secret birds" not in answer.content.decode()


def test_sets_in_minutes_say_about_how_many_images_and_minutes_they_are(client: Client, wren: Any) -> None:
    project = factories.a_project("Strays", workers=[wren], set_minutes=5, seconds_per_answer=20)
    page = text(client, f"/work/{project.public_id}/")
    for expected in ("Take about 15 images", "about 15 images", "about 5 minutes, with 30 minutes to finish"):
        assert expected in page
    WorkerPace.objects.create(project=project, worker=wren, answers=30, seconds=30 * 60)
    page = text(client, f"/work/{project.public_id}/")
    for expected in ("Take about 6 images", "about 5 minutes", "Estimated per image 50 seconds"):
        assert expected in page


def test_without_minutes_the_time_of_a_set_is_the_workers_own(client: Client, wren: Any) -> None:
    project = factories.a_project("Strays", workers=[wren], hand_size=10, seconds_per_answer=20)
    assert "Take 10 images" in text(client, f"/work/{project.public_id}/")
    WorkerPace.objects.create(project=project, worker=wren, answers=30, seconds=30 * 60)
    page = text(client, f"/work/{project.public_id}/")
    assert "Take 10 images" in page
    assert "about 8 minutes" in page


def test_a_project_that_keeps_images_together_says_that_a_set_can_have_more(client: Client, wren: Any) -> None:
    project = factories.a_project("Strays", workers=[wren])
    values = {"dataset": project.dataset, "project_id": project.pk, "created_by": factories.ada(), "source": "files"}
    Import.objects.create(**values, keep_together="folder")
    page = text(client, f"/work/{project.public_id}/")
    assert "images that belong together come in one set, so it can have more" in page
    assert "Take about 10 images" in page


def test_work_is_listed_with_its_pay_and_time(client: Client, wren: Any) -> None:
    factories.a_project("Strays", workers=[wren], price="0.05", seconds_per_answer=20)
    words = text(client, "/work/")
    for expected in ("Strays", "$0.05", "about 20 seconds each", "A set takes about 3 minutes", "Approved as soon as"):
        assert expected in words


def test_without_an_open_slot_the_page_says_that_no_images_are_waiting(client: Client, wren: Any) -> None:
    project = factories.a_project("Strays", workers=[wren])
    answer = client.post(f"/work/{project.public_id}/set/", follow=True)
    assert "No images are waiting for you right now" in answer.content.decode()


def test_a_paused_worker_reads_why_and_what_to_do(client: Client, wren: Any) -> None:
    project = factories.a_project("Strays")
    factories.admitted(project, wren, state="paused", reason="Please read the part about shadows again.")
    answer = client.post(f"/work/{project.public_id}/set/", follow=True)
    words = answer.content.decode()
    assert "You are paused in this project" in words
    assert "Please read the part about shadows again." in words
    assert "You are paid for what you have answered." in words


@pytest.mark.parametrize("state", ["draft", "paused", "closed"])
def test_a_project_that_is_not_open_says_so(client: Client, wren: Any, state: str) -> None:
    project = factories.a_project("Strays", workers=[wren], state=state)
    assert "No work right now" in text(client, f"/work/{project.public_id}/")


def test_handing_in_twice_pays_once_and_shows_the_same_sum(client: Client, wren: Any) -> None:
    project = factories.a_project("Strays", workers=[wren], gold_rate=0)
    factories.some_tasks(project, 3)
    hand = take(wren, project)
    for lease in leases_of(hand)[:2]:
        answer(lease)
    assert "Waiting $0.04" in text(client, "/work/earnings/")
    for _ in range(2):
        client.post(f"/work/{project.public_id}/set/hand-in/", {"hand": str(hand.public_id)})
    words = text(client, f"/work/{project.public_id}/handed-in/{hand.public_id}/")
    assert "$0.04 for 2 answers in Strays" in words
    assert "Approved $0.04" in text(client, "/work/earnings/")
    assert sum(entry.amount for entry in LedgerEntry.objects.filter(worker=wren)) == Decimal("0.04")
    assert Assignment.objects.filter(hand=hand, state="released").count() == 1


def test_another_workers_set_cannot_be_handed_in_or_seen(client: Client, wren: Any) -> None:
    finch = factories.finch()
    project = factories.a_project("Strays", workers=[wren, finch], gold_rate=0)
    factories.some_tasks(project, 2)
    hand = take(finch, project)
    assert client.post(f"/work/{project.public_id}/set/hand-in/", {"hand": str(hand.public_id)}).status_code == 404
    assert client.get(f"/work/{project.public_id}/handed-in/{hand.public_id}/").status_code == 404
    hand.refresh_from_db()
    assert hand.state == "live"


def every_page(project: Project, hand: Any) -> list[str]:
    base = f"/work/{project.public_id}"
    return [
        "/work/",
        f"{base}/",
        f"{base}/?none",
        f"{base}/set/",
        f"{base}/handed-in/{hand.public_id}/",
        "/work/earnings/",
    ]


def test_no_page_uses_internal_words(client: Client, wren: Any) -> None:
    project = factories.a_project("Strays", workers=[wren], gold_rate=0)
    factories.some_tasks(project, 2, wanted=3)
    first = take(wren, project)
    for url in every_page(project, first):
        assert INTERNAL_WORDS.findall(text(client, url)) == []
    answer(leases_of(first)[0])
    client.post(f"/work/{project.public_id}/set/hand-in/", {"hand": str(first.public_id)})
    for url in every_page(project, first):
        assert INTERNAL_WORDS.findall(text(client, url)) == []


def test_a_name_is_changed(client: Client, wren: Any) -> None:
    client.post("/me/", {"name": " Wren Winter "})
    assert User.objects.get(email="wren@example.org").name == "Wren Winter"


def test_deleting_an_account_requires_its_password_and_keeps_the_work(client: Client, wren: Any) -> None:
    project = factories.a_project("Strays", workers=[wren], gold_rate=0)
    factories.some_tasks(project, 1)
    hand = take(wren, project)
    answer(leases_of(hand)[0])
    page = text(client, "/me/delete/")
    assert "You still have" in page and "Ask to be paid first." in page
    wrong = client.post("/me/delete/", {"password": "not it"})
    assert "Wrong password" in wrong.content.decode()
    assert User.objects.filter(email="wren@example.org").exists()
    done = client.post("/me/delete/", {"password": "wren"})
    assert "Account deleted" in done.content.decode()
    assert not User.objects.filter(email="wren@example.org").exists()
    assert Assignment.objects.filter(hand=hand, state="submitted", worker=wren).count() == 1
    assert client.get("/work/").status_code == 302
