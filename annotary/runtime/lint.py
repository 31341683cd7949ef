"""`manage.py lint`: code, templates and browser modules, and that every model change has its migration.

Names of checks as arguments run those alone: `manage.py lint style browser`.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from annotary.runtime import bundles
from annotary.runtime.source_roots import ROOT, python_path
from annotary.runtime.temporary_stores import TemporaryStores

SOURCES = ("manage.py", "annotary", "platform", "tasks", "workers_ui", "tests")
TEMPLATES = ("annotary/demo/templates", "workers_ui/templates", "tests/ui/pages")
TEMPLATE_LINE = 200


def main(arguments: list[str]) -> int:
    checks = _checks()
    unknown = [name for name in arguments if name not in checks]
    if unknown:
        print(f"No such check: {', '.join(unknown)}. Available checks: {', '.join(checks)}.", file=sys.stderr)
        return 2
    failed = [name for name in arguments or checks if not _passes(name, checks[name])]
    print(f"Failed: {', '.join(failed)}." if failed else "All checks passed.", flush=True)
    return 1 if failed else 0


def _checks() -> dict[str, Callable[[], bool]]:
    tools = Path(sys.executable).parent
    sources = [source for source in SOURCES if (ROOT / source).exists()]
    variables = {**os.environ, "PYTHONPATH": python_path(), "DJANGO_SETTINGS_MODULE": "annotary.settings.test"}

    def command(*parts: str) -> Callable[[], bool]:
        return lambda: _run(parts, variables)

    return {
        "style": command(str(tools / "ruff"), "check", *sources),
        "format": command(str(tools / "ruff"), "format", "--check", *sources),
        "types": command(str(tools / "mypy"), *sources),
        "imports": command(str(tools / "lint-imports")),
        "browser": lambda: _browser(str(tools / "biome"), variables),
        "bundles": _bundles,
        "units": lambda: _browser_units(variables),
        "templates": command(str(tools / "djlint"), "--lint", "--quiet", *TEMPLATES),
        "lines": _template_lines,
        "migrations": lambda: _migrations(variables),
    }


def _browser(biome: str, variables: dict[str, str]) -> bool:
    """Biome's rules and format for JavaScript and CSS; its wheel exists for Linux on x86-64 alone."""
    if not Path(biome).exists():
        return _is_missing("Biome")
    return _run((biome, "check", "--error-on-warnings"), variables)


def _bundles() -> bool:
    """That the bundles that pages load are built from the present sources; Bun's wheel exists for x86-64 alone."""
    if not bundles.bundler().exists():
        return _is_missing("Bun")
    return bundles.main(["--check"]) == 0


def _browser_units(variables: dict[str, str]) -> bool:
    """The tests of browser modules that need no browser."""
    node = shutil.which("node")
    if node is None:
        return _is_missing("Node.js")
    tests = sorted(str(path) for path in (ROOT / "tests/browser_unit").glob("*.test.mjs"))
    return bool(tests) and _run((node, "--test", "--test-reporter=spec", *tests), variables)


def _template_lines() -> bool:
    long = [
        f"{path.relative_to(ROOT)}:{number}: {len(line)} characters, at most {TEMPLATE_LINE}"
        for folder in TEMPLATES
        for path in sorted((ROOT / folder).rglob("*.html"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > TEMPLATE_LINE
    ]
    for line in long:
        print(line)
    return not long


def _migrations(variables: dict[str, str]) -> bool:
    stores = TemporaryStores()
    try:
        command = (sys.executable, "-m", "django", "makemigrations", "--check", "--dry-run")
        return _run(command, {**variables, **stores.environment})
    finally:
        stores.close()


def _is_missing(tool: str) -> bool:
    """Whether to go on without a tool: on a developer's machine, but not in CI."""
    in_ci = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
    print(f"{tool} is not installed; {'CI needs it' if in_ci else 'skipped'}.")
    return not in_ci


def _run(command: tuple[str, ...], variables: dict[str, str]) -> bool:
    return subprocess.run(command, check=False, cwd=ROOT, env=variables).returncode == 0


def _passes(name: str, check: Callable[[], bool]) -> bool:
    began = time.monotonic()
    passed = check()
    print(f"{name}: {'ok' if passed else 'failed'} ({time.monotonic() - began:.1f} s)\n", flush=True)
    return passed
