"""The manager's next step in a project, from an empty project to a release."""

from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.template.defaultfilters import pluralize
from django.urls import reverse

from accounts.models import Invitation
from kernel.clock import utc_now
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.flow.requeue import StuckTasks, stuck_tasks
from tasks.gold.models import Gold
from tasks.ingest.models import Image
from tasks.review.selectors import review_queue
from tasks.snapshots.models import Snapshot
from tasks.snapshots.selectors import count_releasable

GOLD_TO_START = 10


@dataclass(frozen=True, slots=True)
class Step:
    """A step toward a release. `post` names the action of its button; without it the button links to `url`.

    `instead` is the label of the secondary button, which opens the project without this step.
    """

    label: str
    done: bool
    url: str = ""
    post: str = ""
    text: str = ""
    action: str = ""
    instead: str = ""


def first_steps(*, project: Project) -> list[Step]:
    """Return the steps until a project is open; completed ones can be repeated."""
    gold = Gold.objects.filter(project=project, state=Gold.State.ACTIVE).count()
    return [
        Step(
            "Add images",
            _has_images(project),
            url=_url("images", project),
            text="Add the photos to label. Fifty are enough to start.",
            action="Add images",
        ),
        Step(
            f"Label {GOLD_TO_START} check images",
            gold >= GOLD_TO_START or project.gold_rate == 0,
            url=_url("checks", project),
            text=f"You have {gold} so far. They show how accurate each worker is before you spend much.",
            action="Label check images",
            instead=f"Open without {'more ' if gold else ''}check images",
        ),
        _invite_step(project),
        Step(
            "Open",
            project.state != Project.State.DRAFT,
            post="open",
            text="Everything is ready. Opening the project offers its images to the workers.",
            action="Open project",
        ),
    ]


def next_step(*, project: Project, steps: list[Step]) -> Step | None:
    """Return the first unfinished step, or what an open project needs next; None when only workers can continue."""
    if project.state == Project.State.DRAFT:
        return next((step for step in steps if not step.done), None)
    if project.state == Project.State.PAUSED:
        return Step(
            "Open again",
            False,
            post="open",
            text="The project is paused. Workers cannot take sets.",
            action="Open again",
        )
    return _later_step(project)


def _later_step(project: Project) -> Step | None:
    drafts = Batch.objects.filter(project=project, state=Batch.State.DRAFT).count()
    if drafts and project.state == Project.State.OPEN:
        batches = "One batch is" if drafts == 1 else f"{drafts:,} batches are"
        return Step("Open batches", False, post="batches", text=f"{batches} not open yet.", action="Open all batches")
    invite = _invite_step(project)
    if not invite.done and Task.objects.filter(project=project, taken__lt=F("wanted")).exists():
        return invite
    stuck = stuck_tasks(project=project)
    if stuck.without_answer or stuck.with_answers:
        return _requeue_step(stuck)
    labels = review_queue(project=project).count()
    if labels:
        text = f"{labels:,} label{pluralize(labels)} to review."
        return Step("Review", False, url=_url("review", project), text=text, action="Review")
    if Task.objects.filter(project=project).exclude(state=Task.State.APPROVED).exists():
        return None
    last = Snapshot.objects.filter(project=project).order_by("-number").first()
    ready = count_releasable(project=project)
    if ready and (last is None or last.items_count < ready):
        text = f"{ready:,} approved image{pluralize(ready)} can be released."
        return Step("Release", False, url=_url("releases", project), text=text, action="Create release")
    return None


def _invite_step(project: Project) -> Step:
    return Step(
        "Invite workers",
        project.standings.exists() or _open_links(project).exists(),
        url=_url("workers", project),
        text="All that people need is a link; a phone is enough.",
        action="Invite workers",
    )


def _requeue_step(stuck: StuckTasks) -> Step:
    images = stuck.without_answer + stuck.with_answers
    need, them = ("One image needs", "it") if images == 1 else (f"{images:,} images need", "them")
    return Step(
        "Continue without more workers",
        False,
        post="unstick",
        text=f"{need} a new worker: every current worker has already had {them}. Invite another worker, or continue"
        " with the current ones: images without an answer are offered again, the others keep the answers they have.",
        action="Continue with current workers",
    )


def _open_links(project: Project) -> QuerySet[Invitation]:
    return Invitation.objects.filter(project_id=project.pk, revoked_at__isnull=True, expires_at__gt=utc_now())


def _has_images(project: Project) -> bool:
    return Image.objects.filter(dataset_id=project.dataset_id).exists()


def _url(name: str, project: Project) -> str:
    return reverse(f"workers_ui:{name}", args=[project.public_id])
