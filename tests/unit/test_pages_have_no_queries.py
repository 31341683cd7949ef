"""Pages ask selectors: no module of workers_ui builds or runs a query of its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

UI = Path(__file__).resolve().parents[2] / "workers_ui"

MANAGERS = {"objects", "_default_manager", "_base_manager"}
SHORTCUTS = {"get_object_or_404", "get_list_or_404", "aget_object_or_404", "aget_list_or_404"}
#: Methods of querysets, managers and models that no other type used in pages has.
QUERY_METHODS = {
    "aggregate",
    "annotate",
    "bulk_create",
    "bulk_update",
    "defer",
    "distinct",
    "exclude",
    "exists",
    "filter",
    "get_or_create",
    "in_bulk",
    "order_by",
    "prefetch_related",
    "refresh_from_db",
    "select_for_update",
    "select_related",
    "update_or_create",
    "values_list",
}
#: Methods that other types have too. Those take a positional argument, as `list.count` does.
WITHOUT_POSITIONAL = {"all", "count", "delete", "first", "last", "save"}
#: The same with keywords alone: `Task.objects.get(pk=1)` is a query, `mapping.get(key)` is not.
WITH_KEYWORDS_ALONE = {"create", "get"}
#: `mapping.values()` takes no argument; a queryset's `values` names columns.
WITH_ARGUMENTS = {"values"}
#: Names whose methods are not queries: a template library's `register.filter(...)`, and `itertools.count()`.
NOT_ROWS = {"itertools", "register"}


def queries_in(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, expression) for all code that builds or runs a query."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            is_query = imports_database(node)
        elif isinstance(node, ast.Attribute):
            is_query = is_manager(node)
        elif isinstance(node, ast.Call):
            is_query = is_query_call(node)
        else:
            continue
        if is_query:
            yield node.lineno, ast.unparse(node)


def imports_database(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether it imports anything from django.db, or a shortcut that runs a query."""
    module = node.module if isinstance(node, ast.ImportFrom) else None
    names = [alias.name if module is None else f"{module}.{alias.name}" for alias in node.names]
    return any(
        name == "django.db" or name.startswith("django.db.") or name.rpartition(".")[2] in SHORTCUTS for name in names
    )


def is_manager(node: ast.Attribute) -> bool:
    """Whether it is the manager of a class: `Task.objects`, but not `answer.objects`, the objects of an answer."""
    owner = node.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return node.attr in MANAGERS and (name[:1].isupper() or name == "__class__")


def is_query_call(node: ast.Call) -> bool:
    if not isinstance(node.func, ast.Attribute):
        return False
    owner, method = node.func.value, node.func.attr
    if isinstance(owner, ast.Name) and owner.id in NOT_ROWS:
        return False
    is_async = method[:1] == "a" and method != "all" and method not in QUERY_METHODS
    method = method[1:] if is_async else method
    return (
        method in QUERY_METHODS
        or (method in WITHOUT_POSITIONAL and not node.args)
        or (method in WITH_KEYWORDS_ALONE and not node.args and bool(node.keywords))
        or (method in WITH_ARGUMENTS and bool(node.args or node.keywords))
    )


def test_pages_ask_selectors() -> None:
    queries = [
        f"workers_ui/{path.relative_to(UI)}:{line}: {code}"
        for path in sorted(UI.rglob("*.py"))
        for line, code in queries_in(path.read_text(encoding="utf-8"))
    ]
    assert not queries, "move these to a selector:\n" + "\n".join(queries)


@pytest.mark.parametrize(
    "source",
    [
        "from django.db import transaction",
        "from django import db",
        "import django.db.models",
        "from django.db.models.functions import TruncHour",
        "from django.shortcuts import get_object_or_404",
        "rows = Task.objects",
        "rows = models.Task.objects",
        "rows = Task._default_manager",
        "batch_for(project=project).tasks.filter(state='open')",
        "actor.standings.exists()",
        "rows_of(project=project).values('id')",
        "rows_of(project=project).count()",
        "project.batches.all()",
        "project.batches.get(number=1)",
        "await project.batches.acount()",
        "await project.batches.afirst()",
        "rows_of(project=project).select_related('schema').order_by('-id')",
        "project.save(update_fields=['name'])",
    ],
)
def test_a_query_is_found(source: str) -> None:
    assert list(queries_in(source))


@pytest.mark.parametrize(
    "source",
    [
        "from django.core.paginator import Paginator",
        "from django.shortcuts import redirect, render",
        "from tasks.batching.models import Task\nTask.State.OPEN",
        "Answer.from_json(body).objects",
        "answer.objects",
        "counts.values()",
        "request.GET.get('page', '1')",
        "session.get('key', default=None)",
        "names.count('cat')",
        "itertools.count()",
        "@register.filter\ndef percent(share): ...",
        "@register.filter(is_safe=True)\ndef money(amount): ...",
        "figure.save(buffer)",
        "all(each.done for each in steps)",
        "batches_of(project=project)[:25]",
        "claim_next_hand(worker=worker, project=project)",
    ],
)
def test_other_code_is_no_query(source: str) -> None:
    assert not list(queries_in(source))
