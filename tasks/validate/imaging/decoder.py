"""The parent's side of the decoder process: starting, calling, stopping and restarting it.

A subprocess, not multiprocessing: Celery's prefork children are daemonic and cannot start multiprocessing children.
It starts in about 0.2 s, lives as long as its parent and serves one image at a time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy
import PIL

from tasks.validate.imaging.errors import DecoderUnavailable, ImageRefused
from tasks.validate.imaging.limits import ImageLimits
from tasks.validate.imaging.wire import ChannelClosed, ChannelTimeout, receive, send

START_SECONDS = 30
# Frees memory that the image libraries retain, and bounds leaks.
IMAGES_PER_PROCESS = 1_000

_ROOT = Path(__file__).resolve().parents[3]
_LIBRARIES = sorted({str(Path(module.__file__).resolve().parents[1]) for module in (PIL, numpy) if module.__file__})
_START = "import sys; sys.path.extend(sys.argv[1:]); from tasks.validate.imaging.child import main; main()"

# The decoder's whole environment: no secret of the server's environment reaches it. Each OpenBLAS thread would reserve
# address space, which counts against the limit. The fixed threshold makes glibc return large blocks: by default it kept
# 400 MB after one 100-megapixel image.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8", "MALLOC_MMAP_THRESHOLD_": "8388608"}

# Signals sent by the decoder's own limits: the image took too long, and a retry would too.
_OUT_OF_TIME = (-signal.SIGALRM, -signal.SIGXCPU)


class Decoder:
    """A decoder process, started on first use. Safe for threads (they take turns) and for fork."""

    def __init__(self, limits: ImageLimits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._served = 0
        os.register_at_fork(after_in_child=self._forget)

    def render(self, source: Path, out: Path) -> dict[str, Any]:
        """Render `source` into the folder `out` and return the decoder's facts, unchecked.

        Raises ImageRefused if the image is at fault, DecoderUnavailable (try again later) if the machine is.
        """
        with self._lock:
            request = {"source": str(source.resolve()), "out": str(out.resolve())}
            # The kernel or an operator may have caused one crash; two in a row are the image's fault.
            facts = self._call(request) or self._call(request)
        if facts is None:
            raise ImageRefused("decoder_died", "The image crashed the decoder twice. Export it again as JPEG or PNG.")
        return facts

    def close(self) -> None:
        """Stop the process; the next image starts a new one."""
        with self._lock:
            self._stop()

    @property
    def pid(self) -> int | None:
        """Process id of the running decoder, or None."""
        return None if self._process is None else self._process.pid

    def _call(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Try once. Return None if the decoder crashed."""
        process = self._ensure_running()
        assert process.stdin is not None and process.stdout is not None
        try:
            send(process.stdin.fileno(), request)
            response = receive(process.stdout.fileno(), timeout=self.limits.wall_seconds + 2)
        except ChannelTimeout as error:
            process.kill()
            self._stop()
            raise self._too_slow() from error
        except ChannelClosed as error:
            if self._stop() in _OUT_OF_TIME:
                raise self._too_slow() from error
            return None
        self._served += 1
        match response:
            case {"rendered": dict(facts)}:
                return facts
            case {"refused": [str(code), str(sentence)]}:
                raise ImageRefused(code, sentence)
            case {"failed": str(reason)}:
                raise DecoderUnavailable(f"The image decoder could not write its results ({reason}). Try again later.")
        self._stop()
        return None

    def _too_slow(self) -> ImageRefused:
        seconds = self.limits.wall_seconds
        return ImageRefused(
            "too_slow", f"The image took more than {seconds} s to read. Reduce its size and export it again."
        )

    def _ensure_running(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and process.poll() is None and self._served < IMAGES_PER_PROCESS:
            return process
        self._stop()
        self._served = 0
        process = subprocess.Popen(  # noqa: S603 - this interpreter, our own arguments, no shell
            [sys.executable, "-I", "-S", "-c", _START, *_LIBRARIES, str(_ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=_ENVIRONMENT,
            start_new_session=True,
        )
        self._process = process
        assert process.stdin is not None and process.stdout is not None
        try:
            send(process.stdin.fileno(), asdict(self.limits))
            receive(process.stdout.fileno(), timeout=START_SECONDS)
        except (ChannelClosed, ChannelTimeout) as error:
            self._stop()
            raise DecoderUnavailable("The image decoder did not start. See the server's log.") from error
        return process

    def _stop(self) -> int | None:
        """Kill the process if it is running; return its exit status (minus the signal), or None if there was none."""
        process, self._process = self._process, None
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        # A decoder killed by its own limit must be recognized as such: give it a moment to exit before killing it.
        try:
            return process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _forget(self) -> None:
        """Drop the parent's decoder after a fork: a pipe left open here would keep it alive after the parent exits."""
        process, self._process = self._process, None
        self._lock = threading.Lock()
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.returncode = 0
