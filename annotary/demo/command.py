"""`manage.py demo`: a complete project from images to a release, with a simulated crowd, and a report about it."""

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from annotary.demo import pictures, report, scenario
from annotary.demo.accounts import SignIn, make_manager
from annotary.demo.dataset import Dataset, prepare, prepare_scenes
from annotary.demo.errors import DemoError
from annotary.demo.manager import Manager
from annotary.demo.progress import StageProgress
from annotary.demo.scenario import RunResult
from annotary.demo.summary import summarize
from annotary.runtime import instance, network
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.instance import Running
from annotary.runtime.source_roots import ROOT
from annotary_core.labels.shapes import SHAPES
from annotary_core.synthesis.scenes.synthesize import TRUTH_NAME, synthesize
from annotary_core.wording import format_count

SCENES = 200
DEFAULT_SHAPE = next(iter(SHAPES))
DURATION = (
    f"With the default {SCENES} scenes this takes about a minute. The first start also downloads about 160 MB of "
    "packages, needs about 1 GB of disk, and creates a database."
)
# In the output folder: says that an earlier run created it.
MARKER_FILE = ".annotary-demo"


def main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    if not 2 <= options.workers <= 200:
        raise DemoError("A crowd has 2 to 200 workers. Choose a number in that range with --workers.")
    if not 10 <= options.scenes <= 10_000:
        raise DemoError("A demo has 10 to 10,000 scenes. Choose a number in that range with --scenes.")
    console = Console(stderr=False)
    out = _output_folder(options.out)
    data = options.data.expanduser().resolve()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if options.images is None:
        workers = format_count(options.workers, "simulated worker")
        console.print(
            f"\n  {format_count(options.scenes, 'image')}, {workers}: this takes about a minute.\n", highlight=False
        )
    with StageProgress(console) as stages:
        dataset, name = _dataset(options, data, stages)
        with _running(options, data, stages) as running:
            summary = _run(running, dataset, name, options, out, stages)
            stages.finish()
            _print_results(summary, running, out, console)
            if not options.exit:
                console.print("  Annotary keeps running so you can look around. Press Ctrl-C to stop it.\n")
                _wait(running)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py demo",
        description="Run a complete project with simulated workers, over HTTP: upload, labeling, review, release.",
        epilog=DURATION,
    )
    parser.add_argument(
        "--shape", choices=list(SHAPES), default=DEFAULT_SHAPE, help=f"what workers draw (default: {DEFAULT_SHAPE})"
    )
    parser.add_argument("--images", type=Path, help="folder or ZIP of images (default: synthetic scenes)")
    parser.add_argument("--truth", type=Path, help="their labels: COCO JSON or VOC XML (file, folder, or ZIP)")
    parser.add_argument(
        "--scenes", type=int, default=SCENES, help=f"number of synthetic scenes, without --images (default: {SCENES})"
    )
    parser.add_argument("--workers", type=int, default=12, help="number of workers (default: 12)")
    parser.add_argument(
        "--seed", type=int, default=7, help="random seed; the same seed gives the same workers and scenes (default: 7)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "out" / "demo",
        help="folder for the release and the report (default: out/demo)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT / ".annotary-demo",
        help="data folder of the demo installation (default: .annotary-demo)",
    )
    parser.add_argument("--port", type=int, help="port of the site (default: 8000 if free, else another)")
    parser.add_argument("--exit", action="store_true", help="stop Annotary when done, instead of waiting for Ctrl-C")
    return parser


def _output_folder(out: Path) -> Path:
    """Return the output folder, which must be new, empty, or from an earlier run."""
    folder = out.expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARKER_FILE).exists())):
        raise DemoError(f"{folder} contains other files. Choose an empty or new folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER_FILE).touch()
    return folder


def _dataset(options: argparse.Namespace, data: Path, stages: StageProgress) -> tuple[Dataset, str]:
    workspace = data / "demo"
    shutil.rmtree(workspace, ignore_errors=True)
    if options.images is not None:
        with stages.stage("Read images and labels"):
            dataset = prepare(
                images=options.images, truth=options.truth, workspace=workspace, shape=SHAPES[options.shape]
            )
        labels = format_count(len(dataset.records), "label")
        stages.note(f"{format_count(dataset.count, 'image')}, {labels} ({dataset.reader})")
        return dataset, f"Demo: {options.images.resolve().name}"
    if options.truth is not None:
        raise DemoError("--truth needs images. Pass their folder or ZIP with --images.")
    shape = SHAPES[options.shape]
    with stages.stage("Draw scenes"):
        truth = _scenes(data, count=options.scenes, seed=options.seed, strokes=shape.follows_lines)
        dataset = prepare_scenes(truth=truth, workspace=workspace, shape=shape)
    stages.note(f"{format_count(dataset.count, 'scene')} with exact labels")
    return dataset, f"Demo: {shape.noun.many} in synthetic scenes"


def _scenes(data: Path, *, count: int, seed: int, strokes: bool) -> Path:
    """Draw the scenes, once per seed and count. The folder gets its name when complete: a partial one is never used."""
    # Not "scenes", as before ground truth had outlines: such folders may exist.
    folder = data / f"{'strokes' if strokes else 'outlines'}-{seed}-{count}"
    if (folder / TRUTH_NAME).exists():
        return folder / TRUTH_NAME
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    synthesize(fresh, count=count, seed=seed, strokes=strokes, processes=max(1, min(4, os.cpu_count() or 1)))
    fresh.replace(folder)
    return folder / TRUTH_NAME


@contextmanager
def _running(options: argparse.Namespace, data: Path, stages: StageProgress) -> Iterator[Running]:
    port = options.port if options.port is not None else _port()
    with ExitStack() as stack:
        with stages.stage("Start Annotary"):
            running = stack.enter_context(instance.start(data=data / "data", port=port))
        yield running


def _port() -> int:
    """Return the default port if it is free, else 0 for any."""
    try:
        network.check(network.DEFAULT_HOST, network.DEFAULT_PORT)
    except EmbeddedError:
        return 0
    return network.DEFAULT_PORT


def _run(
    running: Running, dataset: Dataset, name: str, options: argparse.Namespace, out: Path, stages: StageProgress
) -> dict[str, Any]:
    sign_in = make_manager(running.environment)
    manager = Manager(running.url, sign_in.key)
    try:
        project = scenario.make_project(manager, dataset, name)
        _print_sign_in(running, project["id"], sign_in, stages)
        outcome = scenario.import_images(manager, project, dataset, stages, seed=options.seed)
        _print_ignored_labels(outcome, stages)
        scenario.label(manager, outcome, stages, workers=options.workers, seed=options.seed)
        scenario.approve(manager, outcome, stages)
        scenario.release(manager, outcome, stages, out)
        with stages.stage("Write report"):
            shown = pictures.load_pictures(manager, outcome)
        return _write(outcome, shown, stages, out)
    finally:
        manager.close()


def _print_sign_in(running: Running, project: str, sign_in: SignIn, stages: StageProgress) -> None:
    stages.say(
        f"\n  Watch it in the browser: [bold]{running.url}/projects/{project}/[/bold]\n"
        f"  Sign in as [bold]{sign_in.email}[/bold] with the password [bold]{sign_in.password}[/bold]"
        " (shown only once)\n"
    )


def _print_ignored_labels(outcome: RunResult, stages: StageProgress) -> None:
    unmatched, problems = outcome.ground_truth.unmatched, [*outcome.dataset.problems, *outcome.ground_truth.problems]
    if unmatched:
        stages.say(f"  {_were_ignored(len(unmatched))} because their images are missing, such as {unmatched[0]}.")
    if problems:
        stages.say(
            f"  {_were_ignored(len(problems))} because they are not usable,"
            f" such as {problems[0].file}: {problems[0].sentence}"
        )


def _were_ignored(count: int) -> str:
    return f"{format_count(count, 'label')} {'was' if count == 1 else 'were'} ignored"


def _write(outcome: RunResult, shown: Sequence[pictures.Picture], stages: StageProgress, out: Path) -> dict[str, Any]:
    from django.conf import settings

    summary = summarize(outcome, stages.seconds, version=settings.VERSION)
    (out / "summary.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "report.html").write_text(report.render(summary, shown), encoding="utf-8")
    return summary


def _print_results(summary: dict[str, Any], running: Running, out: Path, console: Console) -> None:
    counts, objects = summary["counts"], summary["objects"]
    accuracy = f"{objects['one'].capitalize()} F1" if objects else "Class accuracy"
    lines = [_comparison(accuracy, summary, report.headline)]
    if objects:
        lines.append(_comparison(f"Mean {objects['measure']}", summary, lambda each: each.get("mean_similarity")))
    caught = ", ".join(person["name"] for person in summary["caught_by_check_images"]) or "no one"
    console.print(
        f"\n{''.join(lines)}  {format_count(counts['answers'], 'answer')}, {counts['answers_per_image']} per"
        f" image. Paused by check images: {caught}\n"
        f"  Cost: {summary['money']['spent']} {summary['money']['currency']}, earned by the crowd\n\n"
        f"  Report    {out / 'report.html'}\n"
        f"  Figures   {out / 'summary.json'}\n"
        f"  Release   {out / 'coco'} and {out / 'imagenet'}\n"
        f"  Console   {running.url}/projects/{summary['project']['id']}/\n",
        highlight=False,
        soft_wrap=True,
    )


def _comparison(title: str, summary: dict[str, Any], figure: Callable[[dict[str, Any]], float | None]) -> str:
    alone, agreed, released = (
        f"{100 * (figure(summary['quality'][name]) or 0):.1f}%"
        for name in ("single_workers", "agreed_before_review", "release")
    )
    return f"  {title}: one worker alone {alone}, the crowd together {agreed}, the release after review {released}\n"


def _wait(running: Running) -> None:
    """Wait for Ctrl-C, or until the installation is stopped from elsewhere."""
    while running.process.poll() is None:
        time.sleep(0.5)
