"""Which images train and which ones test: by group, by a hash, given once and kept.

Pictures of one scene in train and test make a model look better than it is, so a group stays together; and a split
that was given is recorded, so that a later release with more images, or with other ratios, moves none.
"""

import hashlib
from collections.abc import Iterable

from projects.models import Project
from tasks.snapshots.models import GroupSplit, Split


def group_of(*, group_key: str, sha256: str) -> str:
    """The group that an image is split with: the owner's, or itself."""
    return group_key or f"sha256:{sha256}"


def split_for(*, project: Project, group: str) -> str:
    """The split that the project's ratios give to a group: the hash of both as a number from 0 to 1."""
    digest = hashlib.sha256(f"{project.public_id}\n{group}".encode()).digest()
    lot = int.from_bytes(digest[:8], "big") / 2**64
    if lot < project.split_train:
        return Split.TRAIN
    return Split.VAL if lot < project.split_train + project.split_val else Split.TEST


def splits_of(*, project: Project, groups: Iterable[str]) -> dict[str, str]:
    """The splits of these groups; those that have none yet get theirs now, once, also when two releases ask at once."""
    wanted = sorted(set(groups))
    known = _known(project, wanted)
    # In one order, so that two releases that give the same groups wait for each other and do not lock up.
    fresh = [
        GroupSplit(project=project, group_key=group, split=split_for(project=project, group=group))
        for group in wanted
        if group not in known
    ]
    if not fresh:
        return known
    GroupSplit.objects.bulk_create(fresh, ignore_conflicts=True)
    # Read again: another release may have given one of them first, by other ratios.
    return _known(project, wanted)


def _known(project: Project, groups: list[str]) -> dict[str, str]:
    rows = GroupSplit.objects.filter(project=project, group_key__in=groups)
    return dict(rows.values_list("group_key", "split"))
