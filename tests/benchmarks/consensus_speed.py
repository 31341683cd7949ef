"""Measure Dawid-Skene against crowd-kit: `python tests/benchmarks/consensus_speed.py [100k] [1m] [10m]`, or all.

Each run is a process of its own with one thread, which reads raw columns, and reports processor seconds from these
columns to the consensus (the best of a few), and its peak memory, imports included. crowd-kit runs first by its own
stop rule; ours then take as many iterations. At ten million labels ours run alone, by their own stop rule. The data
comes from ../shared/data/synth_labels.py beside the checkout. It takes about four minutes.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SYNTHESIS = ROOT.parent / "shared" / "data" / "synth_labels.py"

#: Tasks, answers a task, workers, classes.
SIZES = {
    "100k": (20_000, 5, 500, 10),
    "1m": (200_000, 5, 2_000, 10),
    "10m": (2_000_000, 5, 20_000, 10),
}
REPEATS = {"100k": 7, "1m": 3, "10m": 1}
KERNELS = ("numpy", "compiled")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def make(size: str, folder: Path) -> dict[str, Any]:
    """Write the columns task, worker, label of that size."""
    *columns, _ = runpy.run_path(str(SYNTHESIS))["make"](*SIZES[size])
    np.save(folder / "columns.npy", np.array(columns, np.int32))
    return {}


def crowd_kit(size: str, folder: Path) -> dict[str, Any]:
    """Run crowd-kit and keep its posteriors."""
    warnings.simplefilter("ignore")
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    frame = pd.DataFrame(dict(zip(("task", "worker", "label"), np.load(folder / "columns.npy"), strict=True)))
    oracle = DawidSkene(n_iter=100, tol=1e-5)
    seconds, wall, found = timed(lambda: oracle.fit_predict_proba(frame), REPEATS[size])
    peak = peak_mib()
    np.save(folder / "posteriors.npy", found.sort_index().sort_index(axis=1).to_numpy())
    return {"seconds": seconds, "wall": wall, "iterations": len(oracle.loss_history_), "peak": peak}


def ours(size: str, folder: Path, kernel: Any, iterations: int) -> dict[str, Any]:
    """Run Dawid-Skene so many iterations, or until it stops where that is 0, and compare."""
    from annotary_core.aggregation.base import Answers
    from annotary_core.aggregation.classification.dawid_skene import DawidSkene
    from annotary_core.aggregation.classification.encoding import Coded

    columns = np.load(folder / "columns.npy")
    method = DawidSkene(kernel=kernel)
    # Compiles, or loads what was compiled before.
    method.fit_predict(Answers.of(*columns[:, :100]))
    if iterations:
        method = DawidSkene(kernel=kernel, max_iterations=iterations, tolerance=0)
    seconds, wall, found = timed(lambda: method.fit_predict(Answers.of(*columns)), REPEATS[size])
    peak, classes = peak_mib(), np.unique(columns[2]).astype(np.int64)
    if iterations:
        difference = float(np.abs(found.posteriors.dense(classes) - np.load(folder / "posteriors.npy")).max())
        return {"seconds": seconds, "wall": wall, "iterations": iterations, "peak": peak, "difference": difference}
    answers = Answers.of(*columns)
    taken = method.fit(Coded.of(answers, repeats="count"), answers).iterations
    return {"seconds": seconds, "wall": wall, "iterations": taken, "peak": peak}


def timed(run: Callable[[], Any], repeats: int) -> tuple[float, float, Any]:
    """The least processor seconds, the least seconds by the clock, and the last result."""
    processor, clock, found = [], [], None
    for _ in range(repeats):
        del found
        start, since = time.process_time(), time.perf_counter()
        found = run()
        processor.append(time.process_time() - start)
        clock.append(time.perf_counter() - since)
    return min(processor), min(clock), found


def peak_mib() -> float:
    """The most memory that this program held; getrusage would count what the parent held before it started us."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def apart(*arguments: str) -> dict[str, Any]:
    """What a process of its own measured."""
    done = subprocess.run(
        [sys.executable, __file__, "--run", *arguments], env=os.environ | ONE_THREAD, check=True, stdout=subprocess.PIPE
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def report(size: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        apart("make", size, folder)
        reference: dict[str, Any] = {"iterations": 0}
        if size != "10m":
            reference = apart("crowd-kit", size, folder)
            show(size, "crowd-kit", reference, reference)
        for kernel in KERNELS:
            show(size, kernel, apart("ours", size, folder, kernel, str(reference["iterations"])), reference)


def show(size: str, name: str, measured: dict[str, Any], reference: dict[str, Any]) -> None:
    ratio = f"{reference['seconds'] / measured['seconds']:5.1f} x" if "seconds" in reference else "      -"
    difference = f"{measured['difference']:.0e}" if "difference" in measured else "-"
    print(
        f"{size:>5} {name:<10} {measured['seconds']:8.3f} {measured['wall']:8.3f} {ratio:>8} "
        f"{measured['iterations']:>10} {difference:>11} {measured['peak']:>9.0f}",
        flush=True,
    )


def main(sizes: list[str]) -> None:
    print(" size kernel          CPU s   wall s    ratio iterations  difference  peak MiB")
    for size in sizes or SIZES:
        report(size)


def run_one(what: str, size: str, folder: str, *more: str) -> dict[str, Any]:
    if what == "make":
        return make(size, Path(folder))
    if what == "crowd-kit":
        return crowd_kit(size, Path(folder))
    return ours(size, Path(folder), more[0], int(more[1]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run_one(*sys.argv[2:])))
    elif not SYNTHESIS.exists():
        sys.exit("The measuring data is not there: put synth_labels.py in ../shared/data beside the checkout.")
    else:
        main(sys.argv[1:])
