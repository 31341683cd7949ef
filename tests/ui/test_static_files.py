"""Static files as served: unmodified libraries, hashed names, a script size budget, nothing inline."""

import gzip
import re
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage

from annotary.staticfiles import ModuleManifestStorage
from deploy.vendor_browser_libs import problems

UI = Path(__file__).resolve().parents[2] / "workers_ui"
STATIC = UI / "static"
OURS = STATIC / "workers_ui"
BUDGET = 150_000


def test_the_vendored_libraries_are_what_npm_published() -> None:
    assert problems() == []


def test_modules_find_each_other_under_their_hashed_names(tmp_path: Path) -> None:
    storage = ModuleManifestStorage(location=str(tmp_path), base_url="/static/")
    source = FileSystemStorage(location=str(STATIC))
    names = [path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()]
    for name in names:
        with source.open(name) as opened:
            storage.save(name, opened)
    for name, _, processed in storage.post_process({name: (source, name) for name in names}):
        assert not isinstance(processed, Exception), f"{name}: {processed}"
    registry = (tmp_path / storage.stored_name("workers_ui/controllers/registry.js")).read_text()
    found = re.findall(r'import\("(\.[^"]+)"\)', registry)
    assert len(found) == registry.count("import(")
    for name in found:
        assert re.search(r"\.[0-9a-f]{12}\.js$", name)
        assert (tmp_path / "workers_ui/controllers" / name).is_file()


def test_the_worker_page_needs_at_most_150_kilobytes_of_script() -> None:
    """Everything that the labeling page loads, compressed as it travels; the chart is a manager's."""
    scripts = [path for path in OURS.rglob("*.js") if "uplot" not in path.as_posix()]
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in scripts) < BUDGET


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
