"""Which name means which image: the whole path, else a base name that is nobody else's."""

from tasks.ingest.name_matching import match_names


def test_the_whole_path_comes_first() -> None:
    assert match_names(["a/x.jpg", "x.jpg"], ["x.jpg", "a/x.jpg"]) == {"a/x.jpg": "a/x.jpg", "x.jpg": "x.jpg"}


def test_a_base_name_will_do_when_it_is_the_only_one() -> None:
    assert match_names(["x.jpg"], ["photos/x.jpg", "photos/y.jpg"]) == {"x.jpg": "photos/x.jpg"}
    assert match_names(["images/x.jpg"], ["x.jpg"]) == {"images/x.jpg": "x.jpg"}


def test_the_same_base_name_in_two_folders_is_two_images() -> None:
    assert match_names(["x.jpg"], ["a/x.jpg", "b/x.jpg"]) == {}
    assert match_names(["a/x.jpg", "b/x.jpg"], ["x.jpg"]) == {}


def test_a_name_that_is_taken_by_its_whole_path_is_not_given_again() -> None:
    assert match_names(["x.jpg", "old/x.jpg"], ["x.jpg"]) == {"x.jpg": "x.jpg"}


def test_names_that_differ_by_case_are_different() -> None:
    assert match_names(["X.jpg"], ["x.jpg"]) == {}
