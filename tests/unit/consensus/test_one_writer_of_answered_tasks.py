"""Only one function makes an open task answered, and only named ones change how many answers a task gets."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotary.runtime.source_roots import ROOT

#: Who writes `Task.State.ANSWERED` to a row. `_drop_stale` returns approved labels to the review queue.
ANSWERED = {("consensus/services.py", "_apply_steps"), ("review/services.py", "_drop_stale")}
#: Who writes `wanted` of tasks or batches, in Python or SQL: new tasks, new rounds, a manager's policy and approval,
#: and repairs and changes of classes, which open and close many slots in one step.
WANTED = {
    ("batching/services.py", "change_wanted"),
    ("batching/services.py", "close_answered_slots"),
    ("batching/services.py", "_task"),
    ("batching/services.py", "_add_slots"),
    ("batching/answers_wanted.py", ""),
    ("consensus/asking_again.py", ""),
    ("flow/rejection.py", "_begin_round"),
    ("flow/image_state.py", "change_slots"),
}
#: Who calls the function that changes it: because of answers, because an image becomes a check image, or because a
#: manager decides about an image that many skipped.
CALLERS = {
    ("consensus/services.py", "_apply_steps"),
    ("batching/services.py", "close_slots"),
    ("flow/set_aside.py", "_offer"),
    ("flow/set_aside.py", "_leave_out"),
}

Location = tuple[str, str]


def writes(source: str) -> Iterator[tuple[str, str]]:
    """Yield (what is written, function) for every write of a task's state `answered` or of `wanted`."""
    for function, node in _nodes(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "change_wanted":
                yield "caller", function
            if name in {"update", "create", "Task", "Batch", "get_or_create", "update_or_create"}:
                for keyword in node.keywords:
                    if keyword.arg == "wanted":
                        yield "wanted", function
                    if keyword.arg == "state" and _is_answered(keyword.value):
                        yield "answered", function
        elif isinstance(node, ast.Dict):
            if any(isinstance(key, ast.Constant) and key.value == "wanted" for key in node.keys):
                yield "dict", function
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr == "wanted":
                    yield "wanted", function
                if isinstance(target, ast.Attribute) and target.attr == "state" and _is_answered(node.value):
                    yield "answered", function
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            statement = " ".join(node.value.split())
            if "SET wanted =" in statement or ", wanted =" in statement:
                yield "wanted", function
            if "state = 'answered'" in statement and "SET" in statement:
                yield "answered", function


def _nodes(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(tree):
        inside = child.name if isinstance(child, ast.FunctionDef) else function
        yield inside, child
        yield from _nodes(child, inside)


def _is_answered(value: ast.AST) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "ANSWERED")
        or (isinstance(node, ast.Constant) and node.value == "answered")
        for node in ast.walk(value)
    )


def found(what: str) -> set[Location]:
    folder = ROOT / "tasks"
    files = [path for path in folder.rglob("*.py") if "migrations" not in path.parts]
    assert files
    return {
        (path.relative_to(folder).as_posix(), function)
        for path in files
        for kind, function in writes(path.read_text(encoding="utf-8"))
        if kind == what
    }


def test_one_function_makes_an_open_task_answered() -> None:
    assert found("answered") == ANSWERED


def test_the_number_of_answers_is_changed_where_it_is_decided() -> None:
    in_dicts = {location for location in found("dict") if location == ("batching/services.py", "change_wanted")}
    assert found("wanted") | in_dicts == WANTED
    assert found("caller") == CALLERS


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def f(): Task.objects.filter(pk=1).update(state=Task.State.ANSWERED)", "answered"),
        ("def f(): task.state = 'answered'", "answered"),
        ("SQL = \"UPDATE tasks_task SET state = 'answered'\"", "answered"),
        ("def f(): Task.objects.update(wanted=F('wanted') + 1)", "wanted"),
        ("SQL = 'UPDATE tasks_task t SET wanted = 1'", "wanted"),
        ("def f(): change_wanted(task=task, to=3)", "caller"),
    ],
)
def test_such_a_write_is_found(source: str, kind: str) -> None:
    assert [what for what, _ in writes(source)] == [kind]


def test_it_lies_in_the_pipeline() -> None:
    """Nothing above the pipeline writes tasks: pages and the demo use its services."""
    for folder in ("workers_ui", "annotary"):
        for path in Path(ROOT / folder).rglob("*.py"):
            kinds = {kind for kind, _ in writes(path.read_text(encoding="utf-8"))}
            assert not kinds & {"answered", "wanted", "caller"}, path
