"""Formats and readers run without Django, a database or settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_formats_and_readers_import_no_django() -> None:
    code = (
        "import sys; sys.path[:0] = ['platform', '.']\n"
        "import annotary_core.formats.registry, annotary_core.formats.readers\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('django', 'celery', 'PIL')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
