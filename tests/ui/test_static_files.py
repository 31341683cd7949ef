"""The committed static files: unmodified libraries, current and small bundles, nothing inline."""

import re
from pathlib import Path

import brotli
import pytest

from annotary.runtime import bundles
from deploy.vendor_browser_libs import problems

UI = Path(__file__).resolve().parents[2] / "workers_ui"
STATIC = UI / "static"
OURS = STATIC / "workers_ui"
BUDGET = 80_000


def test_the_vendored_libraries_are_what_npm_published() -> None:
    assert problems() == []


@pytest.mark.skipif(not bundles.bundler().exists(), reason="Bun's wheel exists for Linux on x86-64 alone")
def test_the_bundles_are_built_from_the_present_sources() -> None:
    assert bundles.outdated() == []


def test_a_bundle_asks_for_no_other_file() -> None:
    """What a page would load later on could be gone after an upgrade."""
    for path in bundles.BUNDLES.glob("*.js"):
        assert not re.search(r"(?:^|[;}])import\s*[{\"'*]|\bimport\(", path.read_text(), re.MULTILINE), path.name
    for path in bundles.BUNDLES.glob("*.css"):
        assert not re.search(r"@import|url\((?![\"']?data:)", path.read_text()), path.name


@pytest.mark.parametrize("name", ["site", "set", "manage", "canvas", "charts"])
def test_a_page_needs_at_most_80_kilobytes_of_script_and_style(name: str) -> None:
    style = name if name in bundles.STYLES else "manage"
    files = [bundles.BUNDLES / f"{name}.js", bundles.BUNDLES / f"{style}.css"]
    assert sum(len(brotli.compress(path.read_bytes())) for path in files) < BUDGET


@pytest.mark.parametrize("path", sorted((UI / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_a_template_holds_no_inline_script_style_or_handler(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\b(src=|type=\"application/json\"))", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|https?://", text)


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    known = set(re.findall(r'<symbol id="([a-z]+)"', (OURS / "icons.svg").read_text()))
    named = set()
    for path in (UI / "templates").rglob("*.html"):
        named |= set(re.findall(r'icon\.html" with name="([a-z]+)"', path.read_text()))
        named |= set(re.findall(r"icons\.svg' %}#([a-z]+)\"", path.read_text()))
    assert named - known == set()
