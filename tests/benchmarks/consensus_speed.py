"""Benchmark Dawid-Skene against crowd-kit: `python tests/benchmarks/consensus_speed.py [100k] [1m] [10m]`, or all.

Each run is a separate process with one thread. It reads raw columns and reports the CPU seconds from these columns to
the consensus (the best of a few runs) and its peak memory including imports. crowd-kit runs first with its own stopping
rule; our kernels then run the same number of iterations. At ten million labels only our kernels run, with their own
stopping rule. The data comes from ../shared/data/synth_labels.py next to the checkout. Takes about four minutes.
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

#: Tasks, answers per task, workers, classes.
SIZES = {
    "100k": (20_000, 5, 500, 10),
    "1m": (200_000, 5, 2_000, 10),
    "10m": (2_000_000, 5, 20_000, 10),
}
REPEATS = {"100k": 7, "1m": 3, "10m": 1}
KERNELS = ("numpy", "compiled")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def make(size: str, folder: Path) -> dict[str, Any]:
    """Write columns task, worker, label of this size."""
    *columns, _ = runpy.run_path(str(SYNTHESIS))["make"](*SIZES[size])
    np.save(folder / "columns.npy", np.array(columns, np.int32))
    return {}


def crowd_kit(size: str, folder: Path) -> dict[str, Any]:
    """Run crowd-kit and store its posteriors."""
    warnings.simplefilter("ignore")
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    frame = pd.DataFrame(dict(zip(("task", "worker", "label"), np.load(folder / "columns.npy"), strict=True)))
    oracle = DawidSkene(n_iter=100, tol=1e-5)
    seconds, wall, result = timed(lambda: oracle.fit_predict_proba(frame), REPEATS[size])
    peak = peak_mib()
    np.save(folder / "posteriors.npy", result.sort_index().sort_index(axis=1).to_numpy())
    return {"seconds": seconds, "wall": wall, "iterations": len(oracle.loss_history_), "peak": peak}


def ours(size: str, folder: Path, kernel: Any, iterations: int) -> dict[str, Any]:
    """Run Dawid-Skene for `iterations`, or until convergence if that is 0, and compare with crowd-kit."""
    from annotary_core.aggregation.base import Answers
    from annotary_core.aggregation.classification.dawid_skene import DawidSkene
    from annotary_core.aggregation.classification.encoding import EncodedAnswers

    columns = np.load(folder / "columns.npy")
    method = DawidSkene(kernel=kernel)
    # Compiles the kernel or loads it from the cache.
    method.fit_predict(Answers.of(*columns[:, :100]))
    if iterations:
        method = DawidSkene(kernel=kernel, max_iterations=iterations, tolerance=0)
    seconds, wall, result = timed(lambda: method.fit_predict(Answers.of(*columns)), REPEATS[size])
    peak, classes = peak_mib(), np.unique(columns[2]).astype(np.int64)
    if iterations:
        difference = float(np.abs(result.posteriors.dense(classes) - np.load(folder / "posteriors.npy")).max())
        return {"seconds": seconds, "wall": wall, "iterations": iterations, "peak": peak, "difference": difference}
    answers = Answers.of(*columns)
    iterations_run = method.fit(EncodedAnswers.of(answers, repeats="count"), answers).iterations
    return {"seconds": seconds, "wall": wall, "iterations": iterations_run, "peak": peak}


def timed(run: Callable[[], Any], repeats: int) -> tuple[float, float, Any]:
    """Minimum CPU seconds, minimum wall-clock seconds, and the last result."""
    cpu, wall, result = [], [], None
    for _ in range(repeats):
        del result
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        result = run()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    return min(cpu), min(wall), result


def peak_mib() -> float:
    """Peak memory of this process; getrusage would include the memory of the parent before exec."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def run_separately(*arguments: str) -> dict[str, Any]:
    """Run a measurement in a separate process."""
    completed = subprocess.run(
        [sys.executable, __file__, "--run", *arguments], env=os.environ | ONE_THREAD, check=True, stdout=subprocess.PIPE
    )
    measured: dict[str, Any] = json.loads(completed.stdout)
    return measured


def report(size: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_separately("make", size, folder)
        reference: dict[str, Any] = {"iterations": 0}
        if size != "10m":
            reference = run_separately("crowd-kit", size, folder)
            show(size, "crowd-kit", reference, reference)
        for kernel in KERNELS:
            show(size, kernel, run_separately("ours", size, folder, kernel, str(reference["iterations"])), reference)


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


def run_one(action: str, size: str, folder: str, *options: str) -> dict[str, Any]:
    if action == "make":
        return make(size, Path(folder))
    if action == "crowd-kit":
        return crowd_kit(size, Path(folder))
    return ours(size, Path(folder), options[0], int(options[1]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run_one(*sys.argv[2:])))
    elif not SYNTHESIS.exists():
        sys.exit("The benchmark data is missing: put synth_labels.py in ../shared/data next to the checkout.")
    else:
        main(sys.argv[1:])
