"""`manage.py demo` as a user runs it, on a few scenes: it succeeds and leaves nothing running."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pycocotools.coco import COCO

from annotary.runtime.source_roots import ROOT
from annotary_core.formats.coco.shapes import HELD
from annotary_core.labels.shapes import SHAPES
from annotary_core.synthesis.scenes.synthesize import synthesize

pytestmark = pytest.mark.slow
CHOSEN_BY_TESTS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")


def demo(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def test_from_images_to_a_release_and_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CHOSEN_BY_TESTS:
        monkeypatch.delenv(name, raising=False)
    truth = synthesize(tmp_path / "scenes", count=14, seed=3)
    out, data = tmp_path / "out", tmp_path / "data"
    images = str(tmp_path / "scenes" / "images")
    rest = ("--data", str(data), "--out", str(out), "--workers", "5", "--exit")
    done = demo("--images", images, "--truth", str(truth), *rest)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Watch it in the browser: http://127\.0\.0\.1:\d+/projects/", done.stdout)
    assert not (data / "data" / "runtime.json").exists(), "the installation still runs"

    summary = json.loads((out / "summary.json").read_text())
    assert summary["counts"]["images"] == 14
    assert summary["counts"]["images_left_open"] == 0
    assert summary["quality"]["release"]["f1"] > summary["quality"]["single_workers"]["f1"]
    assert summary["money"]["spent"] == summary["money"]["told_to_workers"]
    assert summary["release"]["items"] == sum(summary["release"]["counts"]["splits"].values())
    assert (out / "coco" / "annotations.json").is_file()
    assert (out / "imagenet" / "class_to_idx.json").is_file()

    page = (out / "report.html").read_text()
    assert "scene_3_" in page
    # One file: nothing is loaded from elsewhere.
    assert not re.findall(r'(?:src|href)="(?!data:)[^"]*"', page)
    assert "url(" not in page
    assert "<script" not in page


@pytest.mark.parametrize("shape", [name for name in SHAPES if name != "box"])
def test_every_other_shape_in_synthetic_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    for name in CHOSEN_BY_TESTS:
        monkeypatch.delenv(name, raising=False)
    out, data = tmp_path / "out", tmp_path / "data"
    rest = ("--data", str(data), "--out", str(out), "--workers", "6", "--exit")
    done = demo("--shape", shape, "--scenes", "24", *rest)
    assert done.returncode == 0, done.stdout + done.stderr

    summary = json.loads((out / "summary.json").read_text())
    one, crowd, release = (summary["quality"][name] for name in ("single_workers", "agreed_before_review", "release"))
    assert summary["tools"] == [shape]
    assert summary["counts"]["images_left_open"] == 0
    assert min(crowd["f1"], release["f1"]) > one["f1"]
    assert crowd["mean_similarity"] > one["mean_similarity"]
    coco = COCO(str(out / "coco" / "annotations.json"))
    assert len(coco.anns) == (sum(summary["released_by_class"].values()) if shape in HELD else 0)
    assert len(coco.anns) > 0 or summary["exports"]["coco"]["report"]["left_out"]
    words = summary["objects"]
    assert re.search(rf"Mean {words['measure']}: one worker alone [\d.]+%, the crowd together [\d.]+%", done.stdout)
    page = (out / "report.html").read_text()
    assert f"{words['many'].capitalize()} per class" in page
    assert re.search(r'<path class="object agreed" d="M[\d.]+ ', page)


def test_images_without_labels_end_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").write_bytes(b"\xff\xd8")
    done = demo("--images", str(tmp_path / "holiday"), "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "Pass them with --truth" in done.stderr
    assert "Traceback" not in done.stderr
