"""A small file system for the fault tests, which they fill to the last byte."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.faults.up_process import UpProcess

SIZE = "500m"
FILLER = "filler"


@contextmanager
def up_on_a_small_disk(folder: Path) -> Iterator[tuple[UpProcess, Path]]:
    """Yield an installation that is not started yet, and its disk. What it prints goes elsewhere."""
    with small_disk(folder / "disk") as disk:
        created = UpProcess(disk / "data")
        created.output = folder / "output"
        yield created, disk
        created.close()


@contextmanager
def small_disk(folder: Path, *, size: str = SIZE) -> Iterator[Path]:
    """Mount a file system of its own, small enough to fill; mounting one needs root or a user namespace."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def resize(disk: Path, size: str) -> None:
    """Grow the file system, or shrink it to no less than what it holds."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True, capture_output=True)


def fill(disk: Path, *, leave: int = 0) -> None:
    """Take all free space, except `leave` bytes."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
    # Even an empty file needs room.
    with suppress(OSError), (disk / FILLER).open("ab") as file:
        for _ in range(max(0, free - leave) // 65536 + 1):
            file.write(b"\0" * 65536)
            file.flush()


@contextmanager
def kept_full(disk: Path, *, leave: int = 0) -> Iterator[None]:
    """Keep all but `leave` bytes taken: PostgreSQL's log and others give room back now and then."""
    over = threading.Event()

    def refill() -> None:
        while not over.wait(0.05):
            fill(disk, leave=leave)

    thread = threading.Thread(target=refill, daemon=True)
    fill(disk, leave=leave)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def make_room(disk: Path) -> None:
    (disk / FILLER).unlink(missing_ok=True)


def write_until_refused(database: str) -> None:
    """Make PostgreSQL itself run out of room, in its tables or in its log."""
    rows = "SELECT n, repeat(md5(n::text), 50) FROM generate_series(1, 3000) n"
    with pytest.raises(psycopg.Error), psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE filler (n int, filler text)")
        while True:
            connection.execute(f"INSERT INTO filler {rows}")
