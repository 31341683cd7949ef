"""Names in archives become relative POSIX paths in NFC, whatever program wrote them, and never leave the folder."""

import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tasks.ingest.archive_names import clean_path, is_system_file, name_refusal
from tasks.ingest.archives import open_archive
from tests.unit.ingest.zips import forged


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("./a.jpg", "a.jpg"),
        ("././b/./a.jpg", "b/a.jpg"),
        ("dir\\a.jpg", "dir/a.jpg"),
        (".\\dir\\sub\\a.jpg", "dir/sub/a.jpg"),
        ("dir\\e\u0301.jpg", "dir/é.jpg"),
        ("10.00.00\u202fAM.png", "10.00.00\u202fAM.png"),
        ("prix 10\u00a0€.png", "prix 10\u00a0€.png"),
        ("\U0001f469\u200d\U0001f52c.png", "\U0001f469\u200d\U0001f52c.png"),
        ("\u2066rtl\u2069.png", "\u2066rtl\u2069.png"),
        ("\U0001fae9 new emoji \ue000.png", "\U0001fae9 new emoji \ue000.png"),
    ],
)
def test_harmless_names_are_taken(stored: str, name: str, tmp_path: Path) -> None:
    with open_archive(forged(tmp_path, [(stored.encode(), b"x")], flags=0x800)) as archive:
        assert [entry.name for entry in archive.entries] == [name]


LITTER = [
    "__MACOSX/a/._1.jpg",
    "__MACOSX\\d\\._a.jpg",
    "__macosx/1.jpg",
    "d/__MacOSX/1.jpg",
    "d\\__MACOSX\\1.jpg",
    "a/.DS_Store",
    "a\\.ds_store",
    "deep/er/Thumbs.db",
    "deep\\er\\THUMBS.DB",
    "a/._2.jpg",
    "a\\._2.jpg",
    "./._2.jpg",
    "Desktop.ini",
]


def test_what_operating_systems_add_is_litter_in_every_spelling(tmp_path: Path) -> None:
    names = [*LITTER, "folder/", "folder\\", "my__MACOSX/a.jpg", "Thumbs.db.jpg"]
    with open_archive(forged(tmp_path, [(name.encode(), b"") for name in names])) as archive:
        assert [entry.name for entry in archive.entries] == ["my__MACOSX/a.jpg", "Thumbs.db.jpg"]
        assert (archive.ignored, archive.refused) == (len(LITTER) + 2, [])


PARTS = st.sampled_from(
    [
        "a",
        "A.jpg",
        "..",
        ".",
        "",
        "/",
        "\\",
        "__MACOSX",
        "._x",
        "C:",
        "e\u0301",
        "é",
        "\u202f",
        "\u200d",
        "\0",
        "\n",
        "\x85",
    ]
)
RAW = st.one_of(
    st.lists(PARTS, max_size=6).map(lambda parts: "/".join(parts).encode()),
    st.lists(PARTS, max_size=6).map(lambda parts: "\\".join(parts).encode()),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(min_size=1, max_size=40),
).filter(bool)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(RAW, min_size=1, max_size=8))
@example(names=[b"._x/."])
def test_whatever_an_archive_calls_its_files_no_name_is_dangerous_and_none_is_lost(
    names: list[bytes], tmp_path: Path
) -> None:
    """Property: every entry is taken, refused or litter; names that are taken are unique, relative, clean, in NFC."""
    with open_archive(forged(tmp_path, [(name, b"x") for name in names])) as archive:
        assert len(archive.entries) + len(archive.refused) + archive.ignored == len(names)
        taken = [entry.name for entry in archive.entries]
        assert len(set(taken)) == len(taken)
        numbers = {entry.position for entry in archive.entries} | {entry.position for entry in archive.refused}
        assert len(numbers) == len(names) - archive.ignored
        for name in taken:
            assert name == unicodedata.normalize("NFC", name) == clean_path(name)
            assert name_refusal(name) is None
            assert not is_system_file(name)
            path = PurePosixPath("/folder") / name
            assert path.is_relative_to("/folder")
            assert ".." not in path.parts
            assert not set(name) & set("\0\\\n\r\x85")
        for refused in archive.refused:
            assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in refused.sentence)
