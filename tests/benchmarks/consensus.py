"""Benchmark the consensus methods: `python tests/benchmarks/consensus.py [part ...] [--data FOLDER]`.

Parts: accuracy, calibration, boxes, masks, polygons, overlap, speed; by default all of them, which takes about ten
minutes, mostly for crowd-kit. The real crowd labels are expected in ../shared/data/crowd next to the checkout and are
not part of the project. Each part has its own file here, which documents it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from annotary_core.aggregation.stopping import DEFAULT_THRESHOLD
from tests.benchmarks import (
    consensus_accuracy,
    consensus_boxes,
    consensus_calibration,
    consensus_masks,
    consensus_overlap,
    consensus_polygons,
    consensus_speed,
)
from tests.benchmarks.consensus_boxes import CROWD

#: Number of arrival orders over which figures of the stopping rule are averaged.
SEEDS = 3


def overlap(crowd: Path) -> Iterator[str]:
    sets = consensus_overlap.CLASS_SETS
    yield from consensus_overlap.overlap_table(crowd, sets, [DEFAULT_THRESHOLD], range(SEEDS))
    yield ""
    yield from consensus_overlap.online_table(crowd, sets, range(1))


def masks(crowd: Path) -> Iterator[str]:
    """Generated from seeds, without data."""
    consensus_masks.main()
    yield from ()


def polygons(crowd: Path) -> Iterator[str]:
    """Generated from seeds, without data."""
    consensus_polygons.main()
    yield from ()


def speed(crowd: Path) -> Iterator[str]:
    consensus_speed.main([])
    yield from ()


PARTS = {
    "accuracy": consensus_accuracy.report,
    "calibration": consensus_calibration.report,
    "boxes": consensus_boxes.report,
    "masks": masks,
    "polygons": polygons,
    "overlap": overlap,
    "speed": speed,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"any of: {', '.join(PARTS)}")
    parser.add_argument("--data", type=Path, default=CROWD, help="folder with one subfolder per data set")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; choose from: {', '.join(PARTS)}")
    if not options.data.is_dir():
        print("The benchmark data is missing; put it in ../shared/data/crowd next to the checkout or pass its folder.")
        return 1
    for name in options.parts or PARTS:
        print(f"\n== {name}", flush=True)
        for line in PARTS[name](options.data):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
