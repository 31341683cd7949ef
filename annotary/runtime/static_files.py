"""Collects the static files of `up` into the data folder, with hashed names and compressed, once for each version."""

import hashlib
from pathlib import Path

from annotary.runtime import files, services
from annotary.runtime.bundles import STATIC
from annotary.runtime.paths import DataPaths
from annotary.runtime.process import Service
from annotary.runtime.source_roots import ROOT


def collecting(paths: DataPaths, environment: dict[str, str]) -> Service | None:
    """Return the step that collects them, or None if that was done for the same files or pages load the sources."""
    if environment.get("ANNOTARY_BROWSER_SOURCES"):
        return None
    if _stamp(paths).exists() and _stamp(paths).read_text(errors="replace") == _fingerprint():
        return None
    return services.static_files(paths, environment)


def collected(paths: DataPaths) -> None:
    """Remember that the step has succeeded."""
    files.write_private(_stamp(paths), _fingerprint())


def _stamp(paths: DataPaths) -> Path:
    # In the folder that it vouches for, so that both are lost together.
    return paths.data / "static" / "collected"


def _fingerprint() -> str:
    """Hash our files and the lock file, which pins everyone else's."""
    digest = hashlib.sha256((ROOT / "requirements" / "runtime.txt").read_bytes())
    for file in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(STATIC)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
