"""Whether an object is there follows from who drew it, who did not, and what is known of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from annotary_core.aggregation.objects.box_clustering import BoxAnswers, BoxClustering
from annotary_core.aggregation.objects.detections import Witnesses
from annotary_core.aggregation.objects.existence import DetectionRates, existence, existence_of, stray_odds
from annotary_core.aggregation.objects.existence_em import History, learn_rates
from annotary_core.aggregation.objects.sightings import Sightings
from annotary_core.labels.arrays import FloatArray, IntArray

WREN, FINCH, ROBIN, SPAMMER = 1, 2, 3, 0
CAREFUL = DetectionRates(workers=np.array([WREN]), detection=np.array([0.9]), false_rate=np.array([0.001]))
CARELESS = DetectionRates(workers=np.array([WREN]), detection=np.array([0.2]), false_rate=np.array([0.5]))
#: A box that nothing else touches.
BOX = (0.0, 0.0, 10.0, 10.0)


def lone(seen: int, **more: object) -> float:
    return existence_of([WREN], range(1, seen + 1), **more)  # type: ignore[arg-type]


def test_of_unknown_workers_a_lone_box_is_kept_while_few_looked() -> None:
    assert [lone(seen) >= 0.5 for seen in (1, 2, 3, 4, 8)] == [True, True, True, True, False]


def test_a_worker_of_usual_trust_is_not_held_careless() -> None:
    usual = dict.fromkeys((WREN, FINCH, ROBIN), 2 / 3)
    assert lone(3, trust=usual) >= 0.5
    assert lone(3, trust=usual | {WREN: 0.4}) < 0.5
    assert lone(3, trust=usual | {WREN: 0.0}) == 0


def test_the_silence_of_workers_without_trust_says_nothing() -> None:
    assert lone(3, trust={WREN: 1, FINCH: 0, ROBIN: 0}) > lone(2)


def test_each_drawer_makes_it_surer_and_each_silent_one_less() -> None:
    by_drawers = [existence_of(range(k), range(5)) for k in range(1, 6)]
    by_silent = [existence_of(range(2), range(n)) for n in range(2, 9)]
    assert by_drawers == sorted(by_drawers) and by_silent == sorted(by_silent, reverse=True)
    assert by_drawers[-1] > 0.99


def test_who_denies_the_whole_image_weighs_more_than_who_passes_over_one_object() -> None:
    assert lone(2) > lone(2, blank=[FINCH]) >= 0.5
    assert lone(3, blank=[FINCH, ROBIN]) < 0.5


def test_known_rates_decide() -> None:
    assert lone(3, rates=CAREFUL) > 0.95
    assert lone(3, rates=CARELESS) < 0.2
    sharp = DetectionRates(workers=np.array([2, 3]), detection=np.full(2, 0.99), false_rate=np.full(2, 0.01))
    assert lone(3, rates=sharp) < 0.3


def test_a_box_beside_one_of_other_workers_may_be_a_stray_of_it() -> None:
    odds = stray_odds(np.array([0, 0.15, 0.3, 0.4]), threshold=0.3)
    assert odds[0] == 0 and odds[2] == 1 and (np.diff(odds) > 0).all()
    assert lone(4, overlap=0.3) < 0.5 < lone(4, overlap=0.1)


def stray_of_two(third: int) -> float:
    """The existence of a box that overlaps one of wren and finch by a quarter."""
    result = BoxClustering(rates=DetectionRates()).fit_predict(
        BoxAnswers.of([0] * 3, [WREN, FINCH, third], [1] * 3, [BOX, BOX, (5.5, 0, 15.5, 10)])
    )
    return float(result.existence[result.votes == 1][0])


def test_who_drew_both_saw_two_objects() -> None:
    assert stray_of_two(ROBIN) < 0.5
    assert stray_of_two(FINCH) > 0.6


def test_rates_survive_json() -> None:
    rates = replace(CAREFUL, spread=np.array([0.05]), drawings=np.array([12.0]), echo=0.2)
    again = DetectionRates.from_json(json.loads(json.dumps(rates.to_json())))
    assert again.to_json() == rates.to_json()
    assert DetectionRates.from_json(json.dumps(rates.to_json())).to_json() == rates.to_json()


def test_rates_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        DetectionRates(workers=np.array([1]))
    with pytest.raises(ValueError, match="sorted"):
        DetectionRates(workers=np.array([2, 1]), detection=np.full(2, 0.5), false_rate=np.full(2, 0.5))


@dataclass(frozen=True, slots=True)
class World:
    """Simulated drawings: what is true of each cluster, who drew it alone (-1: several), and its task."""

    sightings: Sightings
    true: FloatArray
    alone: IntArray
    task: IntArray

    def accuracy(self, rates: DetectionRates, tasks: IntArray | None = None) -> float:
        rows = np.ones(len(self.true), np.bool_) if tasks is None else np.isin(self.task, tasks)
        return float(((existence(self.sightings, rates) >= 0.5) == self.true)[rows & (self.task >= 0)].mean())


def world(*, detection: float = 0.7, false: dict[int, float] | None = None, base: float = 0.05, seen: int = 3) -> World:
    """300 images of 8 objects, 12 workers, `seen` an image; objects are hard to unequal degree. Missed ones come last,
    as clusters without a drawer.
    """
    dice = np.random.default_rng(7)
    rate = np.full(12, base)
    for worker, own in (false or {}).items():
        rate[worker] = own
    ability = np.log(detection / (1 - detection)) + dice.normal(0, 0.3, 12)
    found: list[tuple[int, IntArray, float]] = []
    saw: list[tuple[int, int]] = []
    for task in range(300):
        workers = np.sort(dice.choice(12, seen, replace=False))
        saw += [(task, int(worker)) for worker in workers]
        for _ in range(8):
            drew = dice.random(seen) < 1 / (1 + np.exp(dice.normal() - ability[workers]))
            found.append((task, workers[drew], 1.0))
        for worker in workers:
            found += [(task, np.array([worker]), 0.0)] * int(dice.poisson(8 * rate[worker]))
    found.sort(key=lambda each: len(each[1]) == 0)
    tasks = np.array([each[0] for each in found])
    drawers = [each[1] for each in found]
    pairs = np.array(saw)
    witnesses = Witnesses.of(
        np.repeat(tasks, [len(each) for each in drawers]), np.concatenate(drawers), pairs[:, 0], pairs[:, 1], None
    )
    alone = np.array([each[0] if len(each) == 1 else -1 for each in drawers])
    true = np.array([each[2] for each in found])
    return World(witnesses.sightings(tasks, drawers, np.zeros(len(tasks))), true, alone, tasks)


def seen_part(made: World) -> World:
    """Without the objects that nobody drew: what the platform sees."""
    count = int((made.sightings.drawn > 0).sum())
    rows = made.sightings.start[count]
    whole = made.sightings
    part = Sightings(
        whole.start[: count + 1],
        whole.worker[:rows],
        whole.drew[:rows],
        whole.looks[:rows],
        whole.trust[:rows],
        whole.stray[:count],
    )
    return World(part, made.true[:count], made.alone[:count], made.task[:count])


def test_a_spammer_is_found_without_any_gold() -> None:
    made = seen_part(world(false={SPAMMER: 0.6}))
    rates = learn_rates(made.sightings)
    posterior = existence(made.sightings, rates)
    his, others = made.alone == SPAMMER, made.alone > SPAMMER
    assert made.true[his].mean() < 0.2 and (posterior[his] < 0.5).mean() > 0.95
    assert made.true[others].mean() > 0.5 and (posterior[others] >= 0.5).mean() > 0.95
    assert made.accuracy(rates) > made.accuracy(DetectionRates()) + 0.05


@pytest.mark.parametrize(("detection", "seen"), [(0.7, 3), (0.35, 3), (0.2, 4)])
def test_lone_boxes_of_honest_workers_are_kept_however_little_they_see(detection: float, seen: int) -> None:
    made = seen_part(world(detection=detection, seen=seen, base=0.02))
    posterior = existence(made.sightings, learn_rates(made.sightings))
    assert made.true[made.alone >= 0].mean() > 0.6
    assert (posterior[made.alone >= 0] >= 0.5).mean() > 0.9


def test_that_all_are_careless_is_learnt_from_gold_alone() -> None:
    whole = world(base=0.4)
    known = np.where(whole.task < 60, whole.true, np.nan)
    kept = np.isfinite(known) | (whole.sightings.drawn > 0)
    made = seen_part(whole)
    missed = np.flatnonzero(kept)[np.flatnonzero(kept) >= len(made.true)]
    # The missed objects of the known tasks stand after all clusters that were drawn.
    order = np.concatenate([np.arange(len(made.true)), missed])
    start = whole.sightings.start
    rows = np.concatenate([np.arange(start[at], start[at + 1]) for at in order])
    part = Sightings(
        np.concatenate([[0], np.cumsum(np.diff(start)[order])]),
        whole.sightings.worker[rows],
        whole.sightings.drew[rows],
        whole.sightings.looks[rows],
        whole.sightings.trust[rows],
        whole.sightings.stray[order],
    )
    with_gold = learn_rates(part, known=known[order])
    rest = np.arange(60, 300)
    assert made.accuracy(with_gold, rest) > made.accuracy(learn_rates(made.sightings), rest) + 0.2
    assert with_gold.detection.mean() == pytest.approx(0.7, abs=0.07)


def test_history_speaks_before_there_is_evidence() -> None:
    made = seen_part(world())
    few = Witnesses.of(np.array([0]), np.array([WREN]), np.array([0, 0]), np.array([WREN, FINCH]), None)
    sightings = few.sightings(np.array([0]), [np.array([WREN])], np.zeros(1))
    bad = learn_rates(sightings, history={WREN: History(drawn=50, missed=50, false=90)})
    good = learn_rates(sightings, history={WREN: History(drawn=95, missed=5, false=1)})
    assert existence(sightings, bad)[0] < 0.5 < existence(sightings, good)[0]
    assert good.detection[list(good.workers).index(WREN)] > bad.detection[list(bad.workers).index(WREN)]
    assert len(learn_rates(made.sightings, history={99: History(drawn=5)}).workers) == 13


def test_known_objects_are_clamped_and_missed_ones_are_no_harm() -> None:
    answers = BoxAnswers.of([0, 0, 1], [WREN, FINCH, WREN], [1] * 3, [BOX, (50, 0, 60, 10), BOX])
    gold = {0: [BOX, (200, 0, 210, 10)], 5: [BOX]}
    result = BoxClustering().fit_predict(answers, gold=gold)
    assert result.existence[:2].tolist() == [1.0, 0.0]
    assert 0 < result.existence[2] < 1
    assert BoxClustering().fit_predict(answers, gold={1: []}).existence[2] == 0


def test_boxes_in_a_crowd_region_are_evidence_for_it() -> None:
    region, inside = (0.0, 0.0, 100.0, 100.0), [(5.0, 5.0, 25.0, 25.0), (50.0, 50.0, 70.0, 70.0)]
    result = BoxClustering(rates=DetectionRates()).fit_predict(
        BoxAnswers.of(
            [0] * 5,
            [WREN, FINCH, ROBIN, ROBIN, ROBIN],
            [1] * 5,
            [region, region, *inside, (90, 90, 130, 130)],
            crowd=[True, True, False, False, False],
        )
    )
    # Only a sixteenth of the last box lies in the region.
    assert result.crowd.tolist() == [True, False]
    assert (result.members, result.absorbed) == (((0, 1), (4,)), ((2, 3), ()))
    assert result.existence[0] == pytest.approx(existence_of([WREN, FINCH, ROBIN], [WREN, FINCH, ROBIN]))


def test_objects_that_more_workers_drew_one_by_one_outlive_a_crowd_region() -> None:
    result = BoxClustering(rates=DetectionRates()).fit_predict(
        BoxAnswers.of(
            [0] * 3,
            [WREN, FINCH, ROBIN],
            [1] * 3,
            [(0.0, 0.0, 100.0, 100.0), BOX, BOX],
            crowd=[True, False, False],
        )
    )
    assert result.crowd.tolist() == [False, True]
    assert result.absorbed == ((), ())
    # Who drew the region is not silent about what is in it.
    assert result.existence[0] > existence_of([FINCH, ROBIN], [WREN, FINCH, ROBIN])


def test_a_crowd_region_never_matches_an_object() -> None:
    result = BoxClustering(rates=DetectionRates()).fit_predict(
        BoxAnswers.of([0, 0], [WREN, WREN], [1, 1], [BOX, BOX], crowd=[True, False])
    )
    assert (result.members, result.absorbed, result.votes.tolist()) == (((0,),), ((1,),), [1])
    with pytest.raises(ValueError, match="one entry a box"):
        BoxAnswers.of([0], [WREN], [1], [BOX], crowd=[True, False])


def test_a_lone_drawing_among_many_silent_workers_is_no_object() -> None:
    lone = [existence_of([WREN], range(1, n + 1)) for n in range(1, 201)]
    assert (np.diff(lone) <= 0).all()
    assert lone[-1] < 0.01


@pytest.mark.parametrize("seen", [10, 20, 40])
def test_more_drawers_never_make_an_object_less_likely(seen: int) -> None:
    by_drawers = [existence_of(range(k), range(seen)) for k in range(1, seen + 1)]
    assert (np.diff(by_drawers) >= 0).all()


def test_where_nobody_drew_there_is_nothing_to_judge() -> None:
    with pytest.raises(ValueError, match="nobody drew"):
        existence_of([], [WREN])
