"""What the old installation leaves unfinished: live sets, half an import, jobs of every kind, messages on their way."""

import uuid
from pathlib import Path
from typing import Any

from tests.upgrade.old_code import Site, old, rows
from tests.upgrade.old_projects import NEW, Worker, a_drawing, a_project, answer_as_a_crowd, ask_refit

# What must not run out before somebody restores the fixture, in whichever year that is, and what must have.
NEVER, LONG_AGO = "2125-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
HALF, STALLED = range(200, 206), range(210, 214)
PROJECT = "projects.models.Project"
JOB, OUTBOX = "kernel.models.Job", "kernel.models.OutboxMessage"
HAND, ASSIGNMENT = "tasks.assignment.models.Hand", "tasks.assignment.models.Assignment"


def begin_a_project(site: Site, folder: Path) -> dict[str, Any]:
    """A project in which two people have worked, and its first fit: call it while jobs run."""
    policy = {"answers_min": 2, "answers_max": 2, "hand_size": 4}
    project = a_project(site, folder, "Underway", range(100, 118), golds=2, **policy)
    invitation = site.manager.invite(project, uses=50)
    site.expected["invitation"] = "/" + invitation.split("/", 3)[3]
    people = {name: Worker(site, project, invitation, name) for name in ("Robin", "Jay", "Wren", "Finch", "Martin")}
    for name in ("Robin", "Jay"):
        people[name].do_a_set()
    ask_refit(project)
    return {"project": project, **people}


def leave_sets(site: Site, begun: dict[str, Any]) -> None:
    """A late answer, an abandoned set, a live one with an answer in it, and one that was handed in just now."""
    site.expected["late_answer"] = _answer_late(begun["Martin"])
    finch = begun["Finch"].take()
    begun["Finch"].answer(finch["assignments"][0], key="left behind")
    _end_at(finch["id"], LONG_AGO)
    site.expected["abandoned_hand"] = {"id": finch["id"], "answered": finch["assignments"][0]["id"]}
    wren: Worker = begun["Wren"]
    hand = wren.take()
    first, key = hand["assignments"][0], str(uuid.uuid4())
    body = wren.answer(first, key=key)
    _end_at(hand["id"], NEVER)
    cookies = {name: wren.browser.line.http.cookies[name] for name in ("sessionid", "csrftoken")}
    site.expected["live_hand"] = {
        "id": hand["id"],
        "project": hand["project"],
        "worker": wren.id,
        "key": _a_key(wren),
        "cookies": cookies,
        "answered": {"id": first["id"], "idempotency_key": key, "body": body.decode()},
        "leased": [each["id"] for each in hand["assignments"][1:]],
    }
    begun["Robin"].do_a_set()


def _answer_late(martin: Worker) -> str:
    hand = martin.take()
    _end_at(hand["id"], LONG_AGO)
    old("tasks.flow.sweeping.expire_leases")()
    late: str = hand["assignments"][0]["id"]
    martin.answer(hand["assignments"][0], key="late")
    return late


def _end_at(hand: str, when: str) -> None:
    rows(HAND).filter(public_id=hand).update(expires_at=when)
    rows(ASSIGNMENT).filter(hand__public_id=hand, state="leased").update(expires_at=when)


def _a_key(worker: Worker) -> str:
    actor = rows("accounts.models.Actor").get(public_id=worker.id)
    organisation = rows(PROJECT).get(public_id=worker.project).organisation
    make = old("accounts.services.create_token")
    _, key = make(actor=actor, organisation=organisation, name="Script", scopes=["read", "work"])
    return str(key)


def leave_imports(site: Site, project: str) -> None:
    """One import that is half taken in and whose job waits, and one whose job gave up so long ago that it is gone."""
    half, stalled = (_an_import(site, project, numbers) for numbers in (HALF, STALLED))
    for name, sent in (("half", half), ("stalled", stalled)):
        for _ in range(2):
            old("tasks.flow.imports.run_import")(import_id=sent.pk, decoders=1, seconds=0)
        sent.refresh_from_db()
        assert (sent.state, sent.taken) == ("working", 2)
        site.expected[f"{name}_import"] = {"id": str(sent.public_id), "total": sent.total, "project": project}
    rows(JOB).filter(args__import_id=stalled.pk).delete()


def _an_import(site: Site, project: str, numbers: range) -> Any:
    files = [("files", (f"late-{number}.png", a_drawing(number)[0], "image/png")) for number in numbers]
    response = site.manager.line.call(
        "POST",
        f"/api/v1/projects/{project}/imports/",
        files=files,
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    assert response.status_code == 202, response.text
    return rows("tasks.ingest.models.Import").get(public_id=response.json()["id"])


def leave_jobs(site: Site, released: str, begun: str, crowded: str) -> None:
    """A release that is being built, an export and a report that wait, a refit, and new answers of the crowd."""
    made = site.manager.post(f"/projects/{released}/releases/", "make a release")
    site.expected["building_release"] = made["id"]
    same = site.expected["same_release"]
    waits = site.manager.post(f"/releases/{same}/exports/", "ask for an export", {"format": "imagenet"})
    site.expected["waiting_export"] = waits["id"]
    report = old("tasks.flow.reports.report_of")
    report(project=rows(PROJECT).get(public_id=released), name="quality")
    project = rows(PROJECT).get(public_id=begun)
    old("kernel.jobs.enqueue")("consensus.refit", project_id=project.pk, dedupe_key=f"consensus.refit:{project.pk}")
    _leave_answers_of_the_crowd(site, rows(PROJECT).get(public_id=crowded))


def _leave_answers_of_the_crowd(site: Site, project: Any) -> None:
    """Answers whose labels wait for a job, and a refit that waits until somebody lets it: labels come first."""
    tasks = answer_as_a_crowd(project, NEW, seed=2)
    key = f"consensus.refit:{project.pk}"
    held = rows(JOB).create(kind="consensus.refit", project_id=project.pk, dedupe_key=key, not_before=NEVER)
    site.expected["labels"] = _labelled(tasks)
    site.expected["refit"] = {"project": str(project.public_id), "job": held.pk, **_refitted(project.pk)}


def _labelled(tasks: list[int]) -> list[list[Any]]:
    """The labels that the old code makes of these answers, by task; nothing of it is kept."""
    from django.db import transaction

    with transaction.atomic():
        old("tasks.consensus.services.update_labels")(task_ids=tasks)
        labels = rows("tasks.consensus.models.ConsensusLabel").filter(task_id__in=tasks).order_by("task_id")
        found = [list(row) for row in labels.values_list("task_id", "content_hash", "confidence")]
        transaction.set_rollback(True)
    assert [row[0] for row in found] == tasks
    return found


def _refitted(project_id: int) -> dict[str, Any]:
    """What the old code learns from the crowd's answers; nothing of it is kept."""
    from django.db import transaction

    with transaction.atomic():
        old("tasks.consensus.refitting.refit")(project_id=project_id)
        state = rows("tasks.consensus.models.ConsensusState").get(project_id=project_id, is_current=True)
        bodies = [row.body for row in state.workers.order_by("worker_id")]
        found = {"version": state.version, "answers": state.answers, "learnt": [state.header, bodies]}
        transaction.set_rollback(True)
    return found


def leave_messages(site: Site) -> None:
    """Send each kind of job and each periodic task by its old name; a job that was sent is not sent again.

    Jobs of both ways have the same arguments: the design lets a job run twice, also at the same moment.
    """
    app = old("annotary.celery.app")
    app.loader.import_default_modules()
    kinds = {name for name, task in app.tasks.items() if hasattr(task, "run_function")}
    waiting: dict[str, list[int]] = {}
    for message in rows(OUTBOX).select_related("job").order_by("pk"):
        waiting.setdefault(message.job.kind, []).append(message.job_id)
    assert set(waiting) == kinds, f"kinds without a job: {kinds - set(waiting)}"
    site.expected["outbox"] = waiting
    site.expected["messages"] = {kind: _sent(app, ids[0]) for kind, ids in sorted(waiting.items())}
    site.expected["periodic"] = sorted(entry["task"] for entry in app.conf.beat_schedule.values())
    for name in site.expected["periodic"]:
        app.send_task(name, ignore_result=True, retry=False)
    site.expected["interrupted"] = _interrupted(waiting["consensus.update"][0])


def _sent(app: Any, original: int) -> int:
    job = _copied(original, sent_at=NEVER)
    app.send_task(job.kind, args=[job.pk], ignore_result=True, retry=False)
    return int(job.pk)


def _interrupted(original: int) -> int:
    """A job whose worker was at it when the machine was cut off: no message names it, its lease is over."""
    lease = {"lease_until": LONG_AGO, "lease_token": uuid.uuid4(), "sent_at": LONG_AGO}
    return int(_copied(original, state="running", attempts=1, **lease).pk)


def _copied(original: int, **changed: Any) -> Any:
    job = rows(JOB).get(pk=original)
    names = ("kind", "project_id", "args", "max_attempts")
    return rows(JOB).create(**{name: getattr(job, name) for name in names}, **changed)


def outlast() -> None:
    """What clients hold (keys, sessions, invitations, answers to repeated calls) does not run out with the fixture."""
    rows("accounts.models.ApiToken").update(expires_at=NEVER)
    rows("accounts.models.Invitation").update(expires_at=NEVER)
    rows("django.contrib.sessions.models.Session").update(expire_date=NEVER)
    rows("kernel.models.IdempotencyRecord").update(created_at=NEVER)
