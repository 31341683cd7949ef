"""When nothing was answered since, a label stays until what is learnt of its workers changes what it says.

Better known workers move an agreed box by a fraction of a pixel. As a version that would take a reviewer's verdict
back, for nothing that anybody sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from annotary_core.aggregation.consolidate import Consolidated
from annotary_core.labels.answer import Answer, LabelObject
from annotary_core.labels.geometry import corner_array, pairwise_iou
from annotary_core.labels.shapes import OBJECT_TOOLS
from tasks.consensus.models import ConsensusLabel
from tasks.gold.compare import Tolerance, compare

#: Boxes that overlap by this much are the same to the eye.
SAME = 0.9

Json = dict[str, Any]


def stays(result: Consolidated, label: ConsensusLabel) -> bool:
    """Whether the label says the same already, of the same answers."""
    if _behind(result.evidence) != _behind(label.evidence):
        return False
    return compare(result.answer, [Answer.from_json(label.body)], Tolerance(iou=SAME)).correct


def posterior_beside(result: Consolidated, label: ConsensusLabel | None) -> Json:
    """The posterior, its objects under the ids that they have in the label where it stays."""
    objects = result.posterior.get("objects")
    if not objects or label is None or not stays(result, label):
        return result.posterior
    names = _same_objects(result.evidence["objects"], label.evidence.get("objects", []))
    return result.posterior | {"objects": {names.get(key, key): value for key, value in objects.items()}}


def _behind(evidence: Mapping[str, Any]) -> set[str]:
    return {row["annotation"] for part in ("answers", "models") for row in evidence.get(part, [])}


def _same_objects(now: Sequence[Json], before: Sequence[Json]) -> dict[str, str]:
    """{id now: id before} of the objects that overlap, one to one."""
    overlap = pairwise_iou(*(corner_array([_object(item).geom for item in items]) for items in (now, before)))
    rows, columns = linear_sum_assignment(np.where(overlap >= SAME, overlap, 0.0), maximize=True)
    pairs = [(row, column) for row, column in zip(rows, columns, strict=True) if overlap[row, column] >= SAME]
    return {now[row]["id"]: before[column]["id"] for row, column in pairs}


def _object(item: Json) -> LabelObject:
    return LabelObject(item["id"], item["class"], "box", OBJECT_TOOLS["box"].load(item["geom"]))
