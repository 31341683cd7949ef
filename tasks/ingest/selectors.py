"""Queries on imports."""

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from kernel.clock import rfc3339
from kernel.models import Job
from projects.models import Project
from tasks.ingest.errors import ImportNotFound
from tasks.ingest.models import Image, Import, ImportItem
from tasks.ingest.name_matching import match_names

MAX_ITEMS_SHOWN = 1_000
MAX_NAMES_SHOWN = 100


def imports_of(*, project: Project) -> QuerySet[Import]:
    """Return the project's imports, newest first, without loading their metadata tables."""
    return Import.objects.filter(project_id=project.pk).defer("metadata").order_by("-created_at", "-id")


def import_for(*, project: Project, public_id: uuid.UUID | str) -> Import:
    """Return the import with this id. Raises ImportNotFound."""
    try:
        return imports_of(project=project).get(public_id=uuid.UUID(str(public_id)))
    except (Import.DoesNotExist, ValueError) as error:
        raise ImportNotFound from error


def keeps_groups(*, projects: Collection[int]) -> set[int]:
    """Return those of the project ids whose imports keep images together."""
    rows = Import.objects.filter(project_id__in=projects).exclude(keep_together=Import.KeepTogether.NOTHING)
    return {pk for pk in rows.values_list("project_id", flat=True).distinct().order_by() if pk is not None}


def images_of(*, project: Project) -> QuerySet[Image]:
    """Return the images of the project's dataset, in order of arrival."""
    return Image.objects.filter(dataset_id=project.dataset_id).order_by("id")


def has_images(*, project: Project) -> bool:
    """Whether the project's dataset has any image."""
    return Image.objects.filter(dataset_id=project.dataset_id).exists()


def files_not_added(*, batch_import: Import) -> QuerySet[ImportItem]:
    """Return the files of an import that were refused, with the reason, then its duplicates."""
    states = (ImportItem.State.REFUSED, ImportItem.State.DUPLICATE)
    return ImportItem.objects.filter(batch_import=batch_import, state__in=states).order_by("-state", "id")


def import_report(*, batch_import: Import) -> dict[str, Any]:
    """Return the result of an import as plain JSON types.

    {"id", "state", "source", "keep_together", "group_column", "error", "note", "stalled", "total", "taken",
    "duplicates", "refused", "waiting", "progress": {"done", "total", "unit"}, "items": the first 1,000 refused or
    duplicate ones [{"name", "state", "code", "reason"}], "metadata": {"named", "unmatched": names in the table (first
    100) without a file, "unmatched_count", "problems": names (first 100) that could mean several files, and those that
    match a file of another name [{"name", "reason"}], "problem_count"}, "created_at", "finished_at"}. `stalled` means
    that the job has given up; `resume_import` restarts it.
    """
    row = Import.objects.get(pk=batch_import.pk)
    not_taken = files_not_added(batch_import=row)
    return {
        "id": str(row.public_id),
        "state": row.state,
        "source": row.source,
        "keep_together": row.keep_together,
        "group_column": row.group_column,
        "error": row.error,
        "note": row.note,
        "stalled": is_stalled(batch_import=row),
        "total": row.total,
        "taken": row.taken,
        "duplicates": row.duplicates,
        "refused": row.refused,
        "waiting": row.total - row.taken - row.duplicates - row.refused,
        "progress": row.progress.as_json(),
        "items": list(not_taken.values("name", "state", "code", "reason")[:MAX_ITEMS_SHOWN]),
        "metadata": _metadata_report(row),
        "created_at": rfc3339(row.created_at),
        "finished_at": rfc3339(row.finished_at) if row.finished_at else None,
    }


def is_stalled(*, batch_import: Import) -> bool:
    """Whether the import's job has given up, so that it must be resumed."""
    if batch_import.is_interrupted:
        return True
    if batch_import.state != Import.State.WORKING:
        return False
    jobs = Job.objects.filter(dedupe_key=f"import.{batch_import.pk}")
    return not jobs.filter(state__in=(Job.State.QUEUED, Job.State.RUNNING)).exists()


def _metadata_report(row: Import) -> dict[str, Any]:
    if not row.metadata:
        return {"named": 0, "unmatched": [], "unmatched_count": 0, "problems": [], "problem_count": 0}
    names = ImportItem.objects.filter(batch_import=row).values_list("name", flat=True)
    matching = match_names(list(row.metadata), list(names))
    unmatched = [name for name in row.metadata if name not in matching.matches and name not in matching.refused]
    problems = [
        {"name": name, "reason": sentence} for name, sentence in (matching.refused | matching.second_tries).items()
    ]
    return {
        "named": len(row.metadata),
        "unmatched": unmatched[:MAX_NAMES_SHOWN],
        "unmatched_count": len(unmatched),
        "problems": problems[:MAX_NAMES_SHOWN],
        "problem_count": len(problems),
    }


def metadata_by_item(*, batch_import: Import) -> dict[str, dict[str, str]]:
    """Return {item name: its row in the metadata table} for all items named in the table."""
    table: dict[str, dict[str, str]] = Import.objects.values_list("metadata", flat=True).get(pk=batch_import.pk)
    if not table:
        return {}
    names = ImportItem.objects.filter(batch_import=batch_import).values_list("name", flat=True)
    return {item: table[key] for key, item in match_names(list(table), list(names)).matches.items()}
