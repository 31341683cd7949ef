"""Static files: hashed names, compressed once, and cached by browsers for good."""

import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from django.contrib.staticfiles.finders import AppDirectoriesFinder
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

HASHED = re.compile(r"\.[0-9a-f]{12}\.[a-z0-9]+$")
IMMUTABLE = "public, max-age=31536000, immutable"
KEPT_SECONDS = 30 * 24 * 3600
#: The sources of the bundles, which no page loads.
SOURCES = ("annotate", "canvas", "controllers", "css", "entries", "lib", "vendor")
#: Of other applications, whose pages this site replaces by its own.
UNUSED = ("rest_framework/*", "account/*")


class LoadedFilesFinder(AppDirectoriesFinder):
    """Finds what pages load, and so leaves the sources of the bundles out when static files are collected."""

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        sources = [f"workers_ui/{folder}/*" for folder in SOURCES]
        return super().list([*(ignore_patterns or ()), *sources, *UNUSED])


class HashedFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    """Collected files under hashed names, with brotli and gzip versions of each.

    The files of earlier versions stay for a month after they were replaced, so that a page loaded before an upgrade
    still finds its own, and so do processes that have not been restarted yet.
    """

    def post_process(self, *args: Any, **options: Any) -> Iterator[Any]:
        if not options.get("dry_run"):
            touch_current(Path(self.location))
        yield from super().post_process(*args, **options)
        if not options.get("dry_run"):
            remove_unused(Path(self.location), older_than=time.time() - KEPT_SECONDS)


def touch_current(folder: Path) -> None:
    """Set the times of the files that the manifest in the folder names, so that their age counts from now."""
    manifest = folder / "staticfiles.json"
    if not manifest.exists():
        return
    for name in json.loads(manifest.read_text())["paths"].values():
        for path in (folder / name, folder / f"{name}.gz", folder / f"{name}.br"):
            if path.exists():
                os.utime(path)


def remove_unused(folder: Path, *, older_than: float) -> None:
    """Delete what the manifest in the folder does not name, once its time is before `older_than` (seconds)."""
    current = set(json.loads((folder / "staticfiles.json").read_text())["paths"].values())
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or name == "staticfiles.json" or name.removesuffix(".gz").removesuffix(".br") in current:
            continue
        if path.stat().st_mtime < older_than:
            path.unlink()


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise ships no types
    """Serves static files, and lets browsers keep those with a hashed name, of earlier versions too."""

    def immutable_file_test(self, path: str, url: str) -> bool:
        return HASHED.search(PurePosixPath(url).name) is not None

    def add_cache_headers(self, headers: Any, path: str, url: str) -> None:
        super().add_cache_headers(headers, path, url)
        if self.immutable_file_test(path, url):
            headers["Cache-Control"] = IMMUTABLE
