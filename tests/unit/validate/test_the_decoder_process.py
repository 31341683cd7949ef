"""The decoder runs in its own process, which may crash, hang or be inherited by a fork without harm."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tasks.validate.imaging.decoder import Decoder
from tasks.validate.imaging.errors import DecoderUnavailable, ImageRefused
from tasks.validate.imaging.limits import ImageLimits
from tests.unit.validate.pictures import arrow, encoded

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "arrow"
    path.write_bytes(encoded(arrow(), "PNG"))
    return path


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    one = Decoder(ImageLimits(max_pixels=40_000_000, wall_seconds=1, cpu_seconds=1))
    yield one
    one.close()


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not runs(pid):
            return True
        time.sleep(0.05)
    return False


def test_one_process_serves_many_images(decoder: Decoder, source: Path, tmp_path: Path) -> None:
    decoder.render(source, tmp_path)
    first = decoder.pid
    decoder.render(source, tmp_path)
    assert first is not None and decoder.pid == first


def test_a_killed_decoder_is_replaced_and_the_image_rendered(decoder: Decoder, source: Path, tmp_path: Path) -> None:
    decoder.render(source, tmp_path)
    first = decoder.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert decoder.render(source, tmp_path)["width"] == 96
    assert decoder.pid != first


def test_a_hanging_decoder_is_killed_in_time(decoder: Decoder, source: Path, tmp_path: Path) -> None:
    decoder.render(source, tmp_path)
    stopped = decoder.pid
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(ImageRefused) as refused:
        decoder.render(source, tmp_path)
    assert refused.value.reason == "too_slow"
    assert time.monotonic() - started < 8
    assert gone(stopped)
    assert decoder.render(source, tmp_path)["width"] == 96


def test_an_image_that_takes_too_long_is_refused(decoder: Decoder, tmp_path: Path) -> None:
    path = tmp_path / "slow"
    noise = Image.effect_noise((6000, 6000), 90)
    path.write_bytes(encoded(Image.merge("RGB", [noise, noise, noise]), "PNG", compress_level=1))
    with pytest.raises(ImageRefused) as refused:
        decoder.render(path, tmp_path)
    assert refused.value.reason == "too_slow"


def test_an_image_beyond_the_memory_limit_is_refused_and_the_next_rendered(source: Path, tmp_path: Path) -> None:
    space = 500 * 1024 * 1024
    big = tmp_path / "big"
    big.write_bytes(encoded(Image.new("RGB", (12_000, 8_000)), "PNG", compress_level=1))
    decoder = Decoder(ImageLimits(max_pixels=96_000_000))
    decoder.render(source, tmp_path)
    assert decoder.pid is not None
    resource.prlimit(decoder.pid, resource.RLIMIT_AS, (space, space))
    with pytest.raises(ImageRefused) as refused:
        decoder.render(big, tmp_path)
    assert refused.value.reason == "too_big_to_decode"
    assert decoder.render(source, tmp_path)["width"] == 96
    decoder.close()


def test_a_full_or_missing_folder_is_the_machines_fault(decoder: Decoder, source: Path, tmp_path: Path) -> None:
    with pytest.raises(DecoderUnavailable):
        decoder.render(source, tmp_path / "missing")


def test_the_decoder_dies_with_a_killed_parent(source: Path, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _script(source, tmp_path, "time.sleep(60)")], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert runs(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pid)


def test_a_forked_child_starts_its_own_and_the_parent_keeps_its_own(source: Path, tmp_path: Path) -> None:
    after = """
        if os.fork() == 0:
            mine = decoder.pid
            decoder.render(source, out)
            os._exit(0 if mine is None and decoder.pid is not None else 1)
        status = os.wait()[1]
        before = decoder.pid
        decoder.render(source, out)
        print(status, decoder.pid == before)
    """
    ran = subprocess.run(
        [sys.executable, "-c", _script(source, tmp_path, after)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert ran.stdout.splitlines()[-1] == "0 True", ran.stderr


def test_the_decoder_does_not_see_the_servers_environment(
    decoder: Decoder, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    decoder.render(source, tmp_path)
    assert decoder.pid is not None
    assert b"secret" not in Path(f"/proc/{decoder.pid}/environ").read_bytes()


def _script(source: Path, out: Path, rest: str) -> str:
    start = f"""
        import os, sys, time
        from pathlib import Path
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "platform")!r}]
        from tasks.validate.imaging.decoder import Decoder
        from tasks.validate.imaging.limits import ImageLimits
        source, out = Path({str(source)!r}), Path({str(out)!r})
        decoder = Decoder(ImageLimits())
        decoder.render(source, out)
        print(decoder.pid, flush=True)
    """
    return textwrap.dedent(start) + textwrap.dedent(rest)
