"""What two workers of a project have in common: equal mistakes, coordinates or times, a device or a network.

Reads the newest answers of a project, so the cost does not grow with the project.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from django.db import connection

from accounts.models import Trace
from projects.models import Project
from projects.selectors import schema_of
from tasks.analytics.worker_flags import Flag, Signal
from tasks.analytics.worker_pairs import AlikePair, Likeness, PairCount, alike_pairs
from tasks.consensus.label_methods import SINGLE
from tasks.standing.models import Standing

#: The newest answers of a project that are compared.
NEWEST = 3000
#: A network or device of more accounts says nothing about two of them: an office, a school, a mobile carrier.
MOST_IN_COMMON = 5

# Both wrong: an image with a class, and both differ from the label of several answers. Equal coordinates: an object of
# the one has the very same geometry as one of the other, and on one image alone: cameras that do not move give equal
# coordinates to all. Equal times: to a tenth of a second.
PAIRS = """
WITH newest AS MATERIALIZED (
    SELECT n.id, n.task_id, n.actor_id, n.body, n.body_sha256, n.seconds
    FROM tasks_annotation n
    WHERE n.project_id = %(project)s AND n.is_current AND n.source = 'worker' AND n.task_id IS NOT NULL
    ORDER BY n.id DESC LIMIT %(newest)s
), objects AS MATERIALIZED (
    SELECT n.task_id, n.actor_id, o->'geom' AS geom FROM newest n, jsonb_array_elements(n.body->'objects') o
), equal AS MATERIALIZED (
    SELECT DISTINCT one.task_id, one.actor_id AS one, other.actor_id AS other
    FROM objects one JOIN objects other USING (task_id, geom)
    WHERE one.actor_id < other.actor_id
        AND geom IN (SELECT geom FROM objects GROUP BY geom HAVING count(DISTINCT task_id) = 1)
)
SELECT least(a.actor_id, b.actor_id), greatest(a.actor_id, b.actor_id),
    count(*) FILTER (WHERE %(classes)s AND a.body_sha256 <> l.content_hash AND b.body_sha256 <> l.content_hash),
    count(*) FILTER (WHERE %(classes)s AND a.body_sha256 <> l.content_hash AND a.body_sha256 = b.body_sha256),
    count(*) FILTER (WHERE a.body->'objects' <> '[]' AND b.body->'objects' <> '[]'),
    count(e.task_id),
    count(*) FILTER (WHERE a.seconds IS NOT NULL AND b.seconds IS NOT NULL),
    count(*) FILTER (WHERE abs(a.seconds - b.seconds) < 0.05)
FROM newest a
JOIN newest b ON b.task_id = a.task_id AND b.actor_id > a.actor_id
LEFT JOIN equal e ON e.task_id = a.task_id AND e.one = a.actor_id AND e.other = b.actor_id
LEFT JOIN tasks_consensuslabel l ON l.task_id = a.task_id AND l.is_current AND l.method <> %(single)s
GROUP BY 1, 2
"""
_SIGNALS = {
    Likeness.SAME_MISTAKES: Signal.SAME_MISTAKES,
    Likeness.SAME_GEOMETRY: Signal.SAME_GEOMETRY,
    Likeness.SAME_TIMES: Signal.SAME_TIMES,
}
_PLACES = {Trace.Kind.DEVICE: Signal.SAME_DEVICE, Trace.Kind.NETWORK: Signal.SAME_NETWORK}


def shared_flags(*, project: Project, standings: Sequence[Standing]) -> dict[str, list[Flag]]:
    """Return {public id: flags} of what these workers have in common with each other."""
    names = {standing.worker_id: str(standing.worker.public_id) for standing in standings}
    flags: dict[str, list[Flag]] = defaultdict(list)
    for pair in _alike(project, names):
        for one, other in (pair.workers, pair.workers[::-1]):
            flags[one].append(
                Flag(
                    _SIGNALS[pair.likeness],
                    pair.hits / pair.of,
                    pair.usual,
                    pair.of,
                    pair.hits,
                    strength=0.5,
                    worker=other,
                )
            )
    for name, each in _same_places(names).items():
        flags[name] += each
    return flags


def _alike(project: Project, names: dict[int, str]) -> list[AlikePair]:
    schema = schema_of(project=project)
    has_class = schema.has_image_class and not schema.object_tools
    params: dict[str, Any] = {"project": project.pk, "newest": NEWEST, "classes": has_class, "single": SINGLE}
    counts = {}
    with connection.cursor() as cursor:
        cursor.execute(PAIRS, params)
        for one, other, wrong, alike, drawn, equal, timed, together in cursor.fetchall():
            if one in names and other in names:
                counts[names[one], names[other]] = {
                    Likeness.SAME_MISTAKES: PairCount(alike, wrong),
                    Likeness.SAME_GEOMETRY: PairCount(equal, drawn),
                    Likeness.SAME_TIMES: PairCount(together, timed),
                }
    return alike_pairs(counts, classes=len(schema.classes) if has_class else 0)


def _same_places(names: dict[int, str]) -> dict[str, list[Flag]]:
    """Accounts of the project that were used from one device or network. A network only supports other evidence."""
    rows = Trace.objects.filter(actor_id__in=names).values_list("kind", "digest", "actor_id")
    together: dict[tuple[str, str], set[int]] = defaultdict(set)
    for kind, digest, actor in rows:
        together[kind, digest].add(actor)
    common: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for (kind, _), actors in together.items():
        if 2 <= len(actors) <= MOST_IN_COMMON:
            for one, other in combinations(sorted(actors), 2):
                common[kind][one].add(other)
                common[kind][other].add(one)
    flags: dict[str, list[Flag]] = defaultdict(list)
    for kind, of_actor in common.items():
        for actor, others in of_actor.items():
            is_device = kind == Trace.Kind.DEVICE
            flags[names[actor]].append(
                Flag(
                    _PLACES[Trace.Kind(kind)],
                    float(len(others)),
                    0.0,
                    len(others),
                    decisive=is_device,
                    strength=0.25 if is_device else 0.0,
                    worker=names[min(others)],
                )
            )
    return flags
