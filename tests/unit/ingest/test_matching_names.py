"""Names match images by full path, or else by a unique base name."""

from tasks.ingest.name_matching import match_names


def test_the_full_path_takes_precedence() -> None:
    assert match_names(["a/x.jpg", "x.jpg"], ["x.jpg", "a/x.jpg"]) == {"a/x.jpg": "a/x.jpg", "x.jpg": "x.jpg"}


def test_a_unique_base_name_is_enough() -> None:
    assert match_names(["x.jpg"], ["photos/x.jpg", "photos/y.jpg"]) == {"x.jpg": "photos/x.jpg"}
    assert match_names(["images/x.jpg"], ["x.jpg"]) == {"images/x.jpg": "x.jpg"}


def test_the_same_base_name_in_two_folders_is_two_images() -> None:
    assert match_names(["x.jpg"], ["a/x.jpg", "b/x.jpg"]) == {}
    assert match_names(["a/x.jpg", "b/x.jpg"], ["x.jpg"]) == {}


def test_a_name_matched_by_full_path_is_not_matched_again() -> None:
    assert match_names(["x.jpg", "old/x.jpg"], ["x.jpg"]) == {"x.jpg": "x.jpg"}


def test_names_that_differ_by_case_are_different() -> None:
    assert match_names(["X.jpg"], ["x.jpg"]) == {}
