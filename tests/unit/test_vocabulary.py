"""Things are called what the field calls them: the names that were replaced do not come back."""

import ast
import re
import subprocess
from pathlib import Path

from annotary.runtime.source_roots import ROOT

# An installation made before the names changed is made by the old code, which the upgrade test names in strings.
# Code of others, and bundles of it with ours.
BUILT = re.compile(r"/(vendor|bundles)/")
EXEMPT = ("tests/upgrade/",)
AGGREGATION = "platform/annotary_core/aggregation/"

#: Stems of modules, by the folder in which they were replaced ("" is everywhere).
MODULES: dict[str, set[str]] = {
    "": {
        *("agreeing", "agreeing_figures", "learnt", "staying", "stays", "drawn", "played", "replaying", "judging"),
        *("taking", "takers", "settling", "sweeping", "predicting", "fitting", "refitting", "asking", "redo"),
        *("unstick",),
        *("coins", "coded", "climb", "passes", "outcome", "cells", "columns", "ties", "lots", "kinds"),
        *("areas", "sightings", "witnesses", "looks", "stray", "known", "crowds", "arrivals", "joining", "tally"),
        *("keeper", "guise", "places", "leftovers", "plan", "throwaway", "knowledge", "answering"),
        *("words", "behind", "desk", "offers", "reading", "figures", "checks", "spool", "truth", "doubt"),
        *("cast", "worklife", "together", "meanwhile", "wandering", "agreed", "world", "consensus_rows"),
    },
    AGGREGATION: {"state", "cold", "scoring", "box_clustering"},
    "annotary/runtime/": {"service", "runtime", "embedded"},
    "annotary/demo/": {"line", "people", "stages"},
    "tasks/consensus/": {"rows", "changes"},
    "workers_ui/views/": {"shell", "steps"},
    "workers_ui/static/": {"dial", "loupe", "picture", "binder", "check_desk", "box_canvas"},
}

#: Classes, functions and attributes.
IDENTIFIERS = {
    *("Ground", "ground_of", "Learnt", "learnt_of", "moved_by", "Drawn", "Spool", "Spools", "Somebody", "wants_more"),
    *("Predicted", "read_material", "Material", "Coins", "BetaCoins", "Coded", "Whole", "Climb", "Scored"),
    *("BlendState", "Sightings", "Witnesses", "Arrivals", "TruthBox", "TruthRecord", "Taken", "Judged", "Takers"),
    *("take_item",),
    *("Pinned", "Terms", "Exhaustion", "Places", "Place", "ThrowAway", "Guise", "Meanwhile", "Stages", "Desk", "Offer"),
    *("unstick", "waiting_for_nobody", "stop_asking", "ask_no_more", "ask_refit", "agree", "stays", "climb", "lots"),
    *("Tally", "NameBook", "BoxClustering", "BoxAnswers", "coin_rows", "cold_blend", "note_gold", "offer_again"),
}

#: Parameters that name neither a thing nor a kind of thing.
PARAMETERS = {"told", "said", "given", "found", "asked", "mark"}
#: Arguments of jobs are names on the wire: rows queued by an older version carry them.
ON_THE_WIRE = {("tasks/analytics/jobs.py", "asked")}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.splitlines() if not name.startswith(EXEMPT) and not BUILT.search(name)]
    assert names
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_no_module_has_a_name_that_was_replaced() -> None:
    found = []
    for path in tracked("*.py", "*.js", "*.mjs"):
        relative = path.relative_to(ROOT).as_posix()
        stem = path.name.split(".")[0]
        parents = set(path.relative_to(ROOT).parts[:-1])
        for folder, stems in MODULES.items():
            if relative.startswith(folder) and (stem in stems or (not folder and parents & stems)):
                found.append(relative)
    assert found == [], "\n".join(found)


def test_the_browser_s_set_page_is_a_folder() -> None:
    assert [path.name for path in tracked("workers_ui/static/*.js") if path.name.startswith("set_")] == [
        "set_controller.js"
    ]


def test_no_definition_or_parameter_has_a_name_that_was_replaced() -> None:
    found = []
    for path in tracked("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name in IDENTIFIERS:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
            on_the_wire = isinstance(node, ast.arg) and (path.relative_to(ROOT).as_posix(), node.arg) in ON_THE_WIRE
            if isinstance(node, ast.arg) and node.arg in PARAMETERS and not on_the_wire:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} parameter {node.arg}")
    assert found == [], "\n".join(found)


def test_spelling_is_american_in_what_people_read() -> None:
    british = re.compile(
        r"\b(labell(ed|ing)|cancell(ed|ing)|colou?rs?(?<!color)(?<!colors)|organis(e|ed|ation|ations)|recognis(e|ed)"
        r"|neighbour|behaviour|centre|licen[c]e)\b"
    )
    found = []
    for path in tracked("*.md", "workers_ui/templates/*.html", "*.js"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            prose = re.sub(r"`[^`]*`|\{\{.*?\}\}|\{%.*?%\}|\b\w+[._]\w+(\.\w+)*\b|\"\w+\":|[\w-]+=\"[^\"]*\"", "", line)
            if path.suffix == ".js":
                prose = " ".join(re.findall(r"//.*|\"[^\"]* [^\"]*\"|`[^`]* [^`]*`", line))
            if british.search(prose):
                found.append(f"{path.relative_to(ROOT)}:{number} {prose.strip()[:90]}")
    assert found == [], "\n".join(found)
