"""The parent's side of the decoder process: start it, ask it, end it, start it again.

A subprocess and not multiprocessing: Celery's prefork children are daemons, which may not have children of
that kind. Started in about 0.2 s, it lives as long as its parent and serves one image at a time.
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
# Frees what the image libraries keep, and bounds what a leak can grow to.
IMAGES_PER_PROCESS = 1_000

_ROOT = Path(__file__).resolve().parents[3]
_LIBRARIES = sorted({str(Path(module.__file__).resolve().parents[1]) for module in (PIL, numpy) if module.__file__})
_START = "import sys; sys.path.extend(sys.argv[1:]); from tasks.validate.imaging.child import main; main()"

# All that the decoder knows of its surroundings: no secret of the server's environment reaches it. Each thread of the
# linear algebra library would set address space aside, against the limit. The fixed threshold makes glibc give large
# blocks back: left to itself it kept 400 MB after one image of 100 megapixels.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8", "MALLOC_MMAP_THRESHOLD_": "8388608"}

# Signals by which the decoder's own limits end it: the image took too long, and another try would as well.
_OUT_OF_TIME = (-signal.SIGALRM, -signal.SIGXCPU)


class Decoder:
    """One decoder process, started when first asked. Safe for threads (they take turns) and for fork."""

    def __init__(self, limits: ImageLimits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._served = 0
        os.register_at_fork(after_in_child=self._forget)

    def render(self, source: Path, out: Path) -> dict[str, Any]:
        """Render `source` into the folder `out` and return the decoder's facts, unchecked.

        Raises ImageRefused for what the image is, DecoderUnavailable (try again later) for what the machine is.
        """
        with self._lock:
            request = {"source": str(source.resolve()), "out": str(out.resolve())}
            # One death may be the kernel's or an operator's doing; two in a row are the image's.
            answer = self._ask(request) or self._ask(request)
        if answer is None:
            raise ImageRefused("decoder_died", "The image broke its reader twice; export it again and send that.")
        return answer

    def close(self) -> None:
        """End the process; the next image starts another."""
        with self._lock:
            self._end()

    @property
    def pid(self) -> int | None:
        """Process id of the running decoder, None when there is none."""
        return None if self._process is None else self._process.pid

    def _ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """One try. None when the decoder died under it."""
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        try:
            send(process.stdin.fileno(), request)
            answer = receive(process.stdout.fileno(), timeout=self.limits.wall_seconds + 2)
        except ChannelTimeout as error:
            process.kill()
            self._end()
            raise self._too_slow() from error
        except ChannelClosed as error:
            if self._end() in _OUT_OF_TIME:
                raise self._too_slow() from error
            return None
        self._served += 1
        match answer:
            case {"rendered": dict(facts)}:
                return facts
            case {"refused": [str(code), str(sentence)]}:
                raise ImageRefused(code, sentence)
            case {"failed": str(why)}:
                raise DecoderUnavailable(f"The image reader could not write its results ({why}); try again later.")
        self._end()
        return None

    def _too_slow(self) -> ImageRefused:
        seconds = self.limits.wall_seconds
        return ImageRefused("too_slow", f"The image took more than {seconds} s to read; export it again, or smaller.")

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and process.poll() is None and self._served < IMAGES_PER_PROCESS:
            return process
        self._end()
        self._served = 0
        process = subprocess.Popen(  # noqa: S603 - this interpreter, our own words, no shell
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
            self._end()
            raise DecoderUnavailable("The image reader did not start; the server's log says why.") from error
        return process

    def _end(self) -> int | None:
        """Kill the process if it runs; return how it ended (minus the signal), None when there was none."""
        process, self._process = self._process, None
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        # A decoder that died by its own limit must be seen to have: give a dying one a moment before killing it.
        try:
            return process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _forget(self) -> None:
        """After fork: the decoder is the parent's. Keeping its pipe open here would keep it alive after the parent."""
        process, self._process = self._process, None
        self._lock = threading.Lock()
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.returncode = 0
