"""How many bad workers the chance test stops in time, and how many honest ones, in crowds simulated in memory.

    python3 -m tests.benchmarks.bad_workers [--seeds 200] [--first 1000]

Prints for each kind of task how many crowds of 80 honest and 20 bad workers hold (at least 18 bad ones stopped by the
mark and at most one honest one), and the shares stopped by kind and by accuracy.
"""

import argparse
import time
from collections import Counter

from tests.mixed_crowd import a_crowd
from tests.mixed_crowd_model import SET, CrowdModel

#: (name, classes, boxes, answers per image, mark, rounds, shares of the classes)
CASES: tuple[tuple[str, int, bool, int, int, int, list[float] | None], ...] = (
    ("4 classes", 4, False, 5, 20, 12, None),
    ("4 classes, 3 answers per image", 4, False, 3, 20, 8, None),
    ("4 classes, one of them common", 4, False, 5, 20, 12, [0.8, 0.1, 0.05, 0.05]),
    ("10 classes", 10, False, 5, 20, 12, None),
    ("2 classes", 2, False, 5, 45, 12, None),
    ("boxes", 4, True, 5, 20, 12, None),
    ("boxes, 3 answers per image", 4, True, 3, 20, 8, None),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--case")
    options = parser.parse_args()
    for name, classes, boxes, overlap, mark, rounds, shares in CASES:
        if options.case and options.case != name:
            continue
        started = time.monotonic()
        holds, bad_stopped, honest_stopped = 0, 0, 0
        kinds: Counter[str] = Counter()
        bands: Counter[str] = Counter()
        for seed in range(options.first, options.first + options.seeds):
            people = a_crowd(honest=80, bad=20, seed=seed)
            model = CrowdModel(
                people, images=2000, classes=classes, boxes=boxes, overlap=overlap, seed=seed, shares=shares
            )
            result = model.run(rounds=rounds)
            bad, honest = result.stopped(bad=True, by=mark), result.stopped(bad=False)
            holds += bad >= 18 and honest <= 1
            bad_stopped, honest_stopped = bad_stopped + bad, honest_stopped + honest
            for record in result.records:
                stopped = record.stopped_at is not None
                kind = record.person.kind
                band = f"{5 * int(record.person.accuracy * 20)}%" if kind == "honest" else kind
                bands[band] += 1
                kinds[band] += stopped and (kind == "honest" or (record.stopped_at or 0) < mark + SET)
        print(f"{name}: {holds} of {options.seeds} crowds hold; stopped: {bad_stopped / options.seeds:.2f} of 20 bad,")
        print(f"  {honest_stopped / options.seeds:.2f} of 80 honest; {time.monotonic() - started:.0f} s")
        print("  " + ", ".join(f"{band} {kinds[band] / bands[band]:.1%}" for band in sorted(bands)), flush=True)


if __name__ == "__main__":
    main()
