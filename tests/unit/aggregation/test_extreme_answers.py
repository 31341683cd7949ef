"""Answers at the limits of floating point: every method still returns valid probabilities."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification import dawid_skene
from annotary_core.aggregation.classification.blend import Blend, fit_blend
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.one_coin import OneCoin
from annotary_core.aggregation.classification.predict import FittedBlend
from annotary_core.aggregation.registry import METHODS, get_method
from annotary_core.labels.arrays import IntArray
from tests.label_rows import crowd_columns

METHOD_NAMES = sorted(METHODS)


def assert_valid(result: Consensus) -> None:
    """Assert that each task's probabilities sum to 1 and that the label has exactly the stated confidence."""
    assert np.add.reduceat(result.posteriors.p, result.posteriors.start[:-1]) == pytest.approx(1.0)
    stated = [result.posteriors.of(at)[label] for at, label in enumerate(result.label.tolist())]
    assert stated == result.confidence.tolist()


def split_between(classes: int) -> tuple[IntArray, IntArray, IntArray]:
    """200 workers answer each of 10 tasks, with equally many votes for each class."""
    labels = (np.tile(np.arange(200), 10) + np.repeat(np.arange(10), 200)) % classes
    return np.repeat(np.arange(10), 200), np.tile(np.arange(200), 10), labels


@pytest.mark.parametrize("name", METHOD_NAMES)
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("schema_classes", [2, 4, 150])
def test_strong_evidence_against_every_class_leaves_valid_probabilities(
    name: str, classes: int, schema_classes: int
) -> None:
    history = dict.fromkeys(range(200), (0.0, 1e12))
    answers = Answers.of(*split_between(classes), classes=np.arange(max(classes, schema_classes)), history=history)
    assert_valid(get_method(name).fit_predict(answers))


def test_rounding_does_not_outweigh_classes_with_strong_evidence_against_them() -> None:
    rows = ([1] * 30, list(range(30)), [0, 1, 2] * 10)
    history = {worker: (0.0, 300.0 if worker % 3 else 290.0) for worker in range(30)}
    result = OneCoin().fit_predict(Answers.of(*rows, history=history))
    assert result.label.tolist() == [0]
    assert result.posteriors.of(0)[1] == pytest.approx(result.posteriors.of(0)[2])


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_heavy_weights_do_not_overflow(name: str) -> None:
    task, worker, label, _ = crowd_columns(np.random.default_rng(3), tasks=300, workers=6, classes=3)
    assert_valid(get_method(name).fit_predict(Answers.of(task, worker, label, weights=np.full(len(task), 1e6))))


def test_predictions_include_classes_without_a_vote() -> None:
    task, worker, label, _ = crowd_columns(np.random.default_rng(4), tasks=400, workers=8, classes=4)
    model = fit_blend(Answers.of(task, worker, label))
    one = Answers.of([1, 1], [0, 1], [2, 2])
    of_all = Answers.of([1, 1], [0, 1], [2, 2], classes=[0, 1, 2, 3])
    result = FittedBlend(model).fit_predict(one)
    assert result.posteriors.of(0) == FittedBlend(model).fit_predict(of_all).posteriors.of(0)
    assert 0.5 < result.confidence[0] < 1


def test_result_does_not_depend_on_the_size_of_ids() -> None:
    task, worker, label, _ = crowd_columns(np.random.default_rng(5), tasks=300, workers=6, classes=3)
    far = Answers.of(2**62 - task, -(2**62) + worker, np.where(label > 1, 2**62 - label, label - 2**62))
    near = Blend().fit_predict(Answers.of(task, worker, label))
    assert np.sort(Blend().fit_predict(far).confidence) == pytest.approx(np.sort(near.confidence), abs=1e-9)


def write(folder: Path, content: str) -> Path:
    path = folder / "answers.csv"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["aggregate", "agreement"])
def test_a_method_that_needs_too_much_memory_is_refused_with_a_sentence(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dawid_skene, "MAX_CONFUSION_SIZE", 4)
    path = write(tmp_path, "task,worker,label\n1,a,x\n1,b,y\n2,a,z\n")
    with pytest.raises(CommandError, match="use the method one-coin"):
        call_command(command, path, method="dawid-skene")


def test_corners_outside_any_image_are_refused_with_their_line(tmp_path: Path) -> None:
    path = write(tmp_path, "task,worker,x1,y1,x2,y2,label\n1,a,0,0,9,9,c\n1,b,0,0,1e308,9,c\n")
    with pytest.raises(CommandError, match=r"line 3: x2 is '1e308', outside any image"):
        call_command("aggregate", path)


def test_a_nan_threshold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="threshold must be a number"):
        call_command("aggregate", write(tmp_path, "task,worker,label\n1,a,x\n"), threshold=float("nan"))


def test_normalized_corners_keep_their_digits(tmp_path: Path) -> None:
    path = write(tmp_path, "task,worker,x1,y1,x2,y2,label\n1,a,.1234,0,.5,.75,c\n1,b,.1234,0,.5,.75,c\n")
    call_command("aggregate", path, out=tmp_path / "labels.csv")
    assert "1,0.123400,0.000000,0.500000,0.750000,c," in (tmp_path / "labels.csv").read_text()


def test_a_thousand_classes_need_no_confusion_matrices() -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 1000, 300)
    labels = np.where(rng.random((300, 5)) < 0.8, truth[:, None], rng.integers(0, 1000, (300, 5)))
    answers = Answers.of(np.repeat(np.arange(300), 5), np.tile(np.arange(5), 300), labels.ravel(), classes=range(1000))
    model = fit_blend(answers)
    stored = json.dumps(model.to_json())
    assert len(model.confusion) == 0 and len(stored) < 100_000
    again = FittedModel.from_json(json.loads(stored))
    assert again.pooled_confusion == pytest.approx(model.pooled_confusion, abs=1e-9)
    assert (FittedBlend(again).fit_predict(answers).label == Blend().fit_predict(answers).label).all()
