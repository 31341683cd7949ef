"""What a manager does next in a project: the way from nothing to a release, one step at a time."""

from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.urls import reverse

from accounts.models import Invitation
from kernel.clock import utc_now
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.flow.requeue import Waiting, waiting_for_nobody
from tasks.gold.models import Gold
from tasks.ingest.models import Image
from tasks.review.selectors import review_queue
from tasks.snapshots.models import Snapshot
from tasks.snapshots.selectors import releasable

CHECKS_TO_BEGIN = 10


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the way. `post` names what the button does here; else it leads to `url`.

    `instead` is what the quieter button says that opens the project without this step.
    """

    label: str
    done: bool
    url: str = ""
    post: str = ""
    text: str = ""
    action: str = ""
    instead: str = ""


def first_steps(*, project: Project) -> list[Step]:
    """The steps until a project is open; those that are done may be done again."""
    checks = Gold.objects.filter(project=project, state=Gold.State.ACTIVE).count()
    return [
        Step(
            "Add images",
            _has_images(project),
            url=_at("images", project),
            text="Drop in the photos to label; fifty are enough to begin.",
            action="Add images",
        ),
        Step(
            f"Label {CHECKS_TO_BEGIN} check images",
            checks >= CHECKS_TO_BEGIN or project.gold_rate == 0,
            url=_at("checks", project),
            text=f"You have {checks}. They show how well each worker does before you pay for much.",
            action="Label check images",
            instead=f"Open without {'more ' if checks else ''}check images",
        ),
        _invite_step(project),
        Step(
            "Open",
            project.state != Project.State.DRAFT,
            post="open",
            text="Everything is ready. Opening gives the images out to the workers.",
            action="Open the project",
        ),
    ]


def next_step(*, project: Project, steps: list[Step]) -> Step | None:
    """The first that is not done; of an open project, what waits for the manager; None when all waits for workers."""
    if project.state == Project.State.DRAFT:
        return next((step for step in steps if not step.done), None)
    if project.state == Project.State.PAUSED:
        return Step(
            "Open again", False, post="open", text="The project is paused: no sets are given out.", action="Open again"
        )
    return _later_step(project)


def _later_step(project: Project) -> Step | None:
    drafts = Batch.objects.filter(project=project, state=Batch.State.DRAFT).count()
    if drafts and project.state == Project.State.OPEN:
        words = "One batch is" if drafts == 1 else f"{drafts} batches are"
        return Step("Open batches", False, post="batches", text=f"{words} not open yet.", action="Open all batches")
    invite = _invite_step(project)
    if not invite.done and Task.objects.filter(project=project, taken__lt=F("wanted")).exists():
        return invite
    stuck = waiting_for_nobody(project=project)
    if stuck.without_answer or stuck.with_answers:
        return _unstick_step(stuck)
    waiting = review_queue(project=project).count()
    if waiting:
        words = "One label waits" if waiting == 1 else f"{waiting:,} labels wait"
        return Step("Review", False, url=_at("review", project), text=f"{words} for a look.", action="Review")
    if Task.objects.filter(project=project).exclude(state=Task.State.APPROVED).exists():
        return None
    last = Snapshot.objects.filter(project=project).order_by("-number").first()
    ready = releasable(project=project)
    if ready and (last is None or last.items_count < ready):
        text = f"{ready:,} approved images can be released."
        return Step("Release", False, url=_at("releases", project), text=text, action="Make a release")
    return None


def _invite_step(project: Project) -> Step:
    return Step(
        "Invite workers",
        project.standings.exists() or _open_links(project).exists(),
        url=_at("workers", project),
        text="A link is all that people need; a phone will do.",
        action="Invite workers",
    )


def _unstick_step(stuck: Waiting) -> Step:
    images = stuck.without_answer + stuck.with_answers
    words = "One image waits" if images == 1 else f"{images:,} images wait"
    return Step(
        "Go on without more workers",
        False,
        post="unstick",
        text=f"{words} for somebody new: everybody here has had them. Invite another worker, or go on with who is here:"
        " images without an answer are offered again, the others keep the answers they have.",
        action="Go on with who is here",
    )


def _open_links(project: Project) -> QuerySet[Invitation]:
    return Invitation.objects.filter(project_id=project.pk, revoked_at__isnull=True, expires_at__gt=utc_now())


def _has_images(project: Project) -> bool:
    return Image.objects.filter(dataset_id=project.dataset_id).exists()


def _at(name: str, project: Project) -> str:
    return reverse(f"workers_ui:{name}", args=[project.public_id])
