"""`manage.py demo`: a whole job from images to a release, with a simulated crowd, and a page that tells of it."""

import argparse
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from annotary.demo import pictures, report, scenario
from annotary.demo.accounts import SignIn, make_manager
from annotary.demo.dataset import Dataset, prepare
from annotary.demo.errors import DemoError
from annotary.demo.manager import Manager
from annotary.demo.progress import Stages
from annotary.demo.scenario import Outcome
from annotary.demo.summary import summarize
from annotary.runtime import network as addresses
from annotary.runtime import programmatic as runtime
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.programmatic import Running
from annotary.runtime.source_roots import ROOT

SCENES = 200
MARK = ".annotary-demo"


def main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    if not 2 <= options.workers <= 200:
        raise DemoError("A crowd has 2 to 200 people: choose a number in between with --workers.")
    console = Console(stderr=False)
    out = _claim(options.out)
    data = options.data.expanduser().resolve()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with Stages(console) as stages:
        dataset, name = _dataset(options, data, stages)
        with _running(options, data, stages) as running:
            summary = _run(running, dataset, name, options, out, stages)
            stages.finish()
            _tell(summary, running, out, console)
            if not options.exit:
                console.print("  Annotary stays up to be looked at; Ctrl-C ends it.\n")
                _stay(running)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py demo", description="Label images with a simulated crowd, from upload to release, over HTTP."
    )
    parser.add_argument("--images", type=Path, help=f"folder or zip of images (default: {SCENES} drawn scenes)")
    parser.add_argument("--truth", type=Path, help="their labels: COCO JSON, VOC XML (file, folder or zip)")
    parser.add_argument("--workers", type=int, default=12, help="people in the crowd (12)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same people and scenes (7)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "demo", help="where the release and report go")
    parser.add_argument("--data", type=Path, default=ROOT / ".annotary-demo", help="data of the installation")
    parser.add_argument("--port", type=int, help="of the site (default: 8000, or a free one)")
    parser.add_argument("--exit", action="store_true", help="stop Annotary when everything is done")
    return parser


def _claim(out: Path) -> Path:
    """A folder of ours: new, empty, or of an earlier run."""
    folder = out.expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).exists())):
        raise DemoError(f"{folder} holds other things: choose an empty or a new folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    return folder


def _dataset(options: argparse.Namespace, data: Path, stages: Stages) -> tuple[Dataset, str]:
    workspace = data / "demo"
    shutil.rmtree(workspace, ignore_errors=True)
    if options.images is not None:
        with stages.stage("Read images and labels"):
            dataset = prepare(images=options.images, truth=options.truth, workspace=workspace)
        stages.note(f"{dataset.count} images, {len(dataset.records)} labels ({dataset.reader})")
        return dataset, f"Demo: {options.images.resolve().name}"
    if options.truth is not None:
        raise DemoError("--truth tells of images: name their folder or zip with --images.")
    with stages.stage("Draw the scenes"):
        truth = _scenes(data / f"scenes-{options.seed}", options.seed)
        dataset = prepare(images=truth.parent / "images", truth=truth, workspace=workspace)
    stages.note(f"{dataset.count} scenes with an exact truth")
    return dataset, "Demo: synthetic scenes"


def _scenes(folder: Path, seed: int) -> Path:
    """Drawn once for a seed; the truth is written last and under its name only when all of it is there."""
    from annotary_core.synthesis.scenes.synthesize import TRUTH_NAME, synthesize

    if (folder / TRUTH_NAME).exists():
        return folder / TRUTH_NAME
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    synthesize(fresh, count=SCENES, seed=seed, processes=max(1, min(4, os.cpu_count() or 1)))
    fresh.replace(folder)
    return folder / TRUTH_NAME


@contextmanager
def _running(options: argparse.Namespace, data: Path, stages: Stages) -> Iterator[Running]:
    port = options.port if options.port is not None else _port()
    with ExitStack() as stack:
        with stages.stage("Start Annotary"):
            running = stack.enter_context(runtime.start(data=data / "data", port=port))
        yield running


def _port() -> int:
    """The usual one, else any."""
    try:
        addresses.check(addresses.DEFAULT_HOST, addresses.DEFAULT_PORT)
    except EmbeddedError:
        return 0
    return addresses.DEFAULT_PORT


def _run(
    running: Running, dataset: Dataset, name: str, options: argparse.Namespace, out: Path, stages: Stages
) -> dict[str, Any]:
    sign_in = make_manager(running.environment)
    manager = Manager(running.url, sign_in.key)
    try:
        project = scenario.make_project(manager, dataset, name)
        _show(running, project["id"], sign_in, stages)
        outcome = scenario.bring_in(manager, project, dataset, stages, seed=options.seed)
        _say_unmatched(outcome, stages)
        scenario.label(manager, outcome, stages, workers=options.workers, seed=options.seed)
        scenario.approve(manager, outcome, stages)
        scenario.release(manager, outcome, stages, out)
        with stages.stage("Write the report"):
            shown = pictures.load_pictures(manager, outcome)
        return _write(outcome, shown, stages, out)
    finally:
        manager.close()


def _show(running: Running, project: str, sign_in: SignIn, stages: Stages) -> None:
    stages.say(
        f"\n  Watch it in the browser: [bold]{running.url}/projects/{project}/[/bold]\n"
        f"  Sign in with e-mail [bold]{sign_in.email}[/bold] and password [bold]{sign_in.password}[/bold]"
        " (shown this once)\n"
    )


def _say_unmatched(outcome: Outcome, stages: Stages) -> None:
    unmatched, problems = outcome.knowledge.unmatched, [*outcome.dataset.problems, *outcome.knowledge.problems]
    if unmatched:
        stages.say(
            f"  {len(unmatched)} labels name images that are not there, such as {unmatched[0]}; they are left out."
        )
    if problems:
        stages.say(f"  {len(problems)} labels cannot be used, such as {problems[0].file}: {problems[0].sentence}")


def _write(outcome: Outcome, shown: Sequence[pictures.Picture], stages: Stages, out: Path) -> dict[str, Any]:
    from django.conf import settings

    summary = summarize(outcome, stages.seconds, version=settings.VERSION)
    (out / "summary.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "report.html").write_text(report.render(summary, shown), encoding="utf-8")
    return summary


def _tell(summary: dict[str, Any], running: Running, out: Path, console: Console) -> None:
    quality, counts = summary["quality"], summary["counts"]
    measure = "F1 of boxes" if "box" in summary["tools"] else "right class"
    alone, agreed, released = (
        f"{100 * (report.headline(quality[name]) or 0):.1f} %"
        for name in ("single_workers", "agreed_before_review", "release")
    )
    caught = ", ".join(person["name"] for person in summary["caught_by_check_images"]) or "nobody"
    console.print(
        f"\n  {measure}: one person alone {alone}, the crowd together {agreed}, the release {released}\n"
        f"  {counts['answers']} answers, {counts['answers_per_image']} an image; check images paused {caught}\n"
        f"  {summary['money']['spent']} {summary['money']['currency']} earned by the crowd\n\n"
        f"  Report    {out / 'report.html'}\n"
        f"  Figures   {out / 'summary.json'}\n"
        f"  Release   {out / 'coco'} and {out / 'imagenet'}\n"
        f"  Console   {running.url}/projects/{summary['project']['id']}/\n",
        highlight=False,
        soft_wrap=True,
    )


def _stay(running: Running) -> None:
    """Until Ctrl-C, or until the installation is stopped from elsewhere."""
    while running.process.poll() is None:
        time.sleep(0.5)
