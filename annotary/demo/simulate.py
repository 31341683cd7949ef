"""`manage.py simulate`: the crowd alone, on any running Annotary, with the API key of a project's manager."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from annotary.demo.crowd import MOST_HELPERS, Crowd
from annotary.demo.errors import DemoError
from annotary.demo.ground_truth import know, learn_pixels
from annotary.demo.manager import Manager
from annotary.demo.progress import Stages
from annotary.demo.scenario import open_images
from annotary.demo.skills import crowd_of
from annotary.demo.worker import Job, Record
from kernel.errors import AnnotaryError
from tasks.ingest.ground_truth import Truth, read_truth


def main(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    if not 1 <= options.workers <= 200:
        raise DemoError("A crowd has 1 to 200 people: choose a number in between with --workers.")
    truth = _truth(options.truth)
    manager = Manager(options.url, options.key)
    console = Console()
    try:
        with Stages(console) as stages:
            records = _simulate(manager, truth, options, stages)
    finally:
        manager.close()
    answers = sum(len(record.answers) for record in records)
    paused = ", ".join(record.member.name for record in records if record.paused) or "nobody"
    console.print(f"\n  {answers} answers by {len(records)} people; paused: {paused}\n", highlight=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py simulate", description="Let a simulated crowd join a project and label it over HTTP."
    )
    parser.add_argument("--url", required=True, help="address of the site, such as http://127.0.0.1:8000")
    parser.add_argument(
        "--key", required=True, help="API key of the project's manager, with the scopes read and manage"
    )
    parser.add_argument("--project", required=True, help="id of an open project")
    parser.add_argument(
        "--truth", required=True, type=Path, help="what the crowd knows: COCO JSON, VOC XML, or folders"
    )
    parser.add_argument("--workers", type=int, default=12, help="people in the crowd (12)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same people (7)")
    return parser


def _truth(path: Path) -> Truth:
    if not path.exists():
        raise DemoError(f"{path} is not there: name the labels of the project's images with --truth.")
    try:
        return read_truth(path=path)
    except AnnotaryError as error:
        raise DemoError(f"The labels in {path} cannot be used: {error.detail}") from error


def _simulate(manager: Manager, truth: Truth, options: argparse.Namespace, stages: Stages) -> list[Record]:
    project = manager.project(options.project)
    if project["state"] != "open":
        raise DemoError(f"The project {project['name']} is {project['state']}: open it for work first.")
    images = manager.images(project["id"])
    knowledge = know(truth.records, images, project["schema"])
    if not knowledge.answers:
        raise DemoError(f"None of the labels in {options.truth} tells of an image of this project.")
    with stages.stage("See what workers see", len(images)) as told:
        learn_pixels(knowledge, manager, images, told)
    job = Job(
        url=manager.line.url,
        invitation=manager.invite(project["id"], uses=options.workers + MOST_HELPERS),
        project=project["id"],
        seed=options.seed,
        knowledge=knowledge,
        patience=60.0,
    )
    least = int(manager.figures(project["id"])["progress"]["answers_left"])
    with stages.stage("The crowd answers", least) as told:
        crowd = Crowd(
            job, left=lambda: open_images(manager, project["id"]), told=lambda done: told(done, max(least, done))
        )
        records = crowd.run(crowd_of(options.workers))
    stages.note(f"{crowd.unfinished} images left open" if crowd.unfinished else "")
    return records
