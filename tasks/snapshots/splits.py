"""Train, validation and test splits: assigned per group by a hash, once, and then kept.

Images of the same scene in both train and test make a model look better than it is, so a group stays together. An
assigned split is recorded, so a later release with more images or different ratios moves no image.
"""

import hashlib
from collections.abc import Iterable

from django.db import connection

from projects.models import Project
from tasks.snapshots.models import GroupSplit, Split

INSERT_SPLITS = """
INSERT INTO tasks_groupsplit (project_id, group_key, split)
SELECT %s, group_key, split FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS s(group_key, split, n) ORDER BY n
ON CONFLICT DO NOTHING RETURNING group_key, split
"""


def split_group_of(*, group_key: str, sha256: str) -> str:
    """Return the group that an image is split with: the owner's group, or the image by itself."""
    return group_key or f"sha256:{sha256}"


def hash_split(*, project: Project, group: str) -> str:
    """Return a group's split under the project's ratios, from a hash of project and group scaled to 0 to 1."""
    digest = hashlib.sha256(f"{project.public_id}\n{group}".encode()).digest()
    fraction = int.from_bytes(digest[:8], "big") / 2**64
    if fraction < project.split_train:
        return Split.TRAIN
    return Split.VAL if fraction < project.split_train + project.split_val else Split.TEST


def assign_splits(*, project: Project, groups: Iterable[str]) -> dict[str, str]:
    """Return the splits of these groups, assigning the missing ones once, even if two releases do so concurrently."""
    requested = sorted(set(groups))
    assigned = _assigned_splits(project, requested)
    # Inserted in sorted order, so that two releases with the same groups wait for each other instead of deadlocking.
    missing = [group for group in requested if group not in assigned]
    if missing:
        assigned |= _insert_splits(project, {group: hash_split(project=project, group=group) for group in missing})
    # Another release may have assigned some of them first, with different ratios.
    others = [group for group in missing if group not in assigned]
    return assigned | _assigned_splits(project, others) if others else assigned


def _insert_splits(project: Project, splits: dict[str, str]) -> dict[str, str]:
    """Insert the splits in this order; return those that had none yet."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT_SPLITS, [project.pk, list(splits), list(splits.values())])
        return dict(cursor.fetchall())


def _assigned_splits(project: Project, groups: list[str]) -> dict[str, str]:
    rows = GroupSplit.objects.filter(project=project, group_key__in=groups)
    return dict(rows.values_list("group_key", "split"))
