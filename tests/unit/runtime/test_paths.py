"""The data folder, sockets within the kernel's limit, secrets generated once."""

import os
import stat
from pathlib import Path

import pytest

from annotary.runtime import paths, secrets
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths


def mode(path: Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_only_the_owner_can_access_the_data_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    DataPaths(folder).create()
    assert mode(folder) == 0o700
    assert mode(folder / "run") == 0o700


def test_a_file_instead_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(EmbeddedError, match=r"is a file, not a folder\. Choose a folder with --data"):
        DataPaths(tmp_path / "data").create()


def test_sockets_are_in_the_data_folder_if_its_path_is_short(tmp_path: Path) -> None:
    short = DataPaths(Path("/tmp/a"))
    assert paths.socket_folder(short) == short.run


def test_sockets_are_in_a_private_folder_if_the_path_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/tmp")
    found = paths.socket_folder(DataPaths(tmp_path / ("long" * 30)))
    try:
        assert len(os.fsencode(found / ".s.PGSQL.5432")) <= paths.SOCKET_PATH_LIMIT
        assert mode(found) == 0o700
    finally:
        found.rmdir()


def test_a_link_or_an_open_folder_under_our_name_is_not_trusted(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    link = tmp_path / "link"
    link.symlink_to(target)
    wide = tmp_path / "wide"
    wide.mkdir(mode=0o755)
    assert not paths.private_folder(link)
    assert not paths.private_folder(wide)
    assert paths.private_folder(target)


def test_secrets_are_generated_once_and_readable_only_by_the_owner(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    first = secrets.load_or_create(file)
    assert secrets.load_or_create(file) == first
    assert mode(file) == 0o600
    assert len(first["ANNOTARY_SECRET_KEY"]) >= 50


def test_damaged_secrets_are_not_replaced_silently(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text("{")
    with pytest.raises(EmbeddedError, match="is damaged"):
        secrets.load_or_create(file)
    assert file.read_text() == "{"
