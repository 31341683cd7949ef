"""The existence of an object follows from the workers who drew it, those who did not, and their rates."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectClustering
from annotary_core.aggregation.objects.detections import Observers
from annotary_core.aggregation.objects.existence import (
    DetectionRates,
    Detections,
    cluster_existence,
    existence,
    overlap_duplicate_odds,
)
from annotary_core.aggregation.objects.existence_em import DetectionHistory, learn_rates
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes.box import Boxes

WREN, FINCH, ROBIN, SPAMMER = 1, 2, 3, 0
CAREFUL = DetectionRates(workers=np.array([WREN]), detection=np.array([0.9]), false_rate=np.array([0.001]))
CARELESS = DetectionRates(workers=np.array([WREN]), detection=np.array([0.2]), false_rate=np.array([0.5]))
#: A box that touches no other box.
BOX = (0.0, 0.0, 10.0, 10.0)


def one_box_existence(seen: int, **more: object) -> float:
    return cluster_existence([WREN], range(1, seen + 1), **more)  # type: ignore[arg-type]


def test_a_box_of_one_unknown_worker_is_kept_if_few_workers_looked() -> None:
    assert [one_box_existence(seen) >= 0.5 for seen in (1, 2, 3, 4, 8)] == [True, True, True, True, False]


def test_a_worker_with_average_trust_is_not_treated_as_careless() -> None:
    usual = dict.fromkeys((WREN, FINCH, ROBIN), 2 / 3)
    assert one_box_existence(3, trust=usual) >= 0.5
    assert one_box_existence(3, trust=usual | {WREN: 0.4}) < 0.5
    assert one_box_existence(3, trust=usual | {WREN: 0.0}) == 0


def test_non_detections_of_untrusted_workers_carry_no_evidence() -> None:
    assert one_box_existence(3, trust={WREN: 1, FINCH: 0, ROBIN: 0}) > one_box_existence(2)


def test_each_detection_raises_and_each_non_detection_lowers_existence() -> None:
    by_detections = [cluster_existence(range(k), range(5)) for k in range(1, 6)]
    by_non_detections = [cluster_existence(range(2), range(n)) for n in range(2, 9)]
    assert by_detections == sorted(by_detections) and by_non_detections == sorted(by_non_detections, reverse=True)
    assert by_detections[-1] > 0.99


def test_an_empty_answer_weighs_more_than_one_missed_object() -> None:
    assert one_box_existence(2) > one_box_existence(2, blank=[FINCH]) >= 0.5
    assert one_box_existence(3, blank=[FINCH, ROBIN]) < 0.5


def test_known_rates_determine_existence() -> None:
    assert one_box_existence(3, rates=CAREFUL) > 0.95
    assert one_box_existence(3, rates=CARELESS) < 0.2
    sharp = DetectionRates(workers=np.array([2, 3]), detection=np.full(2, 0.99), false_rate=np.full(2, 0.01))
    assert one_box_existence(3, rates=sharp) < 0.3


def test_a_box_near_one_of_other_workers_may_be_its_duplicate() -> None:
    odds = overlap_duplicate_odds(np.array([0, 0.15, 0.3, 0.4]), threshold=0.3)
    assert odds[0] == 0 and odds[2] == 1 and (np.diff(odds) > 0).all()
    assert one_box_existence(4, overlap=0.3) < 0.5 < one_box_existence(4, overlap=0.1)


def overlapping_box_existence(third: int) -> float:
    """Return the existence of a box with an overlap of about a quarter with one of wren and finch."""
    result = ObjectClustering(rates=DetectionRates()).fit_predict(
        ObjectAnswers.of([0] * 3, [WREN, FINCH, third], [1] * 3, Boxes.of([BOX, BOX, (5.5, 0, 15.5, 10)]))
    )
    return float(result.existence[result.votes == 1][0])


def test_a_worker_who_drew_both_boxes_saw_two_objects() -> None:
    assert overlapping_box_existence(ROBIN) < 0.5
    assert overlapping_box_existence(FINCH) > 0.6


def test_rates_survive_json() -> None:
    rates = replace(CAREFUL, spread=np.array([0.05]), drawings=np.array([12.0]), echo=0.2)
    again = DetectionRates.from_json(json.loads(json.dumps(rates.to_json())))
    assert again.to_json() == rates.to_json()
    assert DetectionRates.from_json(json.dumps(rates.to_json())).to_json() == rates.to_json()


def test_inconsistent_rates_are_rejected() -> None:
    with pytest.raises(ValueError, match="same length"):
        DetectionRates(workers=np.array([1]))
    with pytest.raises(ValueError, match="sorted and unique"):
        DetectionRates(workers=np.array([2, 1]), detection=np.full(2, 0.5), false_rate=np.full(2, 0.5))


@dataclass(frozen=True, slots=True)
class Simulation:
    """Simulated detections: the truth of each cluster, its only worker (-1: several), and its task."""

    detections: Detections
    true: FloatArray
    alone: IntArray
    task: IntArray

    def accuracy(self, rates: DetectionRates, tasks: IntArray | None = None) -> float:
        rows = np.ones(len(self.true), np.bool_) if tasks is None else np.isin(self.task, tasks)
        return float(((existence(self.detections, rates) >= 0.5) == self.true)[rows & (self.task >= 0)].mean())


def simulate(
    *, detection: float = 0.7, false: dict[int, float] | None = None, base: float = 0.05, seen: int = 3
) -> Simulation:
    """Simulate 300 images of 8 objects of varying difficulty, 12 workers, `seen` of them per image.

    Missed objects come last, as clusters without detections.
    """
    rng = np.random.default_rng(7)
    rate = np.full(12, base)
    for worker, own in (false or {}).items():
        rate[worker] = own
    ability = np.log(detection / (1 - detection)) + rng.normal(0, 0.3, 12)
    clusters: list[tuple[int, IntArray, float]] = []
    observations: list[tuple[int, int]] = []
    for task in range(300):
        workers = np.sort(rng.choice(12, seen, replace=False))
        observations += [(task, int(worker)) for worker in workers]
        for _ in range(8):
            drew = rng.random(seen) < 1 / (1 + np.exp(rng.normal() - ability[workers]))
            clusters.append((task, workers[drew], 1.0))
        for worker in workers:
            clusters += [(task, np.array([worker]), 0.0)] * int(rng.poisson(8 * rate[worker]))
    clusters.sort(key=lambda each: len(each[1]) == 0)
    tasks = np.array([each[0] for each in clusters])
    drawers = [each[1] for each in clusters]
    pairs = np.array(observations)
    observers = Observers.of(
        np.repeat(tasks, [len(each) for each in drawers]), np.concatenate(drawers), pairs[:, 0], pairs[:, 1], None
    )
    alone = np.array([each[0] if len(each) == 1 else -1 for each in drawers])
    true = np.array([each[2] for each in clusters])
    return Simulation(observers.detections(tasks, drawers, np.zeros(len(tasks))), true, alone, tasks)


def observed_part(simulation: Simulation) -> Simulation:
    """Return the world without the objects that no worker drew, as the platform sees it."""
    count = int((simulation.detections.detection_count > 0).sum())
    rows = simulation.detections.start[count]
    all_detections = simulation.detections
    part = Detections(
        all_detections.start[: count + 1],
        all_detections.worker[:rows],
        all_detections.detected[:rows],
        all_detections.observation_weight[:rows],
        all_detections.trust[:rows],
        all_detections.duplicate_odds[:count],
    )
    return Simulation(part, simulation.true[:count], simulation.alone[:count], simulation.task[:count])


def test_a_spammer_is_detected_without_gold() -> None:
    simulation = observed_part(simulate(false={SPAMMER: 0.6}))
    rates = learn_rates(simulation.detections)
    posterior = existence(simulation.detections, rates)
    spam, others = simulation.alone == SPAMMER, simulation.alone > SPAMMER
    assert simulation.true[spam].mean() < 0.2 and (posterior[spam] < 0.5).mean() > 0.95
    assert simulation.true[others].mean() > 0.5 and (posterior[others] >= 0.5).mean() > 0.95
    assert simulation.accuracy(rates) > simulation.accuracy(DetectionRates()) + 0.05


@pytest.mark.parametrize(("detection", "seen"), [(0.7, 3), (0.35, 3), (0.2, 4)])
def test_boxes_of_one_honest_worker_are_kept_even_at_low_detection_rates(detection: float, seen: int) -> None:
    simulation = observed_part(simulate(detection=detection, seen=seen, base=0.02))
    posterior = existence(simulation.detections, learn_rates(simulation.detections))
    assert simulation.true[simulation.alone >= 0].mean() > 0.6
    assert (posterior[simulation.alone >= 0] >= 0.5).mean() > 0.9


def test_only_gold_reveals_that_all_workers_are_careless() -> None:
    full = simulate(base=0.4)
    known = np.where(full.task < 60, full.true, np.nan)
    kept = np.isfinite(known) | (full.detections.detection_count > 0)
    simulation = observed_part(full)
    missed = np.flatnonzero(kept)[np.flatnonzero(kept) >= len(simulation.true)]
    # The missed objects of the gold tasks follow all detected clusters.
    order = np.concatenate([np.arange(len(simulation.true)), missed])
    start = full.detections.start
    rows = np.concatenate([np.arange(start[at], start[at + 1]) for at in order])
    part = Detections(
        np.concatenate([[0], np.cumsum(np.diff(start)[order])]),
        full.detections.worker[rows],
        full.detections.detected[rows],
        full.detections.observation_weight[rows],
        full.detections.trust[rows],
        full.detections.duplicate_odds[order],
    )
    with_gold = learn_rates(part, known=known[order])
    rest = np.arange(60, 300)
    assert simulation.accuracy(with_gold, rest) > simulation.accuracy(learn_rates(simulation.detections), rest) + 0.2
    assert with_gold.detection.mean() == pytest.approx(0.7, abs=0.07)


def test_history_is_used_before_there_is_evidence() -> None:
    simulation = observed_part(simulate())
    few = Observers.of(np.array([0]), np.array([WREN]), np.array([0, 0]), np.array([WREN, FINCH]), None)
    detections = few.detections(np.array([0]), [np.array([WREN])], np.zeros(1))
    bad = learn_rates(detections, history={WREN: DetectionHistory(detected=50, missed=50, false=90)})
    good = learn_rates(detections, history={WREN: DetectionHistory(detected=95, missed=5, false=1)})
    assert existence(detections, bad)[0] < 0.5 < existence(detections, good)[0]
    assert good.detection[list(good.workers).index(WREN)] > bad.detection[list(bad.workers).index(WREN)]
    assert len(learn_rates(simulation.detections, history={99: DetectionHistory(detected=5)}).workers) == 13


def test_gold_objects_are_clamped_and_missed_gold_is_harmless() -> None:
    answers = ObjectAnswers.of([0, 0, 1], [WREN, FINCH, WREN], [1] * 3, Boxes.of([BOX, (50, 0, 60, 10), BOX]))
    gold = {0: Boxes.of([BOX, (200, 0, 210, 10)]), 5: Boxes.of([BOX])}
    result = ObjectClustering().fit_predict(answers, gold=gold)
    assert result.existence[:2].tolist() == [1.0, 0.0]
    assert 0 < result.existence[2] < 1
    assert ObjectClustering().fit_predict(answers, gold={1: Boxes.of([])}).existence[2] == 0


def test_boxes_in_a_crowd_region_are_evidence_for_it() -> None:
    region, inside = (0.0, 0.0, 100.0, 100.0), [(5.0, 5.0, 25.0, 25.0), (50.0, 50.0, 70.0, 70.0)]
    result = ObjectClustering(rates=DetectionRates()).fit_predict(
        ObjectAnswers.of(
            [0] * 5,
            [WREN, FINCH, ROBIN, ROBIN, ROBIN],
            [1] * 5,
            Boxes.of([region, region, *inside, (90, 90, 130, 130)]),
            crowd=[True, True, False, False, False],
        )
    )
    # Only a sixteenth of the last box lies in the region.
    assert result.crowd.tolist() == [True, False]
    assert (result.members, result.absorbed) == (((0, 1), (4,)), ((2, 3), ()))
    assert result.existence[0] == pytest.approx(cluster_existence([WREN, FINCH, ROBIN], [WREN, FINCH, ROBIN]))


def test_objects_that_more_workers_drew_individually_win_over_a_crowd_region() -> None:
    result = ObjectClustering(rates=DetectionRates()).fit_predict(
        ObjectAnswers.of(
            [0] * 3,
            [WREN, FINCH, ROBIN],
            [1] * 3,
            Boxes.of([(0.0, 0.0, 100.0, 100.0), BOX, BOX]),
            crowd=[True, False, False],
        )
    )
    assert result.crowd.tolist() == [False, True]
    assert result.absorbed == ((), ())
    # A worker who drew the region is not a non-detection of the objects in it.
    assert result.existence[0] > cluster_existence([FINCH, ROBIN], [WREN, FINCH, ROBIN])


def test_a_crowd_region_never_matches_an_object() -> None:
    result = ObjectClustering(rates=DetectionRates()).fit_predict(
        ObjectAnswers.of([0, 0], [WREN, WREN], [1, 1], Boxes.of([BOX, BOX]), crowd=[True, False])
    )
    assert (result.members, result.absorbed, result.votes.tolist()) == (((0,),), ((1,),), [1])
    with pytest.raises(ValueError, match="one entry per object"):
        ObjectAnswers.of([0], [WREN], [1], Boxes.of([BOX]), crowd=[True, False])


def test_one_detection_among_many_non_detections_is_no_object() -> None:
    posteriors = [cluster_existence([WREN], range(1, n + 1)) for n in range(1, 201)]
    assert (np.diff(posteriors) <= 0).all()
    assert posteriors[-1] < 0.01


@pytest.mark.parametrize("seen", [10, 20, 40])
def test_more_detections_never_lower_existence(seen: int) -> None:
    by_detections = [cluster_existence(range(k), range(seen)) for k in range(1, seen + 1)]
    assert (np.diff(by_detections) >= 0).all()


def test_existence_without_detections_is_rejected() -> None:
    with pytest.raises(ValueError, match="no worker drew"):
        cluster_existence([], [WREN])
