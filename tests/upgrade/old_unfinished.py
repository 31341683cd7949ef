"""Create the unfinished work of the old installation: live sets, half an import, jobs of every kind, sent messages."""

import uuid
from pathlib import Path
from typing import Any

from tests.upgrade.old_code import Site, old, rows
from tests.upgrade.old_projects import NEW_TASKS, Worker, a_drawing, a_project, add_crowd_answers, refit

# When things expire: the fixture can be restored in any year, so some must not have expired yet and others must have.
FAR_FUTURE, LONG_AGO = "2125-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
HALF_IMPORT, STALLED_IMPORT = range(200, 206), range(210, 214)
PROJECT = "projects.models.Project"
JOB, OUTBOX = "kernel.models.Job", "kernel.models.OutboxMessage"
HAND, ASSIGNMENT = "tasks.assignment.models.Hand", "tasks.assignment.models.Assignment"


def start_a_project(site: Site, folder: Path) -> dict[str, Any]:
    """Create a project in which two workers have each completed a set, and fit it. Call this while job workers run."""
    policy = {"answers_min": 2, "answers_max": 2, "hand_size": 4}
    project = a_project(site, folder, "Underway", range(100, 118), golds=2, **policy)
    invitation = site.manager.invite(project, uses=50)
    site.expected["invitation"] = "/" + invitation.split("/", 3)[3]
    people = {name: Worker(site, project, invitation, name) for name in ("Robin", "Jay", "Wren", "Finch", "Martin")}
    for name in ("Robin", "Jay"):
        people[name].complete_a_set()
    refit(project)
    return {"project": project, **people}


def leave_sets(site: Site, started: dict[str, Any]) -> None:
    """Leave a late answer, an abandoned set, a live set with one answer, and a set that was just submitted."""
    site.expected["late_answer"] = _submit_late(started["Martin"])
    abandoned = started["Finch"].take_set()
    started["Finch"].answer(abandoned["assignments"][0], key="left behind")
    _set_expiry(abandoned["id"], LONG_AGO)
    site.expected["abandoned_hand"] = {"id": abandoned["id"], "answered": abandoned["assignments"][0]["id"]}
    wren: Worker = started["Wren"]
    hand = wren.take_set()
    first, key = hand["assignments"][0], str(uuid.uuid4())
    body = wren.answer(first, key=key)
    _set_expiry(hand["id"], FAR_FUTURE)
    cookies = {name: wren.browser.line.http.cookies[name] for name in ("sessionid", "csrftoken")}
    site.expected["live_hand"] = {
        "id": hand["id"],
        "project": hand["project"],
        "worker": wren.id,
        "key": _create_api_key(wren),
        "cookies": cookies,
        "answered": {"id": first["id"], "idempotency_key": key, "body": body.decode()},
        "leased": [assignment["id"] for assignment in hand["assignments"][1:]],
    }
    started["Robin"].complete_a_set()


def _submit_late(worker: Worker) -> str:
    """Answer an assignment after its lease has expired; returns the id of the assignment."""
    hand = worker.take_set()
    _set_expiry(hand["id"], LONG_AGO)
    old("tasks.flow.sweeping.expire_leases")()
    assignment: str = hand["assignments"][0]["id"]
    worker.answer(hand["assignments"][0], key="late")
    return assignment


def _set_expiry(hand: str, when: str) -> None:
    rows(HAND).filter(public_id=hand).update(expires_at=when)
    rows(ASSIGNMENT).filter(hand__public_id=hand, state="leased").update(expires_at=when)


def _create_api_key(worker: Worker) -> str:
    actor = rows("accounts.models.Actor").get(public_id=worker.id)
    organization = rows(PROJECT).get(public_id=worker.project).organisation
    create_token = old("accounts.services.create_token")
    _, key = create_token(actor=actor, organisation=organization, name="Script", scopes=["read", "work"])
    return str(key)


def leave_imports(site: Site, project: str) -> None:
    """Leave two half-finished imports: one with a queued job, and one whose job failed so long ago that it is gone."""
    half, stalled = (_start_import(site, project, numbers) for numbers in (HALF_IMPORT, STALLED_IMPORT))
    for name, batch_import in (("half", half), ("stalled", stalled)):
        for _ in range(2):
            old("tasks.flow.imports.run_import")(import_id=batch_import.pk, decoders=1, seconds=0)
        batch_import.refresh_from_db()
        assert (batch_import.state, batch_import.taken) == ("working", 2)
        public_id, total = str(batch_import.public_id), batch_import.total
        site.expected[f"{name}_import"] = {"id": public_id, "total": total, "project": project}
    rows(JOB).filter(args__import_id=stalled.pk).delete()


def _start_import(site: Site, project: str, numbers: range) -> Any:
    files = [("files", (f"late-{number}.png", a_drawing(number)[0], "image/png")) for number in numbers]
    response = site.manager.line.call(
        "POST",
        f"/api/v1/projects/{project}/imports/",
        files=files,
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    assert response.status_code == 202, response.text
    return rows("tasks.ingest.models.Import").get(public_id=response.json()["id"])


def leave_jobs(site: Site, released: str, started: str, crowded: str) -> None:
    """Leave a release that is being built, a queued export, report and refit, and new answers of the crowd."""
    release = site.manager.post(f"/projects/{released}/releases/", "create a release")
    site.expected["building_release"] = release["id"]
    same = site.expected["same_release"]
    export = site.manager.post(f"/releases/{same}/exports/", "request an export", {"format": "imagenet"})
    site.expected["waiting_export"] = export["id"]
    report = old("tasks.flow.reports.report_of")
    report(project=rows(PROJECT).get(public_id=released), name="quality")
    project = rows(PROJECT).get(public_id=started)
    old("kernel.jobs.enqueue")("consensus.refit", project_id=project.pk, dedupe_key=f"consensus.refit:{project.pk}")
    _leave_crowd_answers(site, rows(PROJECT).get(public_id=crowded))


def _leave_crowd_answers(site: Site, project: Any) -> None:
    """Leave answers whose labels are still to be computed, and a refit that is on hold until a test releases it.

    The refit is on hold so that the labels are computed first.
    """
    tasks = add_crowd_answers(project, NEW_TASKS, seed=2)
    key = f"consensus.refit:{project.pk}"
    job = rows(JOB).create(kind="consensus.refit", project_id=project.pk, dedupe_key=key, not_before=FAR_FUTURE)
    site.expected["labels"] = _labels_by_old_code(tasks)
    refit_result = _refit_by_old_code(project.pk)
    site.expected["refit"] = {"project": str(project.public_id), "job": job.pk, **refit_result}


def _labels_by_old_code(tasks: list[int]) -> list[list[Any]]:
    """Return the labels that the old code computes from these answers, ordered by task; they are rolled back."""
    from django.db import transaction

    with transaction.atomic():
        old("tasks.consensus.services.update_labels")(task_ids=tasks)
        labels = rows("tasks.consensus.models.ConsensusLabel").filter(task_id__in=tasks).order_by("task_id")
        values = [list(row) for row in labels.values_list("task_id", "content_hash", "confidence")]
        transaction.set_rollback(True)
    assert [row[0] for row in values] == tasks
    return values


def _refit_by_old_code(project_id: int) -> dict[str, Any]:
    """Return the parameters that the old code fits to the crowd's answers; they are rolled back."""
    from django.db import transaction

    with transaction.atomic():
        old("tasks.consensus.refitting.refit")(project_id=project_id)
        state = rows("tasks.consensus.models.ConsensusState").get(project_id=project_id, is_current=True)
        bodies = [row.body for row in state.workers.order_by("worker_id")]
        result = {"version": state.version, "answers": state.answers, "learnt": [state.header, bodies]}
        transaction.set_rollback(True)
    return result


def leave_messages(site: Site) -> None:
    """Send a message for every kind of job and every periodic task under its old name, and leave a job interrupted.

    The messages name copies of the jobs in the outbox. The copies have the same arguments as the originals: jobs are
    designed to be safe to run twice, even at the same time. They are marked as already sent, so no sweep sends them
    again.
    """
    app = old("annotary.celery.app")
    app.loader.import_default_modules()
    kinds = {name for name, task in app.tasks.items() if hasattr(task, "run_function")}
    outbox: dict[str, list[int]] = {}
    for message in rows(OUTBOX).select_related("job").order_by("pk"):
        outbox.setdefault(message.job.kind, []).append(message.job_id)
    assert set(outbox) == kinds, f"the outbox has no job of these kinds: {kinds - set(outbox)}"
    site.expected["outbox"] = outbox
    site.expected["messages"] = {kind: _send_copy(app, ids[0]) for kind, ids in sorted(outbox.items())}
    site.expected["periodic"] = sorted(entry["task"] for entry in app.conf.beat_schedule.values())
    for name in site.expected["periodic"]:
        app.send_task(name, ignore_result=True, retry=False)
    site.expected["interrupted"] = _create_interrupted_job(outbox["consensus.update"][0])


def _send_copy(app: Any, original: int) -> int:
    job = _copy_job(original, sent_at=FAR_FUTURE)
    app.send_task(job.kind, args=[job.pk], ignore_result=True, retry=False)
    return int(job.pk)


def _create_interrupted_job(original: int) -> int:
    """Create a job that a worker was running when the power failed: it has no message, and its lease has expired."""
    lease = {"lease_until": LONG_AGO, "lease_token": uuid.uuid4(), "sent_at": LONG_AGO}
    return int(_copy_job(original, state="running", attempts=1, **lease).pk)


def _copy_job(original: int, **changes: Any) -> Any:
    job = rows(JOB).get(pk=original)
    names = ("kind", "project_id", "args", "max_attempts")
    return rows(JOB).create(**{name: getattr(job, name) for name in names}, **changes)


def prevent_expiry() -> None:
    """Keep what clients hold valid for as long as the fixture exists.

    These are keys, sessions, invitations, and the stored responses to repeated calls.
    """
    rows("accounts.models.ApiToken").update(expires_at=FAR_FUTURE)
    rows("accounts.models.Invitation").update(expires_at=FAR_FUTURE)
    rows("django.contrib.sessions.models.Session").update(expire_date=FAR_FUTURE)
    rows("kernel.models.IdempotencyRecord").update(created_at=FAR_FUTURE)
