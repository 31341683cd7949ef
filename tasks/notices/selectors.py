"""Queries on notices."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Actor
from kernel.errors import NotFound
from tasks.notices.models import Notice
from tasks.notices.wording import NoticeWords, words_of

#: Above this a page says "99+".
MOST_COUNTED = 100


def notices_of(*, recipient: Actor) -> QuerySet[Notice]:
    """Return a person's notices, newest first, each with project and organization. Not those of deleted projects."""
    rows = Notice.objects.filter(recipient=recipient).exclude(project__deleted_at__isnull=False)
    return rows.select_related("project", "organisation").order_by("-pk")


def count_unread(*, recipient: Actor) -> int:
    """Return how many notices the person has not read, at most `MOST_COUNTED`."""
    rows = Notice.objects.filter(recipient=recipient, read_at__isnull=True)
    return rows.exclude(project__deleted_at__isnull=False)[:MOST_COUNTED].count()


def words_of_notice(row: Notice) -> NoticeWords:
    """Return the words of a notice that came with project and organization."""
    return words_of(
        row.kind,
        project=row.project.name if row.project else "",
        project_id=str(row.project.public_id) if row.project else "",
        organisation=row.organisation.name,
        data=row.data,
    )


def notice_for(*, recipient: Actor, public_id: UUID) -> Notice:
    """Raises NotFound for another person's."""
    row = notices_of(recipient=recipient).filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    return row
