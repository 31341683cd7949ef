"""Tags: one binary decision each, by every worker who saw the task."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.multilabel import TagAnswers, Tagging
from annotary_core.labels.arrays import BoolArray, IntArray

TAGS = [3, 5, 8, 9]


def tagged(rng: np.random.Generator, holds: BoolArray, hits: list[float], false_alarms: list[float]) -> TagAnswers:
    """Worker w gives a true tag with probability hits[w], a false one with false_alarms[w]; all see every task."""
    tasks = len(holds)
    rows = []
    for worker, (hit, false) in enumerate(zip(hits, false_alarms, strict=True)):
        gives = rng.random(holds.shape) < np.where(holds, hit, false)
        task, column = np.nonzero(gives)
        rows.append(np.stack([task, np.full(len(task), worker), np.array(TAGS)[column]], axis=1))
    seen = [(task, worker) for task in range(tasks) for worker in range(len(hits))]
    return TagAnswers.of(np.concatenate(rows), seen, tags=TAGS)


def truth(rng: np.random.Generator, tasks: int) -> BoolArray:
    return np.asarray(rng.random((tasks, 4)) < np.array([0.5, 0.3, 0.1, 0.6]))


def test_a_tag_needs_more_than_half_of_those_who_saw_the_task() -> None:
    answers = TagAnswers.of(
        [(1, 1, 3), (1, 2, 3), (1, 1, 5), (2, 1, 3)], [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)], tags=TAGS
    )
    result = Tagging().fit_predict(answers)
    assert result.task.tolist() == [1, 2]
    assert result.n.tolist() == [3, 2]
    assert result.holds().tolist() == [[True, False, False, False], [False] * 4]
    assert result.probability[1, 0] == pytest.approx(0.5)


def test_workers_who_did_not_see_a_task_do_not_vote_against_its_tags() -> None:
    rows = [(1, 1, 3)]
    alone = Tagging().fit_predict(TagAnswers.of(rows, [(1, 1)], tags=TAGS))
    among_three = Tagging().fit_predict(TagAnswers.of(rows, [(1, 1), (1, 2), (1, 3)], tags=TAGS))
    assert alone.holds()[0, 0]
    assert not among_three.holds()[0, 0]


def test_careful_workers_outvote_spammers() -> None:
    rng = np.random.default_rng(1)
    holds = truth(rng, 400)
    answers = tagged(rng, holds, [0.9, 0.9, 0.55, 0.55, 0.55], [0.03, 0.03, 0.5, 0.5, 0.5])
    result = Tagging().fit_predict(answers)
    votes = np.zeros(holds.shape)
    np.add.at(votes, (answers.task, np.searchsorted(TAGS, answers.tag)), 1)
    majority = ((votes > 2.5) == holds).mean()
    assert (result.holds() == holds).mean() > max(majority, 0.95)
    assert result.sensitivity[:2].min() > 0.8 > 0.65 > result.sensitivity[2:].max()
    assert result.specificity[:2].min() > 0.9 > 0.65 > result.specificity[2:].max()


@given(st.integers(0, 2**31))
@settings(max_examples=8, deadline=None)
def test_the_bound_never_decreases_and_row_order_and_ids_have_no_effect(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers = tagged(rng, truth(rng, 120), [0.9, 0.7, 0.6], [0.05, 0.2, 0.3])
    result = Tagging().fit_predict(answers)
    assert len(result.elbo) > 1
    assert np.diff(result.elbo).min() >= -1e-9 * abs(result.elbo[-1])
    assert ((result.probability >= 0) & (result.probability <= 1)).all()

    def rows(*columns: IntArray) -> IntArray:
        return rng.permutation(np.stack(columns, axis=1))

    names = rng.permutation(700)[:120]
    renamed = TagAnswers.of(
        rows(names[answers.task], 40 - answers.worker, answers.tag),
        rows(names[answers.seen_task], 40 - answers.seen_worker),
        tags=TAGS,
    )
    again = Tagging().fit_predict(renamed)
    assert again.probability[np.searchsorted(again.task, names)] == pytest.approx(result.probability, abs=1e-7)


def test_gold_tags_are_clamped_and_train_the_model() -> None:
    answers = TagAnswers.of([(1, 1, 3), (1, 2, 3)], [(1, 1), (1, 2), (1, 3)], tags=TAGS, gold=[(1, 3, 0), (1, 9, 1)])
    assert Tagging().fit_predict(answers).probability[0].tolist() == pytest.approx([0.0, 1 / 65, 1 / 65, 1.0])


def test_no_answers_give_an_empty_result() -> None:
    result = Tagging().fit_predict(TagAnswers.of([], [], tags=TAGS))
    assert result.probability.shape == (0, 4)
    assert Tagging().fit_predict(TagAnswers.of([], [(1, 1)], tags=[])).probability.shape == (0, 0)


def test_invalid_rows_are_rejected() -> None:
    with pytest.raises(ValueError, match="not listed in seen"):
        TagAnswers.of([(1, 1, 3)], [(1, 2)], tags=TAGS)
    with pytest.raises(ValueError, match="not among the tags"):
        TagAnswers.of([(1, 1, 4)], [(1, 1)], tags=TAGS)
    with pytest.raises(ValueError, match="appears twice"):
        TagAnswers.of([], [(1, 1), (1, 1)], tags=TAGS)
