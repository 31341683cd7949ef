#!/usr/bin/env python3
"""Fetch the browser libraries from npm as plain files, pinned by version and hash.

    python3 deploy/vendor_browser_libs.py           fetch, verify and write the files
    python3 deploy/vendor_browser_libs.py --check   verify the committed files, without a network

Needs only the standard library and the npm client. The archive's SHA-512 is npm's own integrity value. manifest.json
records the SHA-256 of each written file, so that ``--check`` and the tests detect files that were edited by hand.
To upgrade, change the pin, run the script, read the diff, and commit both.
"""

import argparse
import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "workers_ui" / "static" / "workers_ui" / "vendor"
# Source maps are not vendored, and Django's manifest storage fails on references to missing files.
SOURCE_MAP = re.compile(rb"^(?://|/\*)# sourceMappingURL=.*$", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """One npm package: its archive's SHA-512 (base64), its SPDX license, and the files taken from it."""

    package: str
    version: str
    sha512: str
    licence: str
    files: tuple[str, ...]

    @property
    def folder(self) -> str:
        return f"{self.package.rsplit('/', 1)[-1]}-{self.version}"


PINS = (
    Pin(
        "konva",
        "10.9.1",
        "m49x+GatSxEUSvqahYhxpTjgKbtrLtw4P4o4B4iux953ZFpceaK52Ea+CFsAsd7W4I0Y5u6mMoRUsY/eltNZmw==",
        "MIT",
        # The modules that the canvas imports, and what they import; half of Konva are shapes and filters.
        (
            *(
                f"lib/{name}.js"
                for name in (
                    *("Canvas", "Container", "Context", "DragAndDrop", "Factory", "Global", "Layer", "Node"),
                    *("PointerEvents", "Shape", "Stage", "Util", "Validators", "shapes/Image"),
                )
            ),
            "LICENSE",
        ),
    ),
    Pin(
        "uplot",
        "1.6.32",
        "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        "MIT",
        ("dist/uPlot.esm.js", "dist/uPlot.min.css", "LICENSE"),
    ),
    Pin(
        "@picocss/pico",
        "2.1.1",
        "kIDugA7Ps4U+2BHxiNHmvgPIQDWPDU4IeU6TNRdvXQM1uZX+FibqDQT2xUOnnO2yq/LUHcwnGlu1hvf4KfXnMg==",
        "MIT",
        ("css/pico.min.css", "LICENSE.md"),
    ),
    Pin(
        "idb",
        "8.0.4",
        "jd0ITCrN+Zah4J7R/Z2jnR3W7A4BXDAjmo62MwWuSjxCiueUAf7X5rbodEdidWzeknwXHmLpdZkoiiCppNi30Q==",
        "ISC",
        ("build/index.js", "LICENSE"),
    ),
)


class VendorError(Exception):
    """A pinned library could not be fetched or does not match its pin."""


def pack(pin: Pin, into: Path) -> Path:
    """Download the package's archive with npm and verify it. Raises VendorError."""
    npm = shutil.which("npm")
    if npm is None:
        raise VendorError("npm was not found: install it, or keep the committed files (--check does not need npm).")
    command = [npm, "pack", f"{pin.package}@{pin.version}", "--pack-destination", str(into), "--silent"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 (pins only)
    if done.returncode != 0:
        raise VendorError(f"npm could not fetch {pin.package} {pin.version}: {done.stderr.strip()[-300:]}")
    archive = into / done.stdout.strip().splitlines()[-1]
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != pin.sha512:
        raise VendorError(f"{pin.package} {pin.version} does not match its pin: do not use it until you know why.")
    return archive


def extract(pin: Pin, archive: Path) -> dict[str, bytes]:
    """Return the pinned files of an archive, by base name; modules in lib/ keep their paths, which name each other."""
    with tarfile.open(archive) as opened:
        contents: dict[str, bytes] = {}
        for name in pin.files:
            member = opened.extractfile(f"package/{name}")
            if member is None:
                raise VendorError(f"{pin.package} {pin.version} contains no file {name}: correct the pin's file list.")
            contents[name if name.startswith("lib/") else Path(name).name] = SOURCE_MAP.sub(b"", member.read())
    return contents


def fetch() -> None:
    """Write every pinned library and the manifest; folders of other versions are removed."""
    entries: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for pin in PINS:
            files = extract(pin, pack(pin, Path(scratch)))
            folder = VENDOR / pin.folder
            shutil.rmtree(folder, ignore_errors=True)
            for name, content in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
                entries.append(
                    {
                        "name": pin.package,
                        "version": pin.version,
                        "file": f"{pin.folder}/{name}",
                        "sha256": hashlib.sha256(content).hexdigest(),
                        "licence": pin.licence,
                    }
                )
    for folder in VENDOR.iterdir():
        if folder.is_dir() and folder.name not in {pin.folder for pin in PINS}:
            shutil.rmtree(folder)
    (VENDOR / "manifest.json").write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def problems() -> list[str]:
    """Return the differences between the committed files and manifest.json, one sentence each; empty if none."""
    entries = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))
    listed = {entry["file"]: entry["sha256"] for entry in entries}
    present = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()} - {"manifest.json"}
    differences = [f"{name} is in the folder but not in manifest.json." for name in sorted(present - listed.keys())]
    for name, expected in listed.items():
        if name not in present:
            differences.append(f"{name} is missing.")
        elif hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() != expected:
            differences.append(f"{name} was modified.")
    return differences


def main() -> int:
    parser = argparse.ArgumentParser(description="Vendor the browser libraries.")
    parser.add_argument("--check", action="store_true", help="verify the committed files, without a network")
    try:
        if not parser.parse_args().check:
            fetch()
        differences = problems()
    except VendorError as error:
        differences = [str(error)]
    for line in differences:
        sys.stderr.write(f"{line}\n")
    if not differences:
        sys.stdout.write(f"{len(PINS)} libraries match their hashes.\n")
    return 1 if differences else 0


if __name__ == "__main__":
    raise SystemExit(main())
