"""Files and functions stay short enough to read at once."""

import ast
import math
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("annotary", "platform", "tasks", "workers_ui")
#: Maximum lines of a file, tests included, migrations apart.
FILE_LINES = 350
#: Maximum lines of 99% of the functions, tests and migrations apart; the numba kernels are among the other 1%.
FUNCTION_LINES = 32
#: How many of the longest ones a failure lists.
LISTED = 30


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts)


def function_sizes(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.end_lineno - node.lineno + 1, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


def longest(sizes: list[tuple[int, str]]) -> str:
    return "\n".join(f"{lines:>5} {name}" for lines, name in sorted(sizes, reverse=True)[:LISTED])


def test_no_file_is_longer_than_350_lines() -> None:
    sizes = [
        (len(path.read_text("utf-8").splitlines()), str(path.relative_to(ROOT)))
        for path in python_files(*CODE, "tests")
    ]
    too_long = [each for each in sizes if each[0] > FILE_LINES]
    assert sizes
    assert not too_long, f"Split these files by behavior; the limit is {FILE_LINES} lines:\n{longest(too_long)}"


def test_99_percent_of_the_functions_have_at_most_32_lines() -> None:
    sizes = [size for path in python_files(*CODE) for size in function_sizes(path)]
    assert sizes
    percentile = sorted(lines for lines, _ in sizes)[math.ceil(0.99 * len(sizes)) - 1]
    assert percentile <= FUNCTION_LINES, (
        f"The 99th percentile of {len(sizes)} functions is {percentile} lines, above {FUNCTION_LINES}; "
        f"split the longest ones:\n{longest(sizes)}"
    )
