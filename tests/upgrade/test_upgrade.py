"""Upgrade an installation of the last commit before the code was moved, stopped in mid-work, to this code.

`make_installation.py` describes what it contains. After the upgrade, all pending work must finish, everything that
clients hold must still work, and a release must keep exactly the same bytes.
"""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.invariants import violations
from tests.upgrade import archive
from tests.upgrade.restoring import restore
from tests.upgrade.upgraded import API, Json, Upgraded, file_hashes, manage, numbers_in, up

pytestmark = pytest.mark.slow

EXPECTED = archive.load_expected()
JOB_KINDS = sorted(EXPECTED["messages"])
# The files of an export that contain the number of the release.
FILES_WITH_NUMBER = {"imagenet/README.txt", "imagenet/classes.json"}
FORMATS = sorted(EXPECTED["release"]["exports"])
# Tables whose rows are deleted in normal operation, so that their number can fall.
TRANSIENT_TABLES = {
    "kernel_job",
    "kernel_outboxmessage",
    "kernel_idempotencyrecord",
    "django_session",
    "tasks_exhaustion",
}
UNREGISTERED = re.compile(r"unregistered task of type \W*([\w.]+)")
UNFINISHED = """
SELECT (SELECT count(*) FROM kernel_job WHERE state IN ('queued', 'running') AND (not_before < now()) IS NOT FALSE)
    + (SELECT count(*) FROM kernel_outboxmessage) + (SELECT count(*) FROM kernel_event WHERE number IS NULL)
"""
CREDITS = """
SELECT a.public_id::text, count(l.id), count(l.id) FILTER (WHERE l.amount = a.price)
FROM tasks_assignment a LEFT JOIN tasks_ledgerentry l ON l.assignment_id = a.id AND l.kind = 'credit'
WHERE a.public_id::text = ANY(%s) GROUP BY 1
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    folder = tmp_path_factory.mktemp("old")
    data = restore(folder)
    with up(data, EXPECTED) as running:
        yield running


def credited_once(installation: Upgraded, assignments: list[str]) -> bool:
    """Whether each of these answers has exactly one credit, for the price of its assignment."""
    posted = {row[0]: row[1:] for row in installation.sql(CREDITS, assignments)}
    return posted == dict.fromkeys(assignments, (1, 1))


@pytest.mark.parametrize("kind", JOB_KINDS)
def test_a_job_in_the_outbox_is_done(installation: Upgraded, kind: str) -> None:
    assert installation.wait_for_jobs(EXPECTED["outbox"][kind]) == {}


@pytest.mark.parametrize("kind", JOB_KINDS)
def test_a_message_with_a_job_s_old_name_is_handled(installation: Upgraded, kind: str) -> None:
    """The sweep never sends these jobs again, so if a job is done, its message in Valkey was handled."""
    assert installation.wait_for_jobs([EXPECTED["messages"][kind]]) == {}


def test_no_message_has_an_unknown_name(installation: Upgraded) -> None:
    """This covers the messages of the periodic tasks too, which have no rows in the database."""
    assert installation.eventually(lambda: installation.queued_messages() == 0), "the old queue was not emptied"
    assert set(UNREGISTERED.findall(installation.logs())) == set()


def test_an_interrupted_job_is_run_again(installation: Upgraded) -> None:
    assert installation.wait_for_jobs([EXPECTED["interrupted"]]) == {}
    attempts = "SELECT attempts FROM kernel_job WHERE id = %s"
    assert installation.value(attempts, EXPECTED["interrupted"]) == 2


def images_without_task(installation: Upgraded, batch_import: str) -> int:
    """Return the number of images in the import that did not become tasks."""
    query = """
        SELECT count(*) FROM tasks_importitem i JOIN tasks_import b ON b.id = i.batch_import_id
        WHERE b.public_id = %s AND NOT EXISTS (
            SELECT FROM tasks_task t WHERE t.image_id = i.image_id AND t.project_id = b.project_id)"""
    return int(installation.value(query, batch_import))


def test_a_half_finished_import_is_completed(installation: Upgraded) -> None:
    half = EXPECTED["half_import"]
    report = installation.wait_for_state(f"/imports/{half['id']}/", "done")
    assert (report["state"], report["taken"], report["total"]) == ("done", half["total"], half["total"])
    assert images_without_task(installation, half["id"]) == 0


def test_a_client_can_resume_a_stalled_import(installation: Upgraded) -> None:
    stalled = EXPECTED["stalled_import"]
    path = f"/imports/{stalled['id']}/"
    with installation.manager() as client:
        before = client.get(API + path).raise_for_status().json()
        assert (before["state"], before["stalled"], before["waiting"]) == ("working", True, stalled["total"] - 2)
        assert client.post(f"{API}{path}resume/").status_code == 202
    report = installation.wait_for_state(path, "done")
    assert (report["state"], report["taken"]) == ("done", stalled["total"])
    assert images_without_task(installation, stalled["id"]) == 0


def a_box_answer(assignment: Json) -> Json:
    """Return an answer with one box in the middle of the image."""
    width, height = assignment["width"], assignment["height"]
    geometry = {"x": width / 4, "y": height / 4, "w": width / 2, "h": height / 2}
    box = {"id": "o1", "class": 1, "tool": "box", "geom": geometry, "attrs": {}}
    return {"image": {"class": 1, "tags": [], "attrs": {}}, "objects": [box], "verdict": "labels"}


def test_a_worker_can_finish_a_live_set_and_is_paid_once(installation: Upgraded) -> None:
    """The worker uses an old key and an old session, and resends an old answer as if the connection had been lost."""
    live = EXPECTED["live_hand"]
    earlier = live["answered"]
    with installation.client(live["key"]) as client:
        headers = {"Idempotency-Key": earlier["idempotency_key"], "Content-Type": "application/json"}
        replayed = client.put(f"{API}/assignments/{earlier['id']}/answer/", content=earlier["body"], headers=headers)
        assert (replayed.status_code, replayed.headers.get("Idempotency-Replayed")) == (200, "true"), replayed.text
        hand = client.post(f"{API}/projects/{live['project']}/hands/")
        assert (hand.status_code, hand.json()["id"]) == (200, live["id"])
        states = {assignment["id"]: assignment["state"] for assignment in hand.json()["assignments"]}
        assert states == {earlier["id"]: "submitted", **dict.fromkeys(live["leased"], "leased")}
        for assignment in hand.json()["assignments"]:
            if assignment["state"] == "leased":
                assert client.get(assignment["image"]).status_code == 200
                body = {"answer": a_box_answer(assignment), "seconds": 3.0}
                path = f"{API}/assignments/{assignment['id']}/answer/"
                response = client.put(path, json=body, headers={"Idempotency-Key": assignment["id"]})
                assert response.json()["state"] == "submitted", response.text
    with installation.browser(live["cookies"]) as browser:
        assert browser.get(f"{API}/me/").json()["id"] == live["worker"]
        settled = [browser.post(f"{API}/hands/{live['id']}/settle/").raise_for_status().json() for _ in range(2)]
    assert settled[0] == settled[1]
    assert settled[0]["answers"] == 1 + len(live["leased"])
    assert credited_once(installation, [earlier["id"], *live["leased"]])


def test_an_abandoned_set_is_settled_and_its_answer_paid_once(installation: Upgraded) -> None:
    abandoned = EXPECTED["abandoned_hand"]
    state = "SELECT state FROM tasks_hand WHERE public_id = %s"
    assert installation.eventually(lambda: installation.value(state, abandoned["id"]) == "settled")
    assert credited_once(installation, [abandoned["answered"]])


def test_a_late_answer_is_paid_once(installation: Upgraded) -> None:
    assert installation.eventually(lambda: credited_once(installation, [EXPECTED["late_answer"]]))


def test_labels_are_computed_with_the_old_fit(installation: Upgraded) -> None:
    """Answers from before the upgrade get the labels that the old code would have computed with its fitted model."""
    assert installation.wait_for_jobs(EXPECTED["outbox"]["consensus.update"]) == {}
    tasks = [row[0] for row in EXPECTED["labels"]]
    query = "SELECT task_id, content_hash, confidence FROM tasks_consensuslabel WHERE task_id = ANY(%s) AND version = 1"
    labels = installation.sql(f"{query} ORDER BY task_id", tasks)
    assert [row[:2] for row in labels] == [tuple(row[:2]) for row in EXPECTED["labels"]]
    assert [row[2] for row in labels] == pytest.approx([row[2] for row in EXPECTED["labels"]], rel=1e-6)


def test_a_refit_gives_the_same_result_as_the_old_code(installation: Upgraded) -> None:
    """It continues from the old fit, reads the same answers as the old code did, and fits the same parameters."""
    refit = EXPECTED["refit"]
    # Until now, the refit was on hold, so that the labels above are computed with the old fit and not with this one.
    assert installation.wait_for_jobs(EXPECTED["outbox"]["consensus.update"]) == {}
    installation.sql("UPDATE kernel_job SET not_before = NULL WHERE id = %s", refit["job"])
    assert installation.wait_for_jobs([refit["job"]]) == {}
    query = """
        SELECT s.id, s.version, s.answers, s.header FROM tasks_consensusstate s
        JOIN projects_project p ON p.id = s.project_id WHERE p.public_id = %s AND s.is_current"""
    state, version, answers, header = installation.sql(query, refit["project"])[0]
    assert (version, answers) == (refit["version"], refit["answers"])
    workers = "SELECT body FROM tasks_workerreliability WHERE state_id = %s ORDER BY worker_id"
    fitted = [header, [row[0] for row in installation.sql(workers, state)]]
    assert numbers_in(fitted) == pytest.approx(numbers_in(refit["learnt"]), rel=1e-6, abs=1e-9)


def test_the_release_and_its_files_are_unchanged(installation: Upgraded) -> None:
    release = EXPECTED["release"]
    with installation.manager() as client:
        current = client.get(f"{API}/releases/{release['id']}/").raise_for_status().json()
    summary = {name: current[name] for name in ("number", "content_hash", "items", "state")}
    assert summary == {name: release[name] for name in ("number", "content_hash", "items")} | {"state": "ready"}
    for form, export in release["exports"].items():
        assert file_hashes(installation.download(export["id"])) == release["files"][form]


@pytest.mark.parametrize("form", FORMATS)
def test_a_new_export_of_the_old_release_is_identical(installation: Upgraded, form: str) -> None:
    """A release has only one export per format, so the old row is deleted before a new export is requested."""
    release = EXPECTED["release"]
    old = release["exports"][form]
    installation.sql("DELETE FROM tasks_export WHERE public_id = %s", old["id"])
    with installation.manager() as client:
        response = client.post(f"{API}/releases/{release['id']}/exports/", json={"format": form})
    assert response.status_code == 202, response.text
    export = installation.wait_for_state(f"/exports/{response.json()['id']}/", "ready")
    assert (export["state"], export["error"]) == ("ready", "")
    assert export["id"] != old["id"]
    assert file_hashes(installation.download(export["id"])) == release["files"][form]
    assert export["sha256"] == old["sha256"]


def test_a_release_that_was_being_built_has_the_same_content(installation: Upgraded) -> None:
    built = installation.wait_for_state(f"/releases/{EXPECTED['building_release']}/", "ready")
    assert (built["state"], built["content_hash"]) == ("ready", EXPECTED["release"]["content_hash"])
    assert built["counts"]["same_as"] == EXPECTED["release"]["number"]


def test_a_queued_export_is_written(installation: Upgraded) -> None:
    export = installation.wait_for_state(f"/exports/{EXPECTED['waiting_export']}/", "ready")
    assert export["state"] == "ready"
    # This release has the same content but another number, which appears in two files.
    files, earlier = file_hashes(installation.download(export["id"])), EXPECTED["release"]["files"]["imagenet"]
    assert {name for name in files.keys() | earlier.keys() if files.get(name) != earlier.get(name)} <= FILES_WITH_NUMBER


def test_an_old_invitation_link_still_opens(installation: Upgraded) -> None:
    page = httpx.get(installation.url + EXPECTED["invitation"], timeout=30)
    assert (page.status_code, "password" in page.text) == (200, True)


def test_nothing_is_lost_and_the_invariants_hold(installation: Upgraded) -> None:
    assert installation.eventually(lambda: installation.value(UNFINISHED) == 0)
    for table, count in EXPECTED["rows"].items():
        if table not in TRANSIENT_TABLES:
            assert installation.value(f'SELECT count(*) FROM "{table}"') >= count, table
    assert violations(installation.database, files=installation.data / "files") == []


def test_status_is_healthy_and_stop_works(installation: Upgraded) -> None:
    """This must be the last test in this file, because it stops the installation."""
    status = json.loads(manage("status", "--json", "--data", str(installation.data)).stdout)
    assert (status["phase"], status["answering"]) == ("ready", True)
    assert all(status["parts"].values()), status["parts"]
    stopped = manage("stop", "--data", str(installation.data))
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert json.loads(manage("status", "--json", "--data", str(installation.data)).stdout) == {"running": False}
