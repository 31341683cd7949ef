"""Names in a release are safe and unique on every file system, and no label is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.formats.names import PATH_LIMIT, NameAllocator, fold, safe_part, safe_path, with_suffix

JPEG = "image/jpeg"


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("a/b/x.jpg", "a/b/x.jpg"),
        ("a\\b\\x.jpg", "a/b/x.jpg"),
        ("/etc/x.jpg", "etc/x.jpg"),
        ("../../x.jpg", "x.jpg"),
        ("./a//x.jpg", "a/x.jpg"),
        ("C:/x.jpg", "C_/x.jpg"),
        ("x.JPEG", "x.JPEG"),
        ("scan.bmp", "scan.bmp.jpg"),
        ("scan", "scan.jpg"),
        ("", "image.jpg"),
        ("aux.jpg", "_aux.jpg"),
        ("com1/x.jpg", "_com1/x.jpg"),
        (".hidden.jpg", "_hidden.jpg"),
        ("a?b*c.jpg", "a_b_c.jpg"),
        ("a\nb.jpg", "a_b.jpg"),
        ("x\u202egpj.jpg", "x_gpj.jpg"),
        ("x.jpg/y.jpg", "x.jpg_/y.jpg"),
        ("e\u0301.jpg", "é.jpg"),
        ("trail. /x.jpg", "trail/x.jpg"),
    ],
)
def test_a_source_key_becomes_a_safe_relative_path(source: str, path: str) -> None:
    assert safe_path(source, JPEG) == path


def test_the_extension_is_that_of_the_content() -> None:
    assert safe_path("x.jpg", "image/png") == "x.jpg.png"
    assert safe_path("x.PNG", "image/png") == "x.PNG"


def test_a_very_long_name_keeps_its_prefix_and_extension_and_stays_unique() -> None:
    first, second = (safe_path("ä" * 300 + ending + ".jpg", JPEG) for ending in "ab")
    assert first != second
    assert first.startswith("ää") and first.endswith(".jpg")
    assert len(first.encode()) <= 100


def test_a_very_deep_path_is_shortened_to_its_name() -> None:
    path = safe_path("/".join(["folder"] * 60) + "/x.jpg", JPEG)
    assert path.endswith("/x.jpg")
    assert len(path.encode()) <= PATH_LIMIT


def test_the_same_base_name_in_two_folders_needs_no_change() -> None:
    allocator = NameAllocator()
    assert [allocator.allocate("a/x.jpg", "1"), allocator.allocate("b/x.jpg", "2")] == ["a/x.jpg", "b/x.jpg"]


def test_names_that_differ_only_by_case_or_unicode_form_get_distinct_names() -> None:
    allocator = NameAllocator()
    names = [
        allocator.allocate(name, str(key)) for key, name in enumerate(["x.jpg", "X.jpg", "STRASSE.jpg", "straße.jpg"])
    ]
    assert names[0] == "x.jpg" and names[1] != "X.jpg"
    assert len({fold(name) for name in names}) == 4


def test_a_deduplicated_name_is_not_allocated_again() -> None:
    allocator = NameAllocator()
    allocator.allocate("x.jpg", "first")
    suffixed = allocator.allocate("x.jpg", "second")
    assert allocator.allocate(suffixed, "third") not in ("x.jpg", suffixed)


def test_the_suffix_depends_on_the_image_not_on_a_counter() -> None:
    names = []
    for others in (1, 5):
        allocator = NameAllocator()
        for other in range(others):
            allocator.allocate("x.jpg", f"other {other}")
        names.append(allocator.allocate("x.jpg", "mine"))
    assert names[0] == names[1]


def test_by_stem_names_that_differ_only_by_extension_collide() -> None:
    allocator = NameAllocator(by_stem=True)
    assert allocator.allocate("x.jpg", "1") == "x.jpg"
    assert allocator.allocate("x.png", "2") != "x.png"


def test_a_suffix_goes_before_the_extension() -> None:
    assert with_suffix("a.b/x.jpg", "1f") == "a.b/x_1f.jpg"
    assert with_suffix("a.b/x", "1f") == "a.b/x_1f"


@given(st.lists(st.text(max_size=120), max_size=30))
def test_names_are_safe_and_unique_for_any_sources(sources: list[str]) -> None:
    allocator = NameAllocator()
    names = [allocator.allocate(safe_path(source, JPEG), str(key)) for key, source in enumerate(sources)]
    assert len({fold(name) for name in names}) == len(sources)
    folders = {fold("/".join(name.split("/")[:depth])) for name in names for depth in range(1, name.count("/") + 1)}
    assert folders.isdisjoint(fold(name) for name in names)
    for name in names:
        assert name.lower().endswith((".jpg", ".jpeg"))
        for part in name.split("/"):
            assert part not in ("", ".", "..") and len(part.encode()) <= 120
            assert part == safe_part(part, 120)
