"""Queries on exports, for actors who may download a project's data."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils.text import slugify

from accounts.models import Actor, Role
from accounts.selectors import require_role
from annotary_core.formats.registry import FORMATS
from kernel.errors import NotFound
from tasks.exports.models import Export
from tasks.snapshots.models import Snapshot


def format_choices() -> list[tuple[str, str]]:
    """Return (name, title) of every format."""
    return [(each.name, each.title) for each in FORMATS.values()]


def exports_of(*, snapshot: Snapshot) -> QuerySet[Export]:
    return Export.objects.filter(snapshot=snapshot).select_related("snapshot", "blob").order_by("format")


def export_for(*, actor: Actor, public_id: UUID | str) -> Export:
    """Return an export that the actor may download. Raises NotFound for outsiders and Forbidden for members."""
    export = Export.objects.select_related("project", "snapshot", "blob").filter(public_id=public_id).first()
    if export is None:
        raise NotFound
    require_role(actor=actor, organisation_id=export.project.organisation_id, role=Role.CLIENT)
    return export


def download_name(export: Export) -> str:
    project = slugify(export.project.name)[:60] or "release"
    return f"{project}-{export.snapshot.number}-{export.format}.zip"
