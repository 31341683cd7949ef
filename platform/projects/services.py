"""Projects: what makes and changes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import Actor, Organisation, Role
from accounts.selectors import require_role
from annotary_core.labels.errors import SchemaError
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes import refusal, tool_names
from kernel.clock import ClockTimestamp
from kernel.errors import TransitionRefused
from kernel.events import record_event
from projects import classes as label_classes
from projects.classes import ClassSpec
from projects.errors import ClassesRefused, InstructionsRefused, PolicyRefused, ProjectNotReady, ProjectRefused
from projects.models import Dataset, Instructions, LabelClass, LabelSchema, Project
from projects.policies import read_policy

__all__ = [
    "ClassSpec",
    "change_classes",
    "change_policy",
    "close_project",
    "create_project",
    "open_project",
    "pause_project",
    "write_instructions",
]

MAX_PROJECT_NAME = 120
MAX_INSTRUCTIONS = 50_000


@transaction.atomic
def create_project(
    *,
    organisation: Organisation,
    by: Actor,
    name: str,
    classes: Sequence[ClassSpec],
    tools: Sequence[str],
    instructions: str = "",
    dataset: Dataset | None = None,
    policy: Mapping[str, Any] | None = None,
) -> Project:
    """Make a draft project, with a dataset of its own unless one of the organisation's is given.

    Raises Forbidden or NotFound unless `by` manages the organisation, and ProjectRefused, ClassesRefused,
    PolicyRefused, InstructionsRefused with what to mend.
    """
    require_role(actor=by, organisation_id=organisation.pk, role=Role.MANAGER)
    title = _title(name)
    if dataset is not None and dataset.organisation_id != organisation.pk:
        raise ProjectRefused("This dataset belongs to another organisation; choose one of your own.")
    blank = Project()
    values = read_policy(policy or {}, present=lambda field: getattr(blank, field))
    project = Project.objects.create(
        organisation=organisation,
        dataset=dataset or Dataset.objects.create(organisation=organisation, name=title),
        name=title,
        created_by=by,
        **values,
    )
    _write_schema(project, by, classes, _tools(tools))
    if instructions.strip():
        write_instructions(project=project, by=by, body=instructions)
    return project


@transaction.atomic
def change_policy(*, project: Project, changes: Mapping[str, Any]) -> Project:
    """Locks the project. Set policies by name; tasks made from now on follow them, given places stay as they are."""
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    values = read_policy(changes, present=lambda field: getattr(row, field))
    if "currency" in values and values["currency"] != row.currency and row.state != Project.State.DRAFT:
        raise PolicyRefused("The currency stays as it is once a project was opened; make another project for it.")
    if values:
        Project.objects.filter(pk=row.pk).update(**values)
    return Project.objects.get(pk=row.pk)


@transaction.atomic
def change_classes(*, project: Project, by: Actor, classes: Sequence[ClassSpec]) -> LabelSchema:
    """Locks the project. Write a new version of the schema with these classes, in this order.

    A class that is missing is retired: its number is never given to another, and it gets it back when it returns.
    The same classes again make no new version. Raises ClassesRefused.
    """
    # No join in the locking query: after a wait it would pair the new row with the schemas of the old snapshot.
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if row.schema is None:
        raise ClassesRefused("This project has no tools yet; make it anew with tools and classes.")
    return _write_schema(row, by, classes, tuple(row.schema.body["tools"]))


@transaction.atomic
def write_instructions(*, project: Project, by: Actor, body: str) -> Instructions:
    """Locks the project. Write a new version of the instructions; the same text again makes none."""
    text = body.replace("\r\n", "\n").replace("\x00", "").strip()
    if not text:
        raise InstructionsRefused("The instructions are empty; say what to label and how to decide in doubt.")
    if len(text) > MAX_INSTRUCTIONS:
        raise InstructionsRefused(
            f"The instructions have {len(text):,} characters; shorten them to {MAX_INSTRUCTIONS:,}."
        )
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if row.instructions is not None and row.instructions.body == text:
        project.instructions = row.instructions
        return row.instructions
    last = Instructions.objects.filter(project=row).aggregate(last=Max("version"))["last"] or 0
    written = Instructions.objects.create(project=row, version=last + 1, body=text, created_by=by)
    Project.objects.filter(pk=row.pk).update(instructions=written)
    project.instructions = written
    return written


def open_project(*, project: Project) -> Project:
    """Open for work: draft | paused -> open. Raises ProjectNotReady while there is nothing to label."""
    row = Project.objects.get(pk=project.pk)
    if row.schema_id is None:
        raise ProjectNotReady("The project has no classes yet; add them first.")
    # Asked through the reverse relation: tasks stand above projects, and their models are not imported here.
    if not row.tasks.exists():
        raise ProjectNotReady("There is nothing to label yet; bring images in first.")
    return _move(row, Project.State.OPEN, (Project.State.DRAFT, Project.State.PAUSED))


def pause_project(*, project: Project) -> Project:
    """Give out no more work: open -> paused. What is in hands may be finished."""
    return _move(project, Project.State.PAUSED, (Project.State.OPEN,))


def close_project(*, project: Project) -> Project:
    """End the work: open | paused -> closed."""
    return _move(project, Project.State.CLOSED, (Project.State.OPEN, Project.State.PAUSED))


@transaction.atomic
def _move(project: Project, to: str, sources: Sequence[str]) -> Project:
    moved = Project.objects.filter(pk=project.pk, state__in=sources).update(state=to)
    row = Project.objects.get(pk=project.pk)
    if not moved:
        raise TransitionRefused(f"The project is {row.get_state_display().lower()}; load the page again.")
    record_event(project_id=row.pk, kind=f"project.{to}")
    return row


def _title(name: str) -> str:
    title = " ".join(name.split())
    if not title or not title.isprintable():
        raise ProjectRefused("The project has no name; give it one.")
    if len(title) > MAX_PROJECT_NAME:
        raise ProjectRefused(f"The name has {len(title)} characters; shorten it to {MAX_PROJECT_NAME}.")
    return title


def _tools(tools: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(tools))
    if not chosen:
        raise ProjectRefused(f"Choose how images are labelled: {', '.join(tool_names())}.")
    for tool in chosen:
        if tool not in tool_names():
            raise ProjectRefused(refusal(tool))
    return chosen


def _write_schema(project: Project, by: Actor, specs: Sequence[ClassSpec], tools: tuple[str, ...]) -> LabelSchema:
    """The project must be locked, or new: class numbers and versions are counted here."""
    rows = list(LabelClass.objects.filter(project=project).order_by("number"))
    planned = label_classes.plan(specs, rows, project=project)
    body = {
        "classes": [{"number": row.number, "name": row.name, "color": row.color} for row in planned],
        "tools": list(tools),
        "attributes": [],
    }
    try:
        body = Schema.from_json(body).to_json()
    except SchemaError as error:
        raise ClassesRefused(error.sentence) from error
    if project.schema is not None and project.schema.body == body:
        return project.schema
    _save_classes(project, planned)
    last = LabelSchema.objects.filter(project=project).aggregate(last=Max("version"))["last"] or 0
    project.schema = LabelSchema.objects.create(project=project, version=last + 1, body=body, created_by=by)
    Project.objects.filter(pk=project.pk).update(schema=project.schema)
    return project.schema


def _save_classes(project: Project, planned: Sequence[LabelClass]) -> None:
    kept = [row for row in planned if row.pk]
    # Two classes may swap their names; the unique index is not deferred, so they step aside first.
    for row in kept:
        LabelClass.objects.filter(pk=row.pk).exclude(name=row.name).update(name=f"\x01{row.number}")
    LabelClass.objects.bulk_update(kept, ["name", "color", "retired_at"])
    LabelClass.objects.bulk_create(row for row in planned if not row.pk)
    LabelClass.objects.filter(project=project, retired_at__isnull=True).exclude(
        number__in=[row.number for row in planned]
    ).update(retired_at=ClockTimestamp())
