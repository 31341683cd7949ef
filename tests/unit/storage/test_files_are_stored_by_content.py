"""A file is stored under the hash of its content, completely or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import InMemoryStorage

from storage import backends

CONTENT = b"some bytes" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LOCAL = "django.core.files.storage.FileSystemStorage"
MEMORY = "django.core.files.storage.InMemoryStorage"


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": LOCAL, "OPTIONS": {"location": tmp_path}}}
    yield tmp_path


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_stored_bytes_can_be_read_back(root: Path) -> None:
    stored = backends.put(io.BytesIO(CONTENT))
    assert stored == backends.StoredObject(f"blobs/{SHA256[:2]}/{SHA256}", SHA256, len(CONTENT))
    with backends.open_blob(stored.key) as file:
        assert file.read() == CONTENT
    assert backends.exists(stored.key)
    assert (root / stored.key).stat().st_size == stored.size == len(CONTENT)
    assert backends.local_path(stored.key) == root / stored.key


def test_storing_twice_keeps_one_file_and_renews_its_time(root: Path) -> None:
    path = root / backends.put(io.BytesIO(CONTENT)).key
    os.utime(path, (1, 1))
    source = root / "source"
    source.write_bytes(CONTENT)
    backends.put(source, sha256=SHA256)
    assert files(root) == {"source", f"blobs/{SHA256[:2]}/{SHA256}"}
    assert path.stat().st_mtime > 1


def test_bytes_that_differ_from_the_announced_hash_are_not_stored(root: Path) -> None:
    with pytest.raises(backends.ContentDiffers):
        backends.put(io.BytesIO(CONTENT), sha256="0" * 64)
    assert files(root) == set()


def test_a_source_that_breaks_leaves_nothing_behind(root: Path) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 0:
                raise ConnectionResetError
            return super().read(10)

    with pytest.raises(ConnectionResetError):
        backends.put(Breaking(CONTENT))
    assert files(root) == set()


def test_bytes_are_synced_before_the_rename(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    sync, replace = os.fsync, Path.replace

    def watched_sync(handle: int) -> None:
        calls.append("sync")
        sync(handle)

    def watched_replace(self: Path, target: Path) -> Path:
        calls.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    backends.put(io.BytesIO(CONTENT))
    assert calls[:3] == ["sync", "rename", "sync"]


def test_deleting_is_idempotent_and_deleted_files_are_missing(root: Path) -> None:
    key = backends.put(io.BytesIO(CONTENT)).key
    backends.delete(key)
    backends.delete(key)
    assert not backends.exists(key)
    with pytest.raises(backends.BlobMissing):
        backends.open_blob(key)


@pytest.mark.parametrize(
    "key", ["../secret", "/etc/passwd", f"blobs/00/{SHA256}", f"blobs/{SHA256[:2]}/{SHA256}/x", ""]
)
def test_invalid_keys_are_refused(key: str, root: Path) -> None:
    for act in (backends.open_blob, backends.exists, backends.delete, backends.local_path):
        with pytest.raises(ValueError, match="not a blob key"):
            act(key)
    with pytest.raises(ValueError, match="not a SHA-256"):
        backends.key_of(key)


def test_old_files_and_interrupted_writes_are_found_for_the_sweep(root: Path) -> None:
    old = backends.put(io.BytesIO(b"old")).key
    new = backends.put(io.BytesIO(b"new")).key
    (root / "incoming" / "left").write_bytes(b"half")
    for path in (root / old, root / "incoming" / "left"):
        os.utime(path, (1, 1))
    assert list(backends.stray_keys(older_than=time.time() - 60)) == [old]
    assert files(root) == {old, new}


def test_remote_storage_saves_the_same_content_once(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": MEMORY}}
    saved: list[str] = []
    save = InMemoryStorage.save

    def counted(self: InMemoryStorage, name: str, content: Any, **options: Any) -> str:
        saved.append(name)
        return save(self, name, content, **options)

    monkeypatch.setattr(InMemoryStorage, "save", counted)
    for _ in range(2):
        stored = backends.put(io.BytesIO(CONTENT), sha256=SHA256)
    assert saved == [stored.key]
    with backends.open_blob(stored.key) as file:
        assert file.read() == CONTENT
    assert backends.local_path(stored.key) is None
    with pytest.raises(backends.ContentDiffers):
        backends.put(io.BytesIO(b"other"), sha256=SHA256)
    assert list(backends.stray_keys(older_than=time.time() + 60)) == [stored.key]
    assert list(backends.stray_keys(older_than=time.time() - 60)) == []
