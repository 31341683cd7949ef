"""Keeps a label without new answers until a better worker model changes its content visibly.

Re-estimated workers move an agreed box by a fraction of a pixel. Written as a new version, that would revoke a
reviewer's verdict over an invisible difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from annotary_core.aggregation.consolidate import ConsolidatedAnswer
from annotary_core.labels.answer import Answer, LabelObject
from annotary_core.labels.geometry import corner_array, pairwise_iou
from annotary_core.labels.shapes import OBJECT_TOOLS
from tasks.consensus.models import ConsensusLabel
from tasks.gold.compare import Tolerance, compare

#: IoU from which two boxes are visually identical.
SAME_IOU = 0.9

Json = dict[str, Any]


def is_unchanged(result: ConsolidatedAnswer, label: ConsensusLabel) -> bool:
    """Whether the label already has this content, computed from the same answers."""
    if _annotations_behind(result.evidence) != _annotations_behind(label.evidence):
        return False
    return compare(result.answer, [Answer.from_json(label.body)], Tolerance(iou=SAME_IOU)).correct


def posterior_with_label_ids(result: ConsolidatedAnswer, label: ConsensusLabel | None) -> Json:
    """The posterior, with its objects under the ids of the label if the label is kept."""
    objects = result.posterior.get("objects")
    if not objects or label is None or not is_unchanged(result, label):
        return result.posterior
    label_ids = _same_objects(result.evidence["objects"], label.evidence.get("objects", []))
    return result.posterior | {"objects": {label_ids.get(key, key): value for key, value in objects.items()}}


def _annotations_behind(evidence: Mapping[str, Any]) -> set[str]:
    return {row["annotation"] for part in ("answers", "models") for row in evidence.get(part, [])}


def _same_objects(new: Sequence[Json], old: Sequence[Json]) -> dict[str, str]:
    """{new id: old id} of the overlapping objects, matched one to one."""
    overlap = pairwise_iou(*(corner_array([_object(item).geom for item in items]) for items in (new, old)))
    rows, columns = linear_sum_assignment(np.where(overlap >= SAME_IOU, overlap, 0.0), maximize=True)
    pairs = [(row, column) for row, column in zip(rows, columns, strict=True) if overlap[row, column] >= SAME_IOU]
    return {new[row]["id"]: old[column]["id"] for row, column in pairs}


def _object(item: Json) -> LabelObject:
    return LabelObject(item["id"], item["class"], "box", OBJECT_TOOLS["box"].load(item["geom"]))
