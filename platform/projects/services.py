"""Services for projects: creating them, and changing what workers label, how and at what price."""

from collections.abc import Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import Actor, Organisation, Role
from accounts.selectors import require_role
from annotary_core.labels.errors import SchemaError
from annotary_core.labels.names import is_name
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes import SHAPES, tool_names, unavailable_message
from kernel.clock import ClockTimestamp
from projects import classes as label_classes
from projects.classes import ClassSpec
from projects.errors import ClassesRefused, InstructionsRefused, PolicyRefused, ProjectRefused, ProjectUnknown
from projects.models import Dataset, Instructions, LabelClass, LabelSchema, PayBy, Project
from projects.policies import read_policy
from projects.selectors import object_tools_of

__all__ = [
    "ClassSpec",
    "append_rule",
    "change_classes",
    "change_policy",
    "create_project",
    "plan_schema",
    "rename_project",
    "with_policy",
    "write_instructions",
    "write_schema",
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
    """Create a draft project, with a new dataset unless one of the organization's datasets is passed.

    Raises Forbidden or NotFound unless `by` manages the organization, and ProjectRefused, ClassesRefused,
    PolicyRefused or InstructionsRefused with what to correct.
    """
    require_role(actor=by, organisation_id=organisation.pk, role=Role.MANAGER)
    normalized = _normalize_name(name)
    if dataset is not None and dataset.organisation_id != organisation.pk:
        raise ProjectRefused("This dataset belongs to another organization. Choose one of your own.")
    blank = Project()
    values = read_policy(policy or {}, current=lambda field: getattr(blank, field))
    _check_pays_objects(values, any(tool in SHAPES for tool in tools))
    project = Project.objects.create(
        organisation=organisation,
        dataset=dataset or Dataset.objects.create(organisation=organisation, name=normalized),
        name=normalized,
        created_by=by,
        **values,
    )
    write_schema(project, by, classes, _tools(tools))
    if instructions.strip():
        write_instructions(project=project, by=by, body=instructions)
    return project


def rename_project(*, project: Project, name: str) -> Project:
    """Give the project another name. Raises ProjectRefused, and ProjectUnknown if it was deleted in the meantime."""
    rows = Project.objects.filter(pk=project.pk, deleted_at__isnull=True)
    if not rows.update(name=_normalize_name(name)):
        raise ProjectUnknown
    return Project.objects.get(pk=project.pk)


@transaction.atomic
def change_policy(*, project: Project, changes: Mapping[str, Any]) -> Project:
    """Locks the project. Set policies by name. They apply to tasks created from now on; existing claims stay."""
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    values = _read_changes(row, changes)
    if values:
        Project.objects.filter(pk=row.pk).update(**values)
    return Project.objects.get(pk=row.pk)


def with_policy(*, project: Project, changes: Mapping[str, Any]) -> Project:
    """Return the project as `change_policy` would change it, without saving it. Raises PolicyRefused."""
    changed = copy(project)
    for name, value in _read_changes(project, changes).items():
        setattr(changed, name, value)
    return changed


def _read_changes(project: Project, changes: Mapping[str, Any]) -> dict[str, Any]:
    values = read_policy(changes, current=lambda field: getattr(project, field))
    if "currency" in values and values["currency"] != project.currency and project.state != Project.State.DRAFT:
        raise PolicyRefused(
            "The currency stays fixed once a project has been opened. Create another project for another currency."
        )
    _check_pays_objects(values, bool(object_tools_of(project=project)))
    return values


def _check_pays_objects(values: Mapping[str, Any], has_objects: bool) -> None:
    if values.get("pay_by") == PayBy.OBJECT and not has_objects:
        raise PolicyRefused(
            "Workers of this project draw no objects, so they would earn nothing. Pay by answer or by the hour."
        )


@transaction.atomic
def change_classes(*, project: Project, by: Actor, classes: Sequence[ClassSpec]) -> LabelSchema:
    """Locks the project. Write a new version of the schema with these classes, in this order.

    A class that is left out is retired: its number is never reused, and the class gets it back if it returns.
    Identical classes create no new version. Answers that are in the record are read as before; to merge or split
    classes, see `tasks.flow.class_change`. Raises ClassesRefused.
    """
    # No join in the locking query: after a lock wait it would combine the new row with a schema of the old snapshot.
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if row.schema is None:
        raise ClassesRefused("This project has no tools. Create a new project with tools and classes.")
    return write_schema(row, by, classes, tuple(row.schema.body["tools"]), mapping=row.schema.mapping)


@transaction.atomic
def write_instructions(*, project: Project, by: Actor, body: str, is_important: bool = False) -> Instructions:
    """Locks the project. Write a new version of the instructions; identical text creates none.

    Workers must confirm an important version before they take their next set, also if it was not important before.
    """
    text = body.replace("\r\n", "\n").replace("\x00", "").strip()
    if not text:
        raise InstructionsRefused("The instructions are empty. Describe what to label and how to decide when in doubt.")
    if len(text) > MAX_INSTRUCTIONS:
        raise InstructionsRefused(
            f"The instructions have {len(text):,} characters. Shorten them to {MAX_INSTRUCTIONS:,}."
        )
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    written = row.instructions
    if written is None or written.body != text:
        last = Instructions.objects.filter(project=row).aggregate(last=Max("version"))["last"] or 0
        written = Instructions.objects.create(
            project=row, version=last + 1, body=text, is_important=is_important, created_by=by
        )
    elif is_important and not written.is_important:
        written.is_important = True
        written.save(update_fields=["is_important"])
    row.instructions = project.instructions = written
    if is_important:
        row.version_to_confirm = project.version_to_confirm = written.version
    row.save(update_fields=["instructions", "version_to_confirm"])
    return written


@transaction.atomic
def append_rule(*, project: Project, by: Actor, rule: str) -> Instructions:
    """Locks the project. Write a new important version of the instructions that ends with this rule.

    What others have changed in the meantime stays. Raises InstructionsRefused if they get too long.
    """
    row = Project.objects.select_for_update(no_key=True, of=("self",)).get(pk=project.pk)
    # Read by a statement of its own: joined to the locked row it would be of the snapshot before the wait.
    written = Instructions.objects.filter(pk=row.instructions_id or 0).values_list("body", flat=True).first() or ""
    body = f"{written}\n\n{rule}" if written else rule
    instructions = write_instructions(project=row, by=by, body=body, is_important=True)
    project.instructions, project.version_to_confirm = instructions, row.version_to_confirm
    return instructions


def _normalize_name(name: str) -> str:
    normalized = " ".join(name.split())
    if not is_name(normalized):
        raise ProjectRefused("The project has no name. Enter one.")
    if len(normalized) > MAX_PROJECT_NAME:
        raise ProjectRefused(f"The name has {len(normalized)} characters. Shorten it to {MAX_PROJECT_NAME}.")
    return normalized


def _tools(tools: Sequence[str]) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(tools))
    if not unique:
        raise ProjectRefused(f"Choose how images are labeled: {', '.join(tool_names())}.")
    for tool in unique:
        if tool not in tool_names():
            raise ProjectRefused(unavailable_message(tool))
    return unique


def plan_schema(
    project: Project, specs: Sequence[ClassSpec], tools: Sequence[str], *, mapping: Mapping[str, int | None]
) -> tuple[list[LabelClass], dict[str, object]]:
    """Return the rows of these classes, not saved, and the body of a schema with them. Raises ClassesRefused."""
    rows = list(LabelClass.objects.filter(project=project).order_by("number"))
    planned = label_classes.plan(specs, rows, project=project)
    label_classes.refuse_mapped(planned, mapping)
    body = {
        "classes": [{"number": row.number, "name": row.name, "color": row.color} for row in planned],
        "tools": list(tools),
        "attributes": [],
    }
    try:
        return planned, Schema.from_json(body).to_json()
    except SchemaError as error:
        raise ClassesRefused(error.sentence) from error


def write_schema(
    project: Project,
    by: Actor,
    specs: Sequence[ClassSpec],
    tools: tuple[str, ...],
    *,
    mapping: Mapping[str, int | None] = MappingProxyType({}),
) -> LabelSchema:
    """The project must be locked or new. Write the classes and a schema version, which take the next free numbers.

    mapping: as of LabelSchema. Raises ClassesRefused.
    """
    planned, body = plan_schema(project, specs, tools, mapping=mapping)
    if project.schema is not None and project.schema.body == body and project.schema.mapping == mapping:
        return project.schema
    _save_classes(project, planned)
    last = LabelSchema.objects.filter(project=project).aggregate(last=Max("version"))["last"] or 0
    project.schema = LabelSchema.objects.create(
        project=project, version=last + 1, body=body, mapping=dict(mapping), created_by=by
    )
    Project.objects.filter(pk=project.pk).update(schema=project.schema)
    return project.schema


def _save_classes(project: Project, planned: Sequence[LabelClass]) -> None:
    kept = [row for row in planned if row.pk]
    # Two classes may swap names. The unique index is not deferred, so renamed classes first get temporary names.
    for row in kept:
        LabelClass.objects.filter(pk=row.pk).exclude(name=row.name).update(name=f"\x01{row.number}")
    LabelClass.objects.bulk_update(kept, ["name", "color", "retired_at"])
    LabelClass.objects.bulk_create(row for row in planned if not row.pk)
    LabelClass.objects.filter(project=project, retired_at__isnull=True).exclude(
        number__in=[row.number for row in planned]
    ).update(retired_at=ClockTimestamp())
