"""The folders from which Annotary's own packages are imported. Standard library only."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def source_roots(root: Path = ROOT) -> tuple[Path, ...]:
    """The source roots of the checkout at `root`, in import order.

    They precede site-packages everywhere, so that no installed package named `tasks`, `tests` or `kernel` wins.
    """
    return (root / "platform", root)


def python_path(root: Path = ROOT) -> str:
    """The source roots as a value of PYTHONPATH."""
    return os.pathsep.join(str(folder) for folder in source_roots(root))
