"""Reading imports."""

import uuid
from typing import Any

from django.db.models import QuerySet

from kernel.errors import NotFound
from kernel.models import Job
from projects.models import Project
from tasks.ingest.models import Image, Import, ImportItem
from tasks.ingest.name_matching import match_names

SHOWN = 1_000


class ImportUnknown(NotFound):
    """There is no such import in this project."""

    code = "import_unknown"


def imports_of(*, project: Project) -> QuerySet[Import]:
    """Newest first; the tables of metadata are not loaded."""
    return Import.objects.filter(project_id=project.pk).defer("metadata").order_by("-created_at", "-id")


def import_for(*, project: Project, public_id: uuid.UUID | str) -> Import:
    """Raises ImportUnknown."""
    try:
        return imports_of(project=project).get(public_id=uuid.UUID(str(public_id)))
    except (Import.DoesNotExist, ValueError) as error:
        raise ImportUnknown from error


def images_of(*, project: Project) -> QuerySet[Image]:
    """The images of the project's dataset, in the order in which they came."""
    return Image.objects.filter(dataset_id=project.dataset_id).select_related("thumb", "rendition").order_by("id")


def import_report(*, batch_import: Import) -> dict[str, Any]:
    """What became of an import, as plain JSON types.

    {"id", "state", "source", "error", "stalled", "total", "taken", "duplicates", "refused", "waiting", "items": the
    first 1,000 that were not taken [{"name", "state", "code", "reason"}], "metadata": {"named", "unmatched": names of
    the table (first 100) that no file has, "unmatched_count"}, "created_at", "finished_at"}. `stalled` says that the
    job gave up; `resume_import` starts it again.
    """
    row = Import.objects.get(pk=batch_import.pk)
    left = ImportItem.objects.filter(
        batch_import=row, state__in=(ImportItem.State.REFUSED, ImportItem.State.DUPLICATE)
    ).order_by("-state", "id")
    return {
        "id": str(row.public_id),
        "state": row.state,
        "source": row.source,
        "error": row.error,
        "stalled": is_stalled(batch_import=row),
        "total": row.total,
        "taken": row.taken,
        "duplicates": row.duplicates,
        "refused": row.refused,
        "waiting": row.total - row.taken - row.duplicates - row.refused,
        "items": list(left.values("name", "state", "code", "reason")[:SHOWN]),
        "metadata": _metadata_report(row),
        "created_at": row.created_at.isoformat(),
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
    }


def is_stalled(*, batch_import: Import) -> bool:
    """Whether the import waits for a job that gave up."""
    if batch_import.state != Import.State.WORKING:
        return False
    jobs = Job.objects.filter(dedupe_key=f"import.{batch_import.pk}")
    return not jobs.filter(state__in=(Job.State.QUEUED, Job.State.RUNNING)).exists()


def _metadata_report(row: Import) -> dict[str, Any]:
    if not row.metadata:
        return {"named": 0, "unmatched": [], "unmatched_count": 0}
    names = ImportItem.objects.filter(batch_import=row).values_list("name", flat=True)
    used = match_names(row.metadata, list(names))
    unmatched = [name for name in row.metadata if name not in used]
    return {"named": len(row.metadata), "unmatched": unmatched[:100], "unmatched_count": len(unmatched)}


def metadata_by_item(*, batch_import: Import) -> dict[str, dict[str, str]]:
    """{name of an item: its row in the table}, for all items that the table names."""
    table: dict[str, dict[str, str]] = Import.objects.values_list("metadata", flat=True).get(pk=batch_import.pk)
    if not table:
        return {}
    names = ImportItem.objects.filter(batch_import=batch_import).values_list("name", flat=True)
    return {item: table[key] for key, item in match_names(table, list(names)).items()}
