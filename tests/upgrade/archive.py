"""The archive that holds the old installation: what is in it, and how the path of its data folder is kept out."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ARCHIVE = Path(__file__).with_name("installation.tar.xz")
# `runtime.json` names the data folder and the sockets in it; each restore puts its own folder here.
DATA = "@DATA@"
DUMP, EXPECTED, STATE = "dump.sql", "expected.json", "runtime.json"
# Parts of the data folder that are files, and are taken as they are. What is in PostgreSQL is in the dump.
TAKEN = ("files", "valkey", "secrets.json", "migrated")


def pack(data: Path, texts: Mapping[str, str], *, never: tuple[str, ...]) -> None:
    """Write the archive from a data folder that nothing runs on. Raises ValueError when a word of `never` is in it."""
    members: dict[str, bytes] = {name: text.encode() for name, text in texts.items()}
    for part in TAKEN:
        path = data / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                members[f"data/{file.relative_to(data).as_posix()}"] = file.read_bytes()
    for name, content in members.items():
        for word in never:
            if word.encode() in content:
                raise ValueError(f"{name} holds {word}")
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as target:
        for name, content in sorted(members.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            target.addfile(entry, io.BytesIO(content))


def unpack(folder: Path) -> None:
    """All of it below `folder`: the dump and the expectations, and `data`, which becomes the data folder."""
    with tarfile.open(ARCHIVE) as source:
        source.extractall(folder, filter="data")


def expected() -> dict[str, Any]:
    """What the old installation wrote down of itself."""
    with tarfile.open(ARCHIVE) as source:
        file = source.extractfile(EXPECTED)
        assert file is not None
        found: dict[str, Any] = json.load(file)
        return found
