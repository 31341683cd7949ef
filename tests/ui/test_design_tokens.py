"""Text is readable in both themes: every pair of colors that meets on a page has the contrast required by WCAG 2 AA."""

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[2] / "workers_ui/static/workers_ui/css/tokens.css"
PAPERS = ("paper", "paper-raised", "paper-sunken")
TEXT = 4.5
GRAPHICS = 3.0


def colors(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


def themes() -> dict[str, dict[str, str]]:
    text = TOKENS.read_text()
    light, system_dark, chosen_dark = (colors(part) for part in re.split(r"^ +color-scheme: ", text, flags=re.M)[1:4])
    return {"light": light, "dark by the system": system_dark, "dark by choice": chosen_dark}


def luminance(color: str) -> float:
    parts = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", themes())
def test_text_is_readable_on_every_paper(theme: str) -> None:
    palette = themes()[theme]
    pairs = [(ink, paper) for ink in ("ink", "ink-soft", "ok", "warn", "bad", "gold") for paper in PAPERS]
    pairs += [(state, f"{state}-wash") for state in ("ok", "warn", "bad", "gold")]
    pairs += [("ink", f"{state}-wash") for state in ("ok", "warn", "bad", "gold")]
    pairs += [("ink-faint", paper) for paper in ("paper", "paper-raised")]
    poor = {pair: round(contrast(palette[pair[0]], palette[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < TEXT} == {}


@pytest.mark.parametrize("theme", themes())
def test_borders_of_fields_and_buttons_can_be_seen(theme: str) -> None:
    palette = themes()[theme]
    ratios = {paper: round(contrast(palette["rule-strong"], palette[paper]), 2) for paper in ("paper", "paper-raised")}
    assert {paper: ratio for paper, ratio in ratios.items() if ratio < GRAPHICS} == {}


def test_dark_is_the_same_by_the_system_and_by_choice() -> None:
    palettes = themes()
    assert palettes["dark by the system"] == palettes["dark by choice"]
