"""`manage.py simulate`: only the crowd, on any running Annotary, with the API key of a project's manager."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from annotary.demo.crowd import MAX_HELPERS, Crowd
from annotary.demo.errors import DemoError
from annotary.demo.ground_truth import index_images, match_ground_truth
from annotary.demo.manager import Manager
from annotary.demo.progress import StageProgress
from annotary.demo.scenario import work_left
from annotary.demo.skills import crowd_of
from annotary.demo.worker import Job, Record
from annotary_core.wording import format_count
from kernel.errors import AnnotaryError
from tasks.ingest.ground_truth import GroundTruthRecords, read_ground_truth


def main(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    if not 1 <= options.workers <= 200:
        raise DemoError("A crowd has 1 to 200 workers. Choose a number in that range with --workers.")
    truth = _truth(options.truth)
    manager = Manager(options.url, options.key)
    console = Console()
    try:
        with StageProgress(console) as stages:
            records = _simulate(manager, truth, options, stages)
    finally:
        manager.close()
    answers = sum(len(record.answers) for record in records)
    paused = ", ".join(record.member.name for record in records if record.paused) or "no one"
    console.print(
        f"\n  {format_count(answers, 'answer')} by {format_count(len(records), 'worker')}."
        f" Paused by check images: {paused}\n",
        highlight=False,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py simulate", description="Let simulated workers join one of your projects and label it over HTTP."
    )
    parser.add_argument("--url", required=True, help="URL of the site, such as http://127.0.0.1:8000")
    parser.add_argument(
        "--key", required=True, help="API key of the project's manager, with the scopes read and manage"
    )
    parser.add_argument("--project", required=True, help="id of an open project")
    parser.add_argument(
        "--truth", required=True, type=Path, help="ground truth for the crowd: COCO JSON, VOC XML, or folders"
    )
    parser.add_argument("--workers", type=int, default=12, help="number of workers (default: 12)")
    parser.add_argument(
        "--seed", type=int, default=7, help="random seed; the same seed gives the same workers (default: 7)"
    )
    return parser


def _truth(path: Path) -> GroundTruthRecords:
    if not path.exists():
        raise DemoError(f"{path} does not exist. Pass the labels of the project's images with --truth.")
    try:
        return read_ground_truth(path=path)
    except AnnotaryError as error:
        raise DemoError(f"The labels in {path} cannot be used: {error.detail}") from error


def _simulate(
    manager: Manager, truth: GroundTruthRecords, options: argparse.Namespace, stages: StageProgress
) -> list[Record]:
    project = manager.project(options.project)
    if project["state"] != "open":
        raise DemoError(f"The project {project['name']} is {project['state']}. Open it first.")
    images = manager.images(project["id"])
    ground_truth = match_ground_truth(truth.records, images, project["schema"])
    if not ground_truth.answers:
        raise DemoError(f"None of the labels in {options.truth} belongs to an image of this project.")
    with stages.stage("Download images", len(images)) as on_progress:
        index_images(ground_truth, manager, images, on_progress)
    job = Job(
        url=manager.client.url,
        invitation=manager.invite(project["id"], uses=options.workers + MAX_HELPERS),
        project=project["id"],
        seed=options.seed,
        ground_truth=ground_truth,
        retry_seconds=60.0,
    )
    least = int(manager.figures(project["id"])["progress"]["answers_left"])
    with stages.stage("Crowd labels images", least) as on_progress:
        crowd = Crowd(
            job,
            count_left=lambda: work_left(manager, project["id"]),
            on_progress=lambda done: on_progress(done, max(least, done)),
        )
        records = crowd.run(crowd_of(options.workers))
    stages.note(f"{format_count(crowd.unfinished, 'image')} left open" if crowd.unfinished else "")
    return records
