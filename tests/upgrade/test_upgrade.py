"""An installation of the last commit before the great move, left in the middle of work, is started by this code.

`make_installation.py` says what is in it. Whatever waited finishes, what clients hold still works, and a release stays
the bytes that it was.
"""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.invariants import violations
from tests.upgrade import archive
from tests.upgrade.restoring import restore
from tests.upgrade.upgraded import API, Json, Upgraded, files_of, manage, numbers_in, up

pytestmark = pytest.mark.slow

EXPECTED = archive.expected()
KINDS = sorted(EXPECTED["messages"])
NUMBERED = {"imagenet/README.txt", "imagenet/classes.json"}
FORMATS = sorted(EXPECTED["release"]["exports"])
# Rows that come and go, and states of consensus, of which the last two versions are kept.
PASSING = {"kernel_job", "kernel_outboxmessage", "kernel_idempotencyrecord", "django_session"}
REFUSED = re.compile(r"unregistered task of type \W*([\w.]+)")
LIVE = """
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
    """Whether each of these answers has exactly one credit, of its price."""
    found = {row[0]: row[1:] for row in installation.sql(CREDITS, assignments)}
    return found == dict.fromkeys(assignments, (1, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_that_waited_in_the_outbox_is_done(installation: Upgraded, kind: str) -> None:
    assert installation.wait_for(EXPECTED["outbox"][kind]) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_under_the_old_name_of_a_job_is_understood(installation: Upgraded, kind: str) -> None:
    """The sweep does not send these jobs again: what is done was done for the message in Valkey."""
    assert installation.wait_for([EXPECTED["messages"][kind]]) == {}


def test_no_message_is_refused_for_its_name(installation: Upgraded) -> None:
    """Among them those of the periodic tasks, which no row stands for."""
    assert installation.eventually(lambda: installation.messages() == 0), "the old queue is not read"
    assert set(REFUSED.findall(installation.log())) == set()


def test_a_job_that_was_cut_off_is_taken_up_again(installation: Upgraded) -> None:
    assert installation.wait_for([EXPECTED["interrupted"]]) == {}
    attempts = "SELECT attempts FROM kernel_job WHERE id = %s"
    assert installation.value(attempts, EXPECTED["interrupted"]) == 2


def images_without_task(installation: Upgraded, batch_import: str) -> int:
    query = """
        SELECT count(*) FROM tasks_importitem i JOIN tasks_import b ON b.id = i.batch_import_id
        WHERE b.public_id = %s AND NOT EXISTS (
            SELECT FROM tasks_task t WHERE t.image_id = i.image_id AND t.project_id = b.project_id)"""
    return int(installation.value(query, batch_import))


def test_a_half_import_goes_on_to_its_end(installation: Upgraded) -> None:
    half = EXPECTED["half_import"]
    report = installation.reaches(f"/imports/{half['id']}/", "done")
    assert (report["state"], report["taken"], report["total"]) == ("done", half["total"], half["total"])
    assert images_without_task(installation, half["id"]) == 0


def test_a_stalled_import_is_continued_by_a_client(installation: Upgraded) -> None:
    stalled = EXPECTED["stalled_import"]
    path = f"/imports/{stalled['id']}/"
    with installation.manager() as client:
        before = client.get(API + path).raise_for_status().json()
        assert (before["state"], before["stalled"], before["waiting"]) == ("working", True, stalled["total"] - 2)
        assert client.post(f"{API}{path}resume/").status_code == 202
    report = installation.reaches(path, "done")
    assert (report["state"], report["taken"]) == ("done", stalled["total"])
    assert images_without_task(installation, stalled["id"]) == 0


def a_box(assignment: Json) -> Json:
    """An answer with one box in the middle of the image."""
    width, height = assignment["width"], assignment["height"]
    geometry = {"x": width / 4, "y": height / 4, "w": width / 2, "h": height / 2}
    box = {"id": "o1", "class": 1, "tool": "box", "geom": geometry, "attrs": {}}
    return {"image": {"class": 1, "tags": [], "attrs": {}}, "objects": [box], "verdict": "labels"}


def test_a_live_set_is_finished_by_its_worker_and_paid_once(installation: Upgraded) -> None:
    """By an old key and an old session; the answer from before is sent again, as after a lost connection."""
    held = EXPECTED["live_hand"]
    sent = held["answered"]
    with installation.client(held["key"]) as client:
        headers = {"Idempotency-Key": sent["idempotency_key"], "Content-Type": "application/json"}
        again = client.put(f"{API}/assignments/{sent['id']}/answer/", content=sent["body"], headers=headers)
        assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (200, "true"), again.text
        taken = client.post(f"{API}/projects/{held['project']}/hands/")
        assert (taken.status_code, taken.json()["id"]) == (200, held["id"])
        states = {each["id"]: each["state"] for each in taken.json()["assignments"]}
        assert states == {sent["id"]: "submitted", **dict.fromkeys(held["leased"], "leased")}
        for assignment in taken.json()["assignments"]:
            if assignment["state"] == "leased":
                assert client.get(assignment["image"]).status_code == 200
                body = {"answer": a_box(assignment), "seconds": 3.0}
                path = f"{API}/assignments/{assignment['id']}/answer/"
                done = client.put(path, json=body, headers={"Idempotency-Key": assignment["id"]})
                assert done.json()["state"] == "submitted", done.text
    with installation.browser(held["cookies"]) as browser:
        assert browser.get(f"{API}/me/").json()["id"] == held["worker"]
        settled = [browser.post(f"{API}/hands/{held['id']}/settle/").raise_for_status().json() for _ in range(2)]
    assert settled[0] == settled[1]
    assert settled[0]["answers"] == 1 + len(held["leased"])
    assert credited_once(installation, [sent["id"], *held["leased"]])


def test_an_abandoned_set_is_settled_and_its_answer_paid_once(installation: Upgraded) -> None:
    abandoned = EXPECTED["abandoned_hand"]
    state = "SELECT state FROM tasks_hand WHERE public_id = %s"
    assert installation.eventually(lambda: installation.value(state, abandoned["id"]) == "settled")
    assert credited_once(installation, [abandoned["answered"]])


def test_a_late_answer_is_paid_once(installation: Upgraded) -> None:
    assert installation.eventually(lambda: credited_once(installation, [EXPECTED["late_answer"]]))


def test_labels_are_made_from_the_fits(installation: Upgraded) -> None:
    """Of answers that came before the upgrade, with what the old code had learnt: the labels that it would make."""
    assert installation.wait_for(EXPECTED["outbox"]["consensus.update"]) == {}
    tasks = [row[0] for row in EXPECTED["labels"]]
    query = "SELECT task_id, content_hash, confidence FROM tasks_consensuslabel WHERE task_id = ANY(%s) AND version = 1"
    found = installation.sql(f"{query} ORDER BY task_id", tasks)
    assert [row[:2] for row in found] == [tuple(row[:2]) for row in EXPECTED["labels"]]
    assert [row[2] for row in found] == pytest.approx([row[2] for row in EXPECTED["labels"]], rel=1e-6)


def test_a_refit_goes_on_from_the_fits(installation: Upgraded) -> None:
    """It reads the same answers as the old code did, and learns the same from them."""
    refit = EXPECTED["refit"]
    # It was held back, so that the labels above are made from the old fit and not from this one.
    assert installation.wait_for(EXPECTED["outbox"]["consensus.update"]) == {}
    installation.sql("UPDATE kernel_job SET not_before = NULL WHERE id = %s", refit["job"])
    assert installation.wait_for([refit["job"]]) == {}
    query = """
        SELECT s.id, s.version, s.answers, s.header FROM tasks_consensusstate s
        JOIN projects_project p ON p.id = s.project_id WHERE p.public_id = %s AND s.is_current"""
    state, version, answers, header = installation.sql(query, refit["project"])[0]
    assert (version, answers) == (refit["version"], refit["answers"])
    workers = "SELECT body FROM tasks_workerreliability WHERE state_id = %s ORDER BY worker_id"
    learnt = [header, [row[0] for row in installation.sql(workers, state)]]
    assert numbers_in(learnt) == pytest.approx(numbers_in(refit["learnt"]), rel=1e-6, abs=1e-9)


def test_the_release_and_its_files_are_what_they_were(installation: Upgraded) -> None:
    release = EXPECTED["release"]
    with installation.manager() as client:
        found = client.get(f"{API}/releases/{release['id']}/").raise_for_status().json()
    told = {name: found[name] for name in ("number", "content_hash", "items", "state")}
    assert told == {name: release[name] for name in ("number", "content_hash", "items")} | {"state": "ready"}
    for form, export in release["exports"].items():
        assert files_of(installation.download(export["id"])) == release["files"][form]


@pytest.mark.parametrize("form", FORMATS)
def test_a_new_export_of_the_old_release_is_the_same_bytes(installation: Upgraded, form: str) -> None:
    """There is one export per release and format, so its row goes before it is asked for again."""
    release = EXPECTED["release"]
    old = release["exports"][form]
    installation.sql("DELETE FROM tasks_export WHERE public_id = %s", old["id"])
    with installation.manager() as client:
        asked = client.post(f"{API}/releases/{release['id']}/exports/", json={"format": form})
    assert asked.status_code == 202, asked.text
    made = installation.reaches(f"/exports/{asked.json()['id']}/", "ready")
    assert (made["state"], made["error"]) == ("ready", "")
    assert made["id"] != old["id"]
    assert files_of(installation.download(made["id"])) == release["files"][form]
    assert made["sha256"] == old["sha256"]


def test_a_release_that_was_being_built_has_the_same_content(installation: Upgraded) -> None:
    built = installation.reaches(f"/releases/{EXPECTED['building_release']}/", "ready")
    assert (built["state"], built["content_hash"]) == ("ready", EXPECTED["release"]["content_hash"])
    assert built["counts"]["same_as"] == EXPECTED["release"]["number"]


def test_an_export_that_waited_is_written(installation: Upgraded) -> None:
    made = installation.reaches(f"/exports/{EXPECTED['waiting_export']}/", "ready")
    assert made["state"] == "ready"
    # The same content under another number, which two of its files name.
    files, before = files_of(installation.download(made["id"])), EXPECTED["release"]["files"]["imagenet"]
    assert {name for name in files.keys() | before.keys() if files.get(name) != before.get(name)} <= NUMBERED


def test_an_invitation_that_was_sent_still_opens(installation: Upgraded) -> None:
    page = httpx.get(installation.url + EXPECTED["invitation"], timeout=30)
    assert (page.status_code, "password" in page.text) == (200, True)


def test_nothing_is_lost_and_the_rules_hold(installation: Upgraded) -> None:
    assert installation.eventually(lambda: installation.value(LIVE) == 0)
    for table, count in EXPECTED["rows"].items():
        if table not in PASSING:
            assert installation.value(f'SELECT count(*) FROM "{table}"') >= count, table
    assert violations(installation.database, files=installation.data / "files") == []


def test_status_says_that_all_is_well_and_stop_ends_it(installation: Upgraded) -> None:
    """The last of this file: nothing runs after it."""
    told = json.loads(manage("status", "--json", "--data", str(installation.data)).stdout)
    assert (told["phase"], told["answering"]) == ("ready", True)
    assert all(told["parts"].values()), told["parts"]
    stopped = manage("stop", "--data", str(installation.data))
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert json.loads(manage("status", "--json", "--data", str(installation.data)).stdout) == {"running": False}
