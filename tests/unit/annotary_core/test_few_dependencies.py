"""The core runs where nothing but numpy, scipy and shapely is installed."""

import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

from annotary.runtime.source_roots import ROOT

ALLOWED = ("numpy", "scipy", "shapely")
IMPORT_ALL = """
import importlib, pkgutil, annotary_core.labels, annotary_core.aggregation
for package in (annotary_core.labels, annotary_core.aggregation):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        # Compiled with numba where that is installed; its absence is what `kernels` asks for.
        if not found.name.endswith("kernels_numba"):
            importlib.import_module(found.name)
"""
AGGREGATE = """
from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.registry import DEFAULT_METHOD, get_method
answers = Answers.of(task=[0, 0, 0, 1, 1, 1], worker=[1, 2, 3, 1, 2, 3], label=[7, 7, 8, 8, 8, 8])
print(get_method(DEFAULT_METHOD).fit_predict(answers).label.tolist())
"""


def test_the_core_imports_and_aggregates_with_numpy_scipy_and_shapely_alone(tmp_path: Path) -> None:
    for name in ALLOWED:
        for folder in {Path(str(file.locate())).parent for file in files(name) or ()}:
            top = folder
            while top.parent.name != "site-packages":
                top = top.parent
            link = tmp_path / top.name
            if top.name != "bin" and not link.exists():
                link.symlink_to(top)
    program = f"import sys; sys.path += [{str(tmp_path)!r}, {str(ROOT / 'platform')!r}]\n{IMPORT_ALL}\n{AGGREGATE}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == "[7, 8]"
