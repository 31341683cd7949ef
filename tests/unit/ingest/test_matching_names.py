"""Names match images by a common tail; a match must be unique, and a second try is reported."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest

from tasks.ingest.name_matching import Claim, match_names


def matches(wanted: Iterable[str], present: Iterable[str]) -> dict[str, str]:
    """The matches of the first try."""
    matching = match_names(wanted, present)
    return {key: name for key, name in matching.matches.items() if key not in matching.second_tries}


def test_the_full_path_takes_precedence() -> None:
    assert matches(["a/x.jpg", "x.jpg"], ["x.jpg", "a/x.jpg"]) == {"a/x.jpg": "a/x.jpg", "x.jpg": "x.jpg"}


def test_a_tail_of_the_path_is_enough_if_it_is_unique() -> None:
    assert matches(["x.jpg"], ["photos/x.jpg", "photos/y.jpg"]) == {"x.jpg": "photos/x.jpg"}
    assert matches(["images/x.jpg"], ["x.jpg"]) == {"images/x.jpg": "x.jpg"}
    assert matches(["/home/ada/set/a/x.jpg", "C:/b/x.jpg"], ["a/x.jpg", "b/x.jpg"]) == {
        "/home/ada/set/a/x.jpg": "a/x.jpg",
        "C:/b/x.jpg": "b/x.jpg",
    }


@pytest.mark.parametrize("present", ["train/1.jpg", "a/val/2.jpg", "11.jpg", "val/x1.jpg", "xval/1.jpg", "val/1.jpg/1"])
def test_the_same_base_name_in_another_folder_is_another_image(present: str) -> None:
    matching = match_names(["val/1.jpg"], [present])
    assert (matching.matches, matching.refused) == ({}, {})


def test_several_candidates_are_refused_by_name() -> None:
    matching = match_names(["x.jpg"], ["a/x.jpg", "b/x.jpg"])
    assert matching.matches == {}
    assert matching.refused == {"x.jpg": "This may be a/x.jpg or b/x.jpg. Use the full path."}
    many = match_names(["x.jpg"], [f"{n}/x.jpg" for n in range(9)])
    assert many.refused["x.jpg"] == "This may be 0/x.jpg, 1/x.jpg, 2/x.jpg or 6 more. Use the full path."


def test_an_image_that_several_names_may_mean_has_none_of_them() -> None:
    matching = match_names(["a/x.jpg", "b/x.jpg"], ["x.jpg"])
    assert matching.matches == {}
    assert matching.refused == {
        "a/x.jpg": "The image x.jpg may be this one or b/x.jpg. Use full paths.",
        "b/x.jpg": "The image x.jpg may be this one or a/x.jpg. Use full paths.",
    }


def test_an_image_that_is_named_exactly_still_is_a_candidate() -> None:
    matching = match_names(["a/x.jpg", "x.jpg"], ["a/x.jpg", "b/x.jpg"])
    assert matching.matches == {"a/x.jpg": "a/x.jpg"}
    assert list(matching.refused) == ["x.jpg"]


def test_a_name_matched_by_full_path_is_not_matched_again() -> None:
    matching = match_names(["x.jpg", "old/x.jpg", "X.JPG", "x.png"], ["x.jpg"])
    assert (matching.matches, matching.refused) == ({"x.jpg": "x.jpg"}, {})


def test_both_forms_of_an_accent_are_one_name() -> None:
    assert matches(["cafe\u0301.jpg"], ["photos/caf\u00e9.jpg"]) == {"cafe\u0301.jpg": "photos/caf\u00e9.jpg"}


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("X.JPG", "x.jpg"),
        ("Photos/A%20B.jpg", "photos/a b.jpg"),
        ("a b.jpg", "a%20b.jpg"),
        ("../../images/x.jpg", "images/x.jpg"),
        ("labels/../images/x.jpg", "set/images/x.jpg"),
        ("x", "photos/x.jpg"),
        ("x.png", "x.jpg"),
        ("x.JPEG", "x.jpg"),
        ("https://host.example/set/x.jpg?token=a/b#c", "set/x.jpg"),
        ("https:/host.example/set/x%2Ejpg", "set/x.jpg"),
        ("/data/local-files/?d=set%2Fx.jpg", "set/x.jpg"),
        ("file:///C:/set/x.jpg", "set/X.jpg"),
        ("set / x.jpg ", "set/x.jpg"),
        ("STRASSE.jpg", "stra\u00dfe.jpg"),
        ("CAFE\u0301.jpg", "caf\u00e9.jpg"),
        ("v1.2", "v1.2.jpg"),
    ],
)
def test_names_in_another_notation_get_a_second_try_that_is_reported(name: str, image: str) -> None:
    matching = match_names([name], [image, "other.jpg"])
    assert matching.matches == {name: image}
    assert matching.second_tries == {name: f"It was used for the image {image}, whose name differs."}


@pytest.mark.parametrize(
    ("wanted", "present"),
    [
        (["X.jpg"], ["x.jpg", "a/x.jpg"]),
        (["X.jpg"], ["x.jpg", "x.JPG"]),
        (["x"], ["x.jpg", "x.png"]),
        (["x.bmp", "x.gif"], ["x.jpg"]),
        (["a%20b.jpg", "A b.jpg"], ["a B.jpg"]),
        (["../x.jpg", "../../x.JPG"], ["set/X.jpg"]),
    ],
)
def test_a_second_try_must_be_unique_too(wanted: list[str], present: list[str]) -> None:
    matching = match_names(wanted, present)
    assert matching.matches == {}
    assert list(matching.refused) == wanted


@pytest.mark.parametrize(
    ("name", "present"), [("v1.2", "v1.3.jpg"), (".jpg", ".png"), ("x.txt", "x.jpg"), ("", "a.jpg")]
)
def test_a_second_try_is_not_a_guess(name: str, present: str) -> None:
    matching = match_names([name], [present])
    assert (matching.matches, matching.refused) == ({}, {})


def test_names_of_one_image_are_one_candidate_and_a_name_of_two_images_is_none() -> None:
    one = {"a/x.jpg": frozenset([1]), "b/x.jpg": frozenset([1])}
    assert list(match_names(["x.jpg"], one).matches) == ["x.jpg"]
    two = {"x.jpg": frozenset([1, 2])}
    matching = match_names(["x.jpg"], two)
    assert matching.matches == {}
    assert matching.refused == {"x.jpg": "2 different images have the name x.jpg. Rename one of them."}


def test_labels_of_a_split_are_for_images_of_that_split() -> None:
    claims = {"train/1.jpg": Claim("1.jpg", "train"), "valid/1.jpg": Claim("1.jpg", "valid")}
    both = match_names(claims, ["images/train/1.jpg", "val/images/1.jpg"])
    assert both.matches == {"train/1.jpg": "images/train/1.jpg", "valid/1.jpg": "val/images/1.jpg"}
    assert list(match_names(claims, ["1.jpg"]).refused) == ["train/1.jpg", "valid/1.jpg"]
    validation = {"valid/1.jpg": claims["valid/1.jpg"]}
    assert match_names(validation, ["train/1.jpg"]).matches == {}
    assert match_names(validation, ["train2017/1.jpg"]).matches == {}
    assert match_names(validation, ["set/val2017/1.jpg"]).matches == {"valid/1.jpg": "set/val2017/1.jpg"}
    assert match_names(validation, ["set/1.jpg"]).matches == {"valid/1.jpg": "set/1.jpg"}
    assert match_names(validation, ["1.jpg", "valid/1.jpg"]).matches == {"valid/1.jpg": "valid/1.jpg"}


def test_the_name_of_a_label_file_must_not_be_that_of_another_image() -> None:
    claims = {"img1.jpg": Claim("img1.jpg", own_name="img2")}
    stale = match_names(claims, ["img1.jpg", "img2.jpg"])
    assert stale.matches == {}
    assert "name the image img1.jpg, but their file has the name of img2.jpg" in stale.refused["img1.jpg"]
    assert match_names(claims, ["img1.jpg", "img3.jpg"]).matches == {"img1.jpg": "img1.jpg"}
    renamed = match_names(claims, ["img2.jpg", "img3.jpg"])
    assert renamed.matches == {"img1.jpg": "img2.jpg"}
    assert list(renamed.second_tries) == ["img1.jpg"]


def test_another_notation_of_a_matched_name_is_a_repeat() -> None:
    matching = match_names(["a/x.jpg", "A/X.JPG", "a%2Fx", "old/x.jpg"], ["a/x.jpg"])
    assert (matching.matches, matching.refused) == ({"a/x.jpg": "a/x.jpg"}, {})
    assert matching.repeats == {"A/X.JPG": "a/x.jpg", "a%2Fx": "a/x.jpg"}
    claims = {"x.jpg": Claim("x.jpg", own_name="y"), "X.JPG": Claim("X.JPG"), "y.jpg": Claim("y.jpg", own_name="x")}
    stale = match_names(claims, ["x.jpg", "y.jpg"])
    assert (stale.matches, stale.repeats) == ({}, {})
    assert sorted(stale.refused) == ["X.JPG", "x.jpg", "y.jpg"]


def test_the_original_name_is_a_second_try() -> None:
    claims = {"a_jpg.rf.1.jpg": Claim("a_jpg.rf.1.jpg", original_name="a.jpg")}
    assert match_names(claims, ["set/a.jpg"]).second_tries.keys() == claims.keys()
    claims["a_jpg.rf.2.jpg"] = Claim("a_jpg.rf.2.jpg", original_name="a.jpg")
    assert list(match_names(claims, ["set/a.jpg"]).refused) == list(claims)
    assert match_names(claims, ["a.jpg", *claims]).matches == {key: key for key in claims}


def test_a_folder_tells_many_images_of_one_name_apart() -> None:
    names = [f"cam{folder}/{name}.jpg" for folder in range(1_500) for name in (0, 1)]
    claims = {each: Claim(each[-5:], each[:-6], own_name=each[-5]) for each in names}
    assert match_names(claims, names).matches == {each: each for each in names}
    deeper = {each: each.replace("/", "/images/") for each in names}
    assert match_names(claims, deeper.values()).matches == deeper
    started = time.perf_counter()
    assert match_names(claims, [f"other/{name}" for name in names]).matches == {name: f"other/{name}" for name in names}
    assert time.perf_counter() - started < 5


def test_labels_of_another_folder_do_not_keep_those_of_the_right_one_from_their_image() -> None:
    claims = {"cam1/1.jpg": Claim("1.jpg", "cam1"), "cam2/1.jpg": Claim("1.jpg", "cam2")}
    matching = match_names(claims, ["Cam1/1.jpg"])
    assert (matching.matches, matching.refused) == ({"cam1/1.jpg": "Cam1/1.jpg"}, {})
    assert list(match_names(claims | {"1.jpg": Claim("1.jpg")}, ["cam1/1.jpg"]).refused) == ["cam1/1.jpg", "1.jpg"]
    assert list(match_names(claims, ["1.jpg"]).refused) == list(claims)


def test_many_names_for_one_image_are_refused_in_time() -> None:
    names = [f"d{n:05}/a.jpg" for n in range(20_000)]
    started = time.perf_counter()
    matching = match_names(names, ["a.jpg"])
    assert time.perf_counter() - started < 5
    listed = "d00000/a.jpg, d00001/a.jpg, d00003/a.jpg and 19996 more"
    assert matching.refused["d00002/a.jpg"] == f"The image a.jpg may be this one or {listed}. Use full paths."
    assert len(matching.refused) == 20_000


def test_many_images_of_one_base_name_are_matched() -> None:
    names = [f"cam{n}/img.jpg" for n in range(20_000)]
    assert len(match_names(names, names).matches) == 20_000
    assert match_names([f"other{n}/img.jpg" for n in range(20_000)], names).matches == {}
    assert len(match_names([f"root/{name}".upper() for name in names], names).second_tries) == 20_000
