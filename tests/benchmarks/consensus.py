"""Measure the consensus methods: `python tests/benchmarks/consensus.py [part ...] [--data FOLDER]`.

Parts: accuracy, calibration, boxes, masks, overlap, speed; without a name all of them, which takes some ten minutes, of
which crowd-kit takes most. The real crowd labels lie beside the checkout in ../shared/data/crowd and are not part of
the project; each part has a file of its own here, which says what it does.
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
    consensus_speed,
)
from tests.benchmarks.consensus_boxes import CROWD

#: Orders of arrival that figures of the stopping rule are means of.
SEEDS = 3


def overlap(crowd: Path) -> Iterator[str]:
    sets = consensus_overlap.CLASS_SETS
    yield from consensus_overlap.overlap_table(crowd, sets, [DEFAULT_THRESHOLD], range(SEEDS))
    yield ""
    yield from consensus_overlap.online_table(crowd, sets, range(1))


def masks(crowd: Path) -> Iterator[str]:
    """Made from seeds, without data."""
    consensus_masks.main()
    yield from ()


def speed(crowd: Path) -> Iterator[str]:
    consensus_speed.main([])
    yield from ()


PARTS = {
    "accuracy": consensus_accuracy.report,
    "calibration": consensus_calibration.report,
    "boxes": consensus_boxes.report,
    "masks": masks,
    "overlap": overlap,
    "speed": speed,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"out of: {', '.join(PARTS)}")
    parser.add_argument("--data", type=Path, default=CROWD, help="the folder with a folder a set")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; the parts are: {', '.join(PARTS)}")
    if not options.data.is_dir():
        print("The measuring data is not here; put it at ../shared/data/crowd beside the checkout or name its folder.")
        return 1
    for name in options.parts or PARTS:
        print(f"\n== {name}", flush=True)
        for line in PARTS[name](options.data):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
