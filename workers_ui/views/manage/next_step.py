"""The manager's next step in a project, from an empty project to a release."""

from dataclasses import dataclass

from django.template.defaultfilters import pluralize
from django.urls import reverse

from projects.models import Project
from tasks.analytics.project_progress import Need, ProjectProgress

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


def first_steps(*, project: Project, progress: ProjectProgress) -> list[Step]:
    """Return the steps until a project is open; completed ones can be repeated."""
    gold = progress.active_gold
    return [
        Step(
            "Add images",
            progress.has_images,
            url=_url("images", project),
            text="Add the photos to label. Fifty are enough to start.",
            action="Add images",
        ),
        Step(
            f"Label {GOLD_TO_START} check images",
            gold >= GOLD_TO_START or project.gold_rate == 0,
            url=_url("gold", project),
            text=f"You have {gold} so far. They show how accurate each worker is before you spend much.",
            action="Label check images",
            instead=f"Open without {'more ' if gold else ''}check images",
        ),
        _invite_step(project, done=progress.workers_invited),
        Step(
            "Open",
            project.state != Project.State.DRAFT,
            post="open",
            text="Everything is ready. Open the project to start labeling.",
            action="Open project",
        ),
    ]


def next_step(*, project: Project, progress: ProjectProgress, steps: list[Step]) -> Step | None:
    """Return the first unfinished step, or what an open project needs next; None when only workers can continue."""
    if project.state == Project.State.DRAFT:
        return next((step for step in steps if not step.done), None)
    if project.state == Project.State.PAUSED:
        return Step(
            "Resume project",
            False,
            post="open",
            text="The project is paused. Workers cannot take sets.",
            action="Resume project",
        )
    return _later_step(project, progress)


def _later_step(project: Project, progress: ProjectProgress) -> Step | None:
    count = progress.count
    if progress.need is Need.OPEN_BATCHES:
        batches = "One batch is" if count == 1 else f"{count:,} batches are"
        return Step("Open batches", False, post="batches", text=f"{batches} not open yet.", action="Open all batches")
    if progress.need is Need.INVITE_WORKERS:
        return _invite_step(project, done=False)
    if progress.need is Need.INVITE_MORE_WORKERS:
        return Step(
            "Invite more workers",
            False,
            url=_url("workers", project),
            text="Every worker has had as large a share of the images as one person may. Invite more workers, or raise"
            " the share under Settings.",
            action="Invite workers",
        )
    if progress.need is Need.RAISE_BUDGET:
        return Step(
            "Raise the budget",
            False,
            url=f"{_url('project-settings', project)}#policy",
            text="The budget is used up, and images are waiting for answers. Work goes on as soon as you raise it.",
            action="Raise the budget",
        )
    if progress.need is Need.LOOK_AT_GOLD:
        images = "One check image is" if count == 1 else f"{count:,} check images are"
        text = f"{images} suspended: good workers fail {'it' if count == 1 else 'them'}, so the answer may be wrong."
        return Step("Check images", False, url=_url("gold", project), text=text, action="Look at the answers")
    if progress.need is Need.ADD_GOLD:
        text = f"Check images are running out. The work that is left needs {count:,} more."
        return Step("Check images", False, url=_url("gold", project), text=text, action="Add check images")
    if progress.need is Need.REQUEUE_TASKS:
        return _requeue_step(count)
    if progress.need is Need.DECIDE_SET_ASIDE:
        images = "One image was" if count == 1 else f"{count:,} images were"
        text = f"{images} skipped by many workers. Decide whether to offer {'it' if count == 1 else 'them'} again."
        return Step("Decide", False, url=_url("set-aside", project), text=text, action="Show what was set aside")
    if progress.need is Need.REVIEW_LABELS:
        text = f"{count:,} label{pluralize(count)} to review."
        return Step("Review", False, url=_url("review", project), text=text, action="Review")
    if progress.need is Need.DECIDE_CHANGES:
        text = f"New estimates of your workers would change {count:,} approved label{pluralize(count)}."
        return Step(
            "Proposed changes", False, url=_url("proposed-changes", project), text=text, action="Show the changes"
        )
    if progress.need is Need.CREATE_RELEASE:
        text = f"{count:,} labeled image{pluralize(count)} can be released, check images included."
        return Step("Release", False, url=_url("releases", project), text=text, action="Create release")
    return None


def _invite_step(project: Project, *, done: bool) -> Step:
    return Step(
        "Invite workers",
        done,
        url=_url("workers", project),
        text="People only need a link. A phone is enough.",
        action="Invite workers",
    )


def _requeue_step(images: int) -> Step:
    need, them = ("One image needs", "it") if images == 1 else (f"{images:,} images need", "them")
    return Step(
        "Continue without more workers",
        False,
        post="unstick",
        text=f"{need} a new worker because every current worker has already had {them}. Invite another worker, or"
        " continue with the current ones. Images without an answer are offered again. The rest keep their answers.",
        action="Continue with current workers",
    )


def _url(name: str, project: Project) -> str:
    return reverse(f"workers_ui:{name}", args=[project.public_id])
