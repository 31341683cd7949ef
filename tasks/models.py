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
from tasks.notices.models import Notice
from tasks.pay.models import (
    EarlyApproval,
    EarlyApprovalItem,
    LedgerEntry,
    LedgerTotal,
    Payout,
    PayoutItem,
    PayoutRun,
    WorkedTime,
)
from tasks.qualification.models import (
    Attempt,
    AttemptItem,
    Qualification,
    QualificationGrant,
    QualificationImage,
    Requirement,
)
from tasks.qualification.skill_models import Skill, SkillValue
from tasks.questions.models import ImageThread, ThreadMessage
from tasks.repair.change_models import ChangedRelease, ChangedTask, ClassChange
from tasks.repair.models import Repair, RepairedRelease, RepairedTask
from tasks.review.models import ClassCheck, RejectedAnswer, Review, ReviewStage, StagePass
from tasks.snapshots.models import GroupSplit, Snapshot, SnapshotItem, SnapshotNote
from tasks.standing.models import Application, Standing
from tasks.workers.models import WorkerEvidence, WorkerPace

__all__ = [
    "Annotation",
    "Application",
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
    "EarlyApproval",
    "EarlyApprovalItem",
    "Export",
    "Gold",
    "GoldResult",
    "GroupSplit",
    "Hand",
    "Image",
    "ImageThread",
    "Import",
    "ImportItem",
    "LabelProposal",
    "LedgerEntry",
    "LedgerTotal",
    "Notice",
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
    "ThreadMessage",
    "WorkedTime",
    "WorkerEvidence",
    "WorkerPace",
    "WorkerReliability",
]
