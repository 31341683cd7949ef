"""A group is one run in the natural order of its names; a larger one is cut into as few runs as possible."""

import pytest

from tasks.batching.groups import MAX_RUN, Run, runs_of


def test_images_of_a_group_are_one_run_in_the_natural_order_of_their_names() -> None:
    images = [(4, "b", "b/1.jpg"), (1, "a", "a/frame10.jpg"), (2, "a", "a/frame9.jpg"), (3, "a", "a/Frame1.jpg")]
    assert runs_of(images) == [Run("a", (3, 2, 1)), Run("b", (4,))]


def test_images_in_no_group_are_runs_of_their_own() -> None:
    assert runs_of([(2, "", "b.jpg"), (1, "", "a.jpg")]) == [Run("", (1,)), Run("", (2,))]


def test_an_image_that_was_sent_twice_is_in_a_run_once() -> None:
    assert runs_of([(1, "a", "a/1.jpg"), (1, "a", "a/1.jpg")]) == [Run("a", (1,))]


@pytest.mark.parametrize(
    ("images", "lengths"),
    [(50, [50]), (51, [25, 26]), (100, [50, 50]), (101, [33, 34, 34]), (1000, [50] * 20)],
)
def test_a_large_group_is_cut_into_few_consecutive_runs_of_about_one_length(images: int, lengths: list[int]) -> None:
    runs = runs_of((number, "clip", f"clip/{number}.jpg") for number in range(images))
    assert sorted(len(run.image_ids) for run in runs) == lengths
    assert [image_id for run in runs for image_id in run.image_ids] == list(range(images))
    shortest = sorted(len(run.image_ids) for run in runs)[:2]
    assert len(shortest) == 1 or sum(shortest) > MAX_RUN, "two runs of a group never fit into one"
