"""The models of all stages, for Django's model discovery. No other module imports this one."""

from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, BatchCursor, Commitment, Hand, SetAside
from tasks.batching.models import Batch, Task
from tasks.consensus.models import (
    ConsensusLabel,
    ConsensusState,
    LabelProposal,
    Posterior,
    Prediction,
    WorkerReliability,
)
from tasks.exports.models import Export
from tasks.gold.models import Gold, GoldResult
from tasks.ingest.models import Image, Import, ImportItem
from tasks.pay.models import LedgerEntry, LedgerTotal, Payout, PayoutItem, PayoutRun, WorkedTime
from tasks.qualification.models import (
    Attempt,
    AttemptItem,
    Qualification,
    QualificationGrant,
    QualificationImage,
    Requirement,
)
from tasks.qualification.skill_models import Skill, SkillValue
from tasks.repair.change_models import ChangedRelease, ChangedTask, ClassChange
from tasks.repair.models import Repair, RepairedRelease, RepairedTask
from tasks.review.models import ClassCheck, RejectedAnswer, Review, ReviewStage, StagePass
from tasks.snapshots.models import GroupSplit, Snapshot, SnapshotItem, SnapshotNote
from tasks.standing.models import Standing
from tasks.workers.models import WorkerEvidence, WorkerPace

__all__ = [
    "Annotation",
    "Assignment",
    "Attempt",
    "AttemptItem",
    "Batch",
    "BatchCursor",
    "ChangedRelease",
    "ChangedTask",
    "ClassChange",
    "ClassCheck",
    "Commitment",
    "ConsensusLabel",
    "ConsensusState",
    "Export",
    "Gold",
    "GoldResult",
    "GroupSplit",
    "Hand",
    "Image",
    "Import",
    "ImportItem",
    "LabelProposal",
    "LedgerEntry",
    "LedgerTotal",
    "Payout",
    "PayoutItem",
    "PayoutRun",
    "Posterior",
    "Prediction",
    "Qualification",
    "QualificationGrant",
    "QualificationImage",
    "RejectedAnswer",
    "Repair",
    "RepairedRelease",
    "RepairedTask",
    "Requirement",
    "Review",
    "ReviewStage",
    "SetAside",
    "Skill",
    "SkillValue",
    "Snapshot",
    "SnapshotItem",
    "SnapshotNote",
    "StagePass",
    "Standing",
    "Task",
    "WorkedTime",
    "WorkerEvidence",
    "WorkerPace",
    "WorkerReliability",
]
