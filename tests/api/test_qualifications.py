"""Qualifications over the API: set up by a manager, practiced and taken by a worker, who learns nothing too early."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from tasks.qualification.models import Attempt, AttemptItem
from tests import factories
from tests.api.api_fixtures import a_stored_image
from tests.api.people import member, with_key
from tests.qualifications import a_qualification, an_exam_image, class_of, over, required

pytestmark = pytest.mark.django_db
CAT, DOG = factories.class_answer(1), factories.class_answer(2)


@pytest.fixture
def project() -> Project:
    return factories.a_project(workers=[member("worker")], gold_rate=0, hand_size=2)


@pytest.fixture
def ada(project: Project) -> APIClient:
    return with_key(member("owner"))


@pytest.fixture
def wren(project: Project) -> APIClient:
    return with_key(member("worker"))


def send(client: APIClient, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(f"/api/v1/{path}", body, format="json")


def test_a_manager_sets_one_up_and_requires_it(project: Project, ada: APIClient) -> None:
    base = f"projects/{project.public_id}/"
    made = send(ada, "post", f"{base}qualifications/", {"name": " Cats  and dogs", "exam_images": 2})
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["name"], row["state"], row["exam_pool"]) == ("Cats and dogs", "draft", 0)
    path = f"qualifications/{row['id']}/"
    refused = send(ada, "patch", path, {"state": "open"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/qualification_not_ready/")
    for task in factories.some_tasks(project, 4):
        body = {"image": str(task.image.public_id), "use": "exam", "answer": CAT}
        added = send(ada, "post", f"{path}images/", body)
        assert added.status_code == 201, added.content
    again = send(ada, "post", f"{path}images/", body)
    assert again.json()["type"] == "/problems/qualification_image_taken/"
    opened = send(ada, "patch", path, {"state": "open", "pass_mark": 0.5})
    assert (opened.json()["state"], opened.json()["exam_pool"]) == ("open", 4)
    changed = send(ada, "put", f"{base}requirements/", {"qualifications": [row["id"]]})
    assert changed.json() == {
        "qualifications": [{"id": row["id"], "name": "Cats and dogs", "state": "open", "workers_without": 1}]
    }
    assert send(ada, "put", f"{base}requirements/", {"qualifications": []}).json() == {"qualifications": []}


@pytest.mark.parametrize(
    "body",
    [{"pass_mark": 0}, {"pass_mark": 1.5}, {"attempts": 0}, {"wait_hours": -1}, {"exam_images": 101}, {"name": " "}],
)
def test_settings_out_of_range_are_named_and_change_nothing(project: Project, ada: APIClient, body: Any) -> None:
    row = a_qualification(project)
    refused = send(ada, "patch", f"qualifications/{row.public_id}/", {"state": "closed", **body})
    assert refused.status_code == 400, refused.content
    assert [each["field"] for each in refused.json()["errors"]] == list(body)
    row.refresh_from_db()
    assert row.state == "open"


def test_two_qualifications_of_an_organization_have_two_names(project: Project, ada: APIClient) -> None:
    a_qualification(project)
    refused = send(ada, "post", f"projects/{project.public_id}/qualifications/", {"name": "Cats and dogs"})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/qualification_refused/")


def test_an_exam_says_the_same_to_a_right_and_a_wrong_answer(project: Project, wren: APIClient) -> None:
    row = a_qualification(project)
    started = send(wren, "post", f"work/qualifications/{row.public_id}/attempts/", {"kind": "exam", "number": 1})
    assert started.status_code == 201, started.content
    body = started.json()
    assert (body["size"], body["correct"], len(body["items"])) == (4, None, 4)
    seen = set()
    for item in body["items"]:
        for answer in (CAT, DOG):
            saved = send(wren, "put", f"attempt-items/{item['id']}/answer/", {"answer": answer, "seconds": 2})
            assert saved.status_code == 200, saved.content
            told = saved.json()
            seen.add((told["result"], len(saved.content), tuple(sorted(saved.headers))))
    assert len(seen) == 1
    again = send(wren, "post", f"work/qualifications/{row.public_id}/attempts/", {"kind": "exam"})
    assert (again.status_code, again.json()["id"]) == (200, body["id"])
    done = send(wren, "post", f"attempts/{body['id']}/finish/").json()
    assert done["state"] in ("passed", "failed")
    assert (done["correct"], done["items"]) == (2, []), "Which ones were right is never told."
    assert send(wren, "get", f"attempts/{body['id']}/").json() == done
    late = send(wren, "put", f"attempt-items/{body['items'][0]['id']}/answer/", {"answer": CAT})
    assert (late.status_code, late.json()["type"]) == (410, "/problems/attempt_over/")


def test_practice_is_explained(project: Project, wren: APIClient) -> None:
    row = a_qualification(project, practice=4)
    body = send(wren, "post", f"work/qualifications/{row.public_id}/attempts/", {"kind": "practice"}).json()
    item = AttemptItem.objects.get(public_id=body["items"][0]["id"])
    wrong = factories.class_answer(3 - class_of(item))
    result = send(wren, "put", f"attempt-items/{item.public_id}/answer/", {"answer": wrong}).json()["result"]
    assert (result["correct"], result["right"]) == (False, factories.class_answer(class_of(item)))
    assert result["explanation"].startswith("Look at the ears")
    refused = send(wren, "put", f"attempt-items/{body['items'][1]['id']}/answer/", {"answer": {"verdict": "labels"}})
    assert refused.status_code == 422


def test_the_time_ends_an_exam_and_the_list_says_what_is_left(project: Project, wren: APIClient) -> None:
    row = a_qualification(project, attempts=2, wait_hours=1)
    body = send(wren, "post", f"work/qualifications/{row.public_id}/attempts/", {"kind": "exam"}).json()
    over(Attempt.objects.get(public_id=body["id"]))
    assert send(wren, "get", f"attempts/{body['id']}/").json()["state"] == "failed"
    (mine,) = send(wren, "get", "work/qualifications/").json()["qualifications"]
    assert (mine["attempts_left"], mine["next_number"], mine["may_take"], mine["passed"]) == (1, 2, False, False)
    early = send(wren, "post", f"work/qualifications/{row.public_id}/attempts/", {"kind": "exam"})
    assert (early.status_code, early.json()["type"]) == (429, "/problems/attempt_too_early/")


def test_a_claim_without_the_qualification_says_what_to_do(project: Project, wren: APIClient) -> None:
    factories.some_tasks(project, 2)
    required(project, a_qualification(project))
    refused = send(wren, "post", f"projects/{project.public_id}/hands/")
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not_qualified/")
    assert "Take its exam" in refused.json()["detail"]
    assert send(wren, "post", "work/hands/").status_code == 204


def test_images_are_sent_without_anything_that_tells_which_they_are(project: Project, wren: APIClient) -> None:
    row = a_qualification(project, exam=0, practice_images=1)
    an_exam_image(row, 1, use="practice", image=a_stored_image(project, "teal"))
    body = send(wren, "post", f"work/qualifications/{row.public_id}/attempts/", {"kind": "practice"}).json()
    image = wren.get(body["items"][0]["image"])
    image.getvalue()
    assert (image.status_code, image["ETag"]) == (200, f'"{body["items"][0]["id"]}"')
    assert "image" in image["Content-Disposition"] and "teal" not in str(image.headers)


def test_a_manager_gives_takes_and_lists_who_has_it(project: Project, ada: APIClient) -> None:
    row = a_qualification(project)
    path = f"qualifications/{row.public_id}/holders/"
    worker = member("worker").public_id
    assert send(ada, "put", f"{path}{worker}/").json()["origin"] == "manager"
    assert send(ada, "delete", f"{path}{worker}/").status_code == 204
    (holder,) = send(ada, "get", path).json()["results"]
    assert (holder["name"], holder["revoked_at"] is not None) == ("Wren", True)
