"""`manage.py bundle`: builds the browser code that pages load, one script and one style sheet for each kind of page.

The sources are the entries in workers_ui/static/workers_ui/entries and what they import. The bundles are committed, so
an installation needs no JavaScript tools. `--check` compares them with the sources, byte for byte; `--watch` builds
again when a source changes.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from annotary.runtime.source_roots import ROOT

STATIC = ROOT / "workers_ui" / "static" / "workers_ui"
ENTRIES, BUNDLES = STATIC / "entries", STATIC / "bundles"
SCRIPTS = ("theme_early", "site", "set", "attempt", "manage", "canvas", "charts")
STYLES = ("site", "set", "manage")
IMPORT = re.compile(r'^@import url\("([^"]+)"\);$', re.MULTILINE)
# What a style sheet may lose: comments, line breaks and indentation, never anything in quotation marks.
STYLE_TOKEN = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|/\*.*?\*/|\s*([{};,])\s*|\s+""", re.DOTALL)
NOTICE = "Licenses of the libraries in this file: licenses.txt in the same folder."


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py bundle", description="Build the browser code that pages load.")
    parser.add_argument("--check", action="store_true", help="only compare the committed bundles with the sources")
    parser.add_argument("--watch", action="store_true", help="build again whenever a source changes")
    options = parser.parse_args(arguments)
    if options.check:
        stale = outdated()
        if stale:
            print(f"Not built from the present sources: {', '.join(stale)}. Run: python3 manage.py bundle")
        return 1 if stale else 0
    write()
    while options.watch:
        before = _changed()
        time.sleep(0.3)
        if _changed() != before:
            write()
    return 0


def bundler() -> Path:
    """Bun's binary from its wheel, which exists for Linux, as Biome's does."""
    return Path(sys.executable).parent / "bun"


def build() -> dict[str, bytes]:
    """Return every bundle by its file name. Raises CalledProcessError if a script has an error."""
    with tempfile.TemporaryDirectory() as folder:
        built = {f"{name}.js": _script(name, Path(folder)) for name in SCRIPTS}
    built |= {f"{name}.css": _style(ENTRIES / f"{name}.css").encode() for name in STYLES}
    built["licenses.txt"] = _licenses().encode()
    return built


def write() -> None:
    try:
        built = build()
    except subprocess.CalledProcessError as error:
        print(error.stderr.decode(), file=sys.stderr)
        return
    BUNDLES.mkdir(exist_ok=True)
    for path in BUNDLES.iterdir():
        if path.name not in built:
            path.unlink()
    for name, content in built.items():
        (BUNDLES / name).write_bytes(content)
    print(f"Built {', '.join(f'{name} ({len(content):,} B)' for name, content in built.items())}.", flush=True)


def outdated() -> list[str]:
    """Return the names of committed bundles that differ from what the sources give, or that no source has."""
    built = build()
    present = {path.name: path.read_bytes() for path in BUNDLES.iterdir()} if BUNDLES.exists() else {}
    return sorted(name for name in built.keys() | present.keys() if built.get(name) != present.get(name))


def _script(name: str, folder: Path) -> bytes:
    """One self-contained module: a page asks for one file, and nothing later on that an upgrade could remove."""
    target = folder / f"{name}.js"
    command = [str(bundler()), "build", str(ENTRIES / f"{name}.js"), "--minify", "--target=browser"]
    # The early script is a classic one: a module would run after the first paint.
    command += ["--format=iife" if name == "theme_early" else "--format=esm"]
    command += [f"--banner=/* {NOTICE} */", f"--outfile={target}"]
    subprocess.run(command, check=True, capture_output=True, cwd=STATIC)
    return target.read_bytes()


def _style(entry: Path) -> str:
    text = IMPORT.sub(lambda match: (entry.parent / match[1]).read_text(encoding="utf-8"), entry.read_text())
    # A character set may be named only at the beginning, and the server names it in the header.
    text = text.replace("\ufeff", "").replace('@charset "UTF-8";', "")
    return f"/* {NOTICE} */\n{STYLE_TOKEN.sub(_shorter, text).strip()}\n"


def _shorter(match: re.Match[str]) -> str:
    quoted, sign = match.groups()
    if quoted or sign:
        return quoted or sign
    return "" if match[0].startswith("/*") else " "


def _licenses() -> str:
    files = sorted(path for path in (STATIC / "vendor").glob("*/LICENSE*"))
    return "\n".join(f"{path.parent.name}\n\n{path.read_text(encoding='utf-8').strip()}\n" for path in files)


def _changed() -> float:
    return max(path.stat().st_mtime for path in STATIC.rglob("*") if BUNDLES not in path.parents and path.is_file())
