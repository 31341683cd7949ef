"""The decision "answered, or ask one more", as a table and by its properties; it knows posteriors alone."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.consolidated import ImagePosterior, ObjectPosterior
from tasks.consensus.stopping_policy import (
    Answered,
    AskOneMore,
    NextWorker,
    Step,
    StoppingPolicy,
    TaskProgress,
    Wait,
    expected_gain,
    needs_more_answers,
    next_step,
)

WORKER = NextWorker(0.8, 0.8)
EVEN: ImagePosterior = {"class": {"1": 0.5, "2": 0.5}}
TWO_OF_THREE: ImagePosterior = {"class": {"1": 0.73, "2": 0.27}}
CERTAIN: ImagePosterior = {"class": {"1": 0.99999, "2": 0.00001}}
POLICY = StoppingPolicy(2, 4, 0.9)


def progress(
    posterior: ImagePosterior, answers: int, *, taken: int | None = None, wanted: int | None = None, sure: float = 1.0
) -> TaskProgress:
    """A task whose answers are all in, unless told otherwise."""
    top = max(posterior.get("class", {"1": sure}).values())
    in_work = answers if taken is None else taken
    return TaskProgress(posterior, min(top, sure), answers, taken=in_work, wanted=in_work if wanted is None else wanted)


def ask(posterior: ImagePosterior, answers: int, policy: StoppingPolicy, *, sure: float = 1.0) -> bool:
    return needs_more_answers(progress(posterior, answers, sure=sure), policy=policy, worker=WORKER)


def an_object(existence: float) -> ObjectPosterior:
    return {"existence": existence, "class": {"1": 1.0}}


PRIORITY = round(1000 * expected_gain(posterior=EVEN, worker=WORKER, answers=2))


@pytest.mark.parametrize(
    ("task", "remains", "policy", "step"),
    [
        # Nothing is decided without an answer.
        (progress({}, 0, wanted=2), True, POLICY, Wait()),
        (progress({}, 0, taken=1, wanted=2), True, StoppingPolicy.closing(), Wait()),
        # Not all answers are in, and the label is uncertain, or too few of them are.
        (progress(EVEN, 1, wanted=2), True, POLICY, Wait()),
        (progress(CERTAIN, 1, wanted=2), True, POLICY, Wait()),
        (progress(EVEN, 3, wanted=4), True, POLICY, Wait()),
        # More were requested, but the label has become certain; a live lease keeps its slot.
        (progress(CERTAIN, 3, wanted=4), True, POLICY, Answered(3)),
        (progress(CERTAIN, 3, taken=4), True, POLICY, Wait()),
        # All answers are in.
        (progress(CERTAIN, 2), True, POLICY, Answered(2)),
        (progress(EVEN, 2), True, POLICY, AskOneMore(3, PRIORITY)),
        (progress(EVEN, 2), False, POLICY, Answered(2)),
        (progress(EVEN, 4), True, POLICY, Answered(4)),
        # A policy that was lowered below what the task already wants.
        (progress(EVEN, 3, wanted=3), True, StoppingPolicy(1, 2, 0.9), Answered(3)),
        (progress(EVEN, 2, wanted=3), True, StoppingPolicy(1, 2, 0.9), Answered(2)),
        # Closed by a manager: whatever is in is enough, unless more is about to be sent.
        (progress(EVEN, 1, wanted=3), True, StoppingPolicy.closing(), Answered(1)),
        (progress(EVEN, 1, taken=2, wanted=3), True, StoppingPolicy.closing(), Wait()),
        (progress(EVEN, 3), True, StoppingPolicy.closing(), Answered(3)),
    ],
)
def test_what_happens_to_an_open_task(task: TaskProgress, remains: bool, policy: StoppingPolicy, step: Step) -> None:
    assert next_step(task, policy=policy, worker=WORKER, worker_remains=remains) == step


def test_it_stops_at_the_target_or_without_expected_gain() -> None:
    assert ask(EVEN, 2, StoppingPolicy(2, 9, 0.7))
    assert not ask(TWO_OF_THREE, 3, StoppingPolicy(2, 9, 0.7))
    assert ask(TWO_OF_THREE, 3, StoppingPolicy(2, 9, 0.99))
    assert not ask(CERTAIN, 3, StoppingPolicy(2, 9, 1.0))


def test_an_answer_that_cannot_change_the_label_is_not_requested() -> None:
    nearly: ImagePosterior = {"class": {"1": 0.85, "2": 0.15}}
    assert expected_gain(posterior=nearly, worker=WORKER, answers=2, remaining=1) == 0.0
    assert not ask(nearly, 3, StoppingPolicy(3, 4, 0.9))
    assert expected_gain(posterior=nearly, worker=WORKER, answers=2, remaining=2) > 0.0


def test_an_image_is_as_sure_as_its_weakest_object() -> None:
    sure, unsure = an_object(0.99), an_object(0.73)
    posterior: ImagePosterior = {"objects": {"a": sure, "b": unsure, "c": sure, "d": sure}}
    # The confidence of a label that was stored while it was the mean of its objects.
    assert ask(posterior, 3, StoppingPolicy(2, 9, 0.9), sure=0.93)
    posterior["objects"]["b"] = sure
    assert not ask(posterior, 3, StoppingPolicy(2, 9, 0.9), sure=0.93)


@pytest.mark.parametrize(("exists", "more"), [(0.45, True), (0.05, False)])
def test_an_object_that_may_have_been_missed_asks_for_another_answer(exists: float, more: bool) -> None:
    posterior: ImagePosterior = {"objects": {"a": an_object(0.99), "b": an_object(exists)}}
    assert ask(posterior, 3, StoppingPolicy(2, 9, 0.9), sure=0.99) is more


def test_the_expected_gain_sums_over_all_decisions_of_an_image() -> None:
    one: ImagePosterior = {"objects": {"a": an_object(0.5)}}
    two: ImagePosterior = {"objects": {"a": an_object(0.5), "b": an_object(0.5)}}
    gain = expected_gain(posterior=one, worker=WORKER, answers=2)
    assert math.isclose(expected_gain(posterior=two, worker=WORKER, answers=2), 2 * gain)
    assert expected_gain(posterior={"objects": {}}, worker=WORKER, answers=2) == 0.0


shares = st.floats(0.0, 1.0)
workers = st.builds(NextWorker, st.floats(0.51, 0.99), st.floats(0.51, 0.99), st.floats(0.0, 0.5))


@st.composite
def posteriors(draw: st.DrawFn) -> ImagePosterior:
    """The posterior of an image with a class, with objects, or with both."""
    top = draw(st.floats(0.5, 1.0))
    objects: dict[str, ObjectPosterior] = {
        str(number): {"existence": draw(shares), "class": {"1": share, "2": 1 - share}}
        for number, share in enumerate(draw(st.lists(st.floats(0.5, 1.0), max_size=4)))
    }
    both: ImagePosterior = {"class": {"1": top, "2": 1 - top}, "objects": objects}
    kinds: list[ImagePosterior] = [{"class": both["class"]}, {"objects": objects}, both]
    return draw(st.sampled_from(kinds))


@st.composite
def tasks(draw: st.DrawFn) -> TaskProgress:
    wanted = draw(st.integers(0, 7))
    taken = draw(st.integers(0, wanted))
    answers = draw(st.integers(0, taken))
    return TaskProgress(draw(posteriors()), draw(shares), answers, taken=taken, wanted=wanted)


@st.composite
def policies(draw: st.DrawFn) -> StoppingPolicy:
    least = draw(st.integers(1, 5))
    return StoppingPolicy(least, least + draw(st.integers(0, 4)), draw(st.floats(0.5, 1.0)))


@settings(max_examples=400, deadline=None)
@given(task=tasks(), policy=policies(), worker=workers)
def test_whatever_the_posterior_slots_are_kept_and_limits_respected(
    task: TaskProgress, policy: StoppingPolicy, worker: NextWorker
) -> None:
    step = next_step(task, policy=policy, worker=worker, worker_remains=True)
    alone = next_step(task, policy=policy, worker=worker, worker_remains=False)
    # Without a worker, or without money, nothing is requested, and that is all it changes.
    assert alone == next_step(task, policy=policy, worker=worker, worker_remains=True, money_remains=False)
    assert not isinstance(alone, AskOneMore)
    assert step == alone or (isinstance(step, AskOneMore) and alone == Answered(task.wanted))
    if isinstance(step, Wait):
        assert task.answers < task.wanted or task.answers == 0
        return
    # I2: answers that are in, and those that workers have or are about to send, always keep their slots.
    assert step.wanted >= task.taken >= task.answers > 0
    if isinstance(step, AskOneMore):
        assert task.answers == task.taken == task.wanted < policy.answers_max
        assert step.wanted == task.wanted + 1
        assert step.priority >= 0
    else:
        assert step.wanted <= task.wanted
        assert task.answers == task.taken == step.wanted
        assert task.answers >= min(policy.answers_min, task.wanted)


@settings(max_examples=200, deadline=None)
@given(task=tasks(), policy=policies(), worker=workers)
def test_deciding_again_after_it_was_applied_changes_nothing(
    task: TaskProgress, policy: StoppingPolicy, worker: NextWorker
) -> None:
    step = next_step(task, policy=policy, worker=worker, worker_remains=True)
    if isinstance(step, AskOneMore):
        raised = TaskProgress(task.posterior, task.confidence, task.answers, taken=task.taken, wanted=step.wanted)
        assert next_step(raised, policy=policy, worker=worker, worker_remains=True) == Wait()


@settings(max_examples=200, deadline=None)
@given(task=tasks(), policy=policies(), worker=workers, lower=st.floats(0.0, 1.0))
def test_a_lower_target_never_asks_for_more(
    task: TaskProgress, policy: StoppingPolicy, worker: NextWorker, lower: float
) -> None:
    easier = StoppingPolicy(policy.answers_min, policy.answers_max, policy.confidence_target * lower)
    if needs_more_answers(task, policy=easier, worker=worker):
        assert needs_more_answers(task, policy=policy, worker=worker)


@settings(max_examples=200, deadline=None)
@given(task=tasks(), worker=workers)
def test_a_manager_who_closes_a_task_gets_it_answered_once_all_answers_are_in(
    task: TaskProgress, worker: NextWorker
) -> None:
    step = next_step(task, policy=StoppingPolicy.closing(), worker=worker, worker_remains=True)
    assert step == (Answered(task.taken) if 0 < task.answers == task.taken else Wait())
