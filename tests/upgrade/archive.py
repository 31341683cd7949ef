"""Read and write the archive of the old installation, in which a placeholder stands for the data folder's path."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ARCHIVE = Path(__file__).with_name("installation.tar.xz")
# `runtime.json` contains the path of the data folder and of the sockets in it; restoring substitutes the new path.
DATA_PLACEHOLDER = "@DATA@"
DUMP, EXPECTED, STATE = "dump.sql", "expected.json", "runtime.json"
# The parts of the data folder that are archived as files. The contents of PostgreSQL are in the dump instead.
ARCHIVED_PARTS = ("files", "valkey", "secrets.json", "migrated")


def pack(data: Path, texts: Mapping[str, str], *, forbidden: tuple[str, ...]) -> None:
    """Write the archive from a data folder that no process uses.

    Raises ValueError if any file contains one of the `forbidden` strings.
    """
    members: dict[str, bytes] = {name: text.encode() for name, text in texts.items()}
    for part in ARCHIVED_PARTS:
        path = data / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                members[f"data/{file.relative_to(data).as_posix()}"] = file.read_bytes()
    for name, content in members.items():
        for string in forbidden:
            if string.encode() in content:
                raise ValueError(f"{name} contains {string}")
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as target:
        for name, content in sorted(members.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            target.addfile(entry, io.BytesIO(content))


def unpack(folder: Path) -> None:
    """Extract everything into `folder`: the dump, the expected results, and `data`, which becomes the data folder."""
    with tarfile.open(ARCHIVE) as source:
        source.extractall(folder, filter="data")


def load_expected() -> dict[str, Any]:
    """Return the results that the old installation recorded for the tests to compare with."""
    with tarfile.open(ARCHIVE) as source:
        file = source.extractfile(EXPECTED)
        assert file is not None
        expected: dict[str, Any] = json.load(file)
        return expected
