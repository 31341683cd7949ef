"""Online posteriors equal those predicted from all answers at once, under any model and from any thread."""

from __future__ import annotations

from dataclasses import replace
from threading import Event, Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.blend import fit_blend
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.kernels import has_compiled
from annotary_core.aggregation.classification.predict import predict_proba
from annotary_core.aggregation.online.posteriors import OnlinePosteriors
from annotary_core.aggregation.replay.online import replay_online
from annotary_core.labels.arrays import FloatArray

LOOPS = [False, True] if has_compiled() else [False]
ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30), st.integers(0, 2)), max_size=40)


def crowd(tasks: int = 400, each: int = 5, *, seed: int = 0) -> tuple[Answers, dict[int, int]]:
    """Answers of twenty workers of different accuracy over three classes, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, tasks)
    task = np.repeat(np.arange(tasks), each)
    worker = rng.integers(0, 20, len(task))
    correct = rng.random(len(task)) < 0.5 + 0.02 * worker
    label = np.where(correct, truth[task], rng.integers(0, 3, len(task)))
    return Answers.of(task, worker, label, classes=[0, 1, 2]), dict(enumerate(truth.tolist()))


@pytest.fixture(scope="module")
def model() -> FittedModel:
    fitted = fit_blend(crowd()[0])
    assert not fitted.is_cold_start
    return replace(fitted, blend=0.4)


def predicted(model: FittedModel, answers: Answers) -> dict[int, FloatArray]:
    encoded = EncodedAnswers.of(answers, repeats="share")
    return dict(zip(encoded.tasks.tolist(), predict_proba(model, encoded), strict=True))


def posteriors_of(online: OnlinePosteriors) -> dict[int, FloatArray]:
    tasks, posterior = online.posteriors()
    return dict(zip(tasks.tolist(), posterior, strict=True))


def assert_same(online: OnlinePosteriors, expected: dict[int, FloatArray]) -> None:
    posteriors = posteriors_of(online)
    assert sorted(posteriors) == sorted(expected)
    for task, posterior in expected.items():
        assert posteriors[task] == pytest.approx(posterior, abs=1e-12)


@pytest.mark.parametrize("compiled", LOOPS)
@settings(max_examples=40, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 40))
def test_answers_added_one_by_one_or_at_once_give_the_same_posteriors(
    compiled: bool, model: FittedModel, rows: list[tuple[int, int, int]], cut: int
) -> None:
    """Workers above 19 are unknown to the model, and workers repeat answers."""
    online = OnlinePosteriors(model, compiled=compiled, gold={3: 1})
    for row in rows[:cut]:
        online.add(*row)
    rest = np.array(rows[cut:], np.int64).reshape(-1, 3)
    online.add_all(*rest.T)
    task, worker, label = np.array(rows, np.int64).reshape(-1, 3).T
    assert_same(online, predicted(model, Answers.of(task, worker, label, classes=[0, 1, 2], gold={3: 1})))


@pytest.mark.parametrize("compiled", LOOPS)
def test_add_returns_the_updated_posterior(compiled: bool, model: FittedModel) -> None:
    online = OnlinePosteriors(model, compiled=compiled)
    first = online.add(7, 19, 2)
    second = online.add(7, 18, 2)
    assert first.argmax() == second.argmax() == 2
    assert second[2] > first[2]
    assert online.posterior(7) == pytest.approx(second)


@pytest.mark.parametrize("compiled", LOOPS)
def test_repeating_the_same_answer_changes_nothing(compiled: bool, model: FittedModel) -> None:
    online = OnlinePosteriors(model, compiled=compiled)
    online.add(7, 19, 2)
    before = online.add(7, 4, 0)
    for _ in range(3):
        again = online.add(7, 19, 2)
    assert again == pytest.approx(before, abs=1e-12)


@pytest.mark.parametrize("compiled", LOOPS)
def test_swapping_the_model_updates_all_posteriors(compiled: bool, model: FittedModel) -> None:
    answers, _ = crowd(seed=1)
    online = OnlinePosteriors(fit_blend(Answers.of([], [], [], classes=[0, 1, 2])), compiled=compiled)
    online.add_all(answers.task, answers.worker, answers.label)
    online.swap(model)
    assert online.model is model
    assert_same(online, predicted(model, answers))
    online.add(9_999, 3, 1)
    assert len(posteriors_of(online)) == 401


@pytest.mark.parametrize("compiled", LOOPS)
def test_a_class_unknown_to_the_model_uses_the_one_coin_model_alone(compiled: bool, model: FittedModel) -> None:
    online = OnlinePosteriors(model, classes=np.array([0, 1, 2, 3]), compiled=compiled)
    online.add(1, 19, 3)
    online.add(1, 2, 0)
    assert_same(online, predicted(model, Answers.of([1, 1], [19, 2], [3, 0], classes=[0, 1, 2, 3])))
    assert online.posterior(1).argmax() == 3


@pytest.mark.parametrize("compiled", LOOPS)
def test_an_unknown_class_is_refused_and_nothing_is_added(compiled: bool, model: FittedModel) -> None:
    online = OnlinePosteriors(model, compiled=compiled)
    with pytest.raises(ValueError, match="not among the classes"):
        online.add_all(np.array([1, 2]), np.array([1, 1]), np.array([0, 8]))
    assert posteriors_of(online) == {}
    with pytest.raises(KeyError):
        online.posterior(1)


def test_kept_answers_equal_the_added_answers(model: FittedModel) -> None:
    answers, _ = crowd(tasks=50)
    online = OnlinePosteriors(model)
    online.add_all(answers.task, answers.worker, answers.label)
    kept = online.answers
    online.add(0, 1, 0)
    assert np.array_equal(np.stack([kept.task, kept.worker, kept.label]), [answers.task, answers.worker, answers.label])


@pytest.mark.parametrize("compiled", LOOPS)
def test_readers_and_writers_never_see_a_partial_swap(compiled: bool, model: FittedModel) -> None:
    """Swap two models repeatedly during reads and writes: each read comes entirely from one of them."""
    answers, _ = crowd(tasks=200, seed=2)
    other = replace(model, accuracy=1 - model.accuracy / 2, blend=0.0)
    online = OnlinePosteriors(model, compiled=compiled)
    online.add_all(answers.task, answers.worker, answers.label)
    expected = [predicted(model, answers), predicted(other, answers)]
    partial_reads: list[int] = []
    done = Event()

    def read() -> None:
        while not done.is_set():
            posteriors = posteriors_of(online)
            if not any(
                all(np.allclose(posteriors[task], expected_one[task]) for task in expected_one)
                for expected_one in expected
            ):
                partial_reads.append(1)

    def write() -> None:
        for number in range(300):
            online.add(10_000 + number % 7, number % 20, number % 3)

    threads = [Thread(target=read), Thread(target=write)]
    for thread in threads:
        thread.start()
    for turn in range(30):
        online.swap(other if turn % 2 == 0 else model)
    threads[1].join()
    done.set()
    threads[0].join()
    assert partial_reads == []
    assert_same(online, predicted(model, online.answers))


def test_online_is_as_accurate_as_the_batch_fit_after_each_refit() -> None:
    answers, gold = crowd(tasks=600, seed=4)
    points = replay_online(answers, gold, refit_every=500)
    assert [point.answers for point in points] == [500, 1000, 1500, 2000, 2500, 3000]
    assert all(point.after == pytest.approx(point.batch, abs=1e-9) for point in points)
    assert abs(points[-1].before - points[-1].batch) < 0.02
