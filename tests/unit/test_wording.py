"""What people read: US spelling, and no number in front of a plural that is wrong for 1."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from annotary_core.wording import format_count

ROOT = Path(__file__).resolve().parents[2]
CODE = ("annotary", "platform", "tasks", "workers_ui")
NOT_OURS = ("vendor", "bundles", "migrations")

BRITISH = re.compile(
    r"\b(?:\w*labell(?:ed|ing|er)|\w*colour\w*|organis\w+|behaviour\w*|cancell(?:ed|ing)|catalogue\w*|centred?|favour\w*"
    r"|grey\w*|licenc\w*|modell(?:ed|ing)|\w*neighbour\w*|travell(?:ed|ing|er)|learnt|whilst|judgement\w*|defence"
    r"|artefact\w*|programmes?|fulfil|enrol|analys(?:e|es|ed|ing)|honour\w*|signall(?:ed|ing)|spelt|e-mails?"
    r"|(?:normal|initial|serial|optim|summar|recogn|minim|maxim|visual|general|token|categor|author|util)is\w+)\b",
    re.IGNORECASE,
)
#: Sentences about a limit, and ranges, count more than one.
NEVER_ONE = re.compile(r"\b[A-Z_]{3,}\b|limit|max_|most|more than|Shorten|\} to \{")
#: Nouns that our sentences count.
NOUNS = (
    "answers|batches|boxes|cells|changes|characters|checks|classes|columns|days|entries|files|folders|hours|images|keys"
    "|labels|links|members|minutes|objects|pages|parameters|people|points|projects|releases|rows|scenes|seconds"
    "|sets|shapes|tasks|ties|votes|workers"
)
ADJECTIVE = r"(?:(?!of|by|in|on|to|at|what|still|separates)[a-z]+ )?"
COUNTED = re.compile(rf"^ {ADJECTIVE}(?:{NOUNS})\b")
IN_TEMPLATES = re.compile(rf"(?<!percent )(?<!\" )\}}\}}(?:</b>)? {ADJECTIVE}(?:{NOUNS})\b")
IN_SCRIPTS = re.compile(rf"\$\{{[^A-Z}}][^}}]*\}} {ADJECTIVE}(?:{NOUNS})\b")


def files(*endings: str) -> Iterator[Path]:
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in endings and not set(path.parts) & set(NOT_OURS):
                yield path


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sentences() -> Iterator[tuple[str, str]]:
    """Yield all text that may be read, each with where it is: strings with a space, and templates without markup."""
    for path in files(".py"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for path in [*files(".html", ".txt", ".js"), *documents]:
        markup = r"```.*?```|`[^`]*`" if path.suffix == ".md" else r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>"
        yield str(path.relative_to(ROOT)), re.sub(markup, " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def british(text: str) -> list[str]:
    """Return the words in British spelling; identifiers, which are part of the API and of SQL, keep theirs."""
    words = re.sub(r"\w*_\w*|[\w/}]*[./]\w+|\{\w+\}|[\"']\w+[\"']", " ", text)
    return BRITISH.findall(words)


def test_what_people_read_has_us_spelling() -> None:
    assert [(place, found) for place, text in sentences() if (found := british(text))] == []


@pytest.mark.parametrize(
    "word", ["labelled", "Unlabelled", "colour", "organisation", "cancelled", "normalised", "E-mail"]
)
def test_british_spelling_is_found(word: str) -> None:
    assert british(f"This is {word} here.") == [word]


@pytest.mark.parametrize(
    "text", ["promised", "o.organisation_id = 1", "labeled colors", "a precise analysis", "{colour}"]
)
def test_other_words_are_not(text: str) -> None:
    assert british(text) == []


def wrong_plurals(path: Path) -> Iterator[str]:
    """Yield the places of f-strings that put a number before a plural; a constant, or a decimal, is never just 1."""
    tree = tree_of(path)
    guarded = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.IfExp) and re.search(r"== '?1|> 1", ast.unparse(node.test))
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr) or id(node) in guarded:
            continue
        for number, noun in zip(node.values, node.values[1:], strict=False):
            if not isinstance(number, ast.FormattedValue) or not isinstance(noun, ast.Constant):
                continue
            source = ast.unparse(number.value)
            decimal = number.format_spec is not None and "." in ast.unparse(number.format_spec)
            words = str(noun.value)
            if COUNTED.match(words) and not decimal and not NEVER_ONE.search(ast.unparse(node)):
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {{{source}}}{words[:30]}"


def test_no_number_stands_before_a_fixed_plural() -> None:
    assert [place for path in files(".py") for place in wrong_plurals(path)] == []


@pytest.mark.parametrize(("ending", "pattern"), [(".html", IN_TEMPLATES), (".txt", IN_TEMPLATES), (".js", IN_SCRIPTS)])
def test_nor_in_templates_and_scripts(ending: str, pattern: re.Pattern[str]) -> None:
    lines = [
        (f"{path.relative_to(ROOT)}:{number}", line)
        for path in files(ending)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    ]
    assert [place for place, line in lines if pattern.search(line) and "=== 1" not in line] == []


def test_a_wrong_plural_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    module = tmp_path / "module.py"
    module.write_text('a = f"{n} workers"\nb = f"{n} new images"\nc = f"{MAX_DAYS} days"\nd = f"{n:.1f} days"\n')
    assert [place.partition(": ")[0] for place in wrong_plurals(module)] == ["module.py:1", "module.py:2"]
    assert IN_TEMPLATES.search("{{ count }} answers")
    assert not IN_TEMPLATES.search("{{ count }} answer{{ count|pluralize }}")


def test_a_count_has_its_noun() -> None:
    assert [format_count(n, "box", "boxes") for n in (0, 1, 1200)] == ["0 boxes", "1 box", "1,200 boxes"]
    assert format_count(2, "worker") == "2 workers"
