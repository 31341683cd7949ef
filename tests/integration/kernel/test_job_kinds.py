"""Each kind of job that a module declares has exactly one handler, which takes its arguments."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import fields, is_dataclass

import msgspec
import pytest
from celery import current_app
from django.apps import apps

from kernel.job_kinds import JobKind
from kernel.jobs import handlers, job
from kernel.models import Job
from tests.job_kinds import WORK, Work


def declared() -> dict[str, JobKind[object]]:
    """Return the kinds that the modules of our apps declare, by name. Modules that import one share it."""
    kinds: dict[str, JobKind[object]] = {}
    for app in apps.get_app_configs():
        assert app.module is not None
        if not app.module.__name__.startswith(("kernel", "accounts", "projects", "storage", "tasks")):
            continue
        for info in pkgutil.walk_packages(app.module.__path__, f"{app.module.__name__}."):
            if ".migrations" in info.name or ".management" in info.name:
                continue
            for _, value in inspect.getmembers(importlib.import_module(info.name)):
                if isinstance(value, JobKind):
                    assert kinds.setdefault(value.name, value) is value, f"{value.name} is declared twice"
    return kinds


def test_each_declared_kind_has_one_handler_and_each_handler_a_kind() -> None:
    current_app.loader.import_default_modules()
    kinds = declared()
    assert len(kinds) >= 8
    names = [name for kind in kinds.values() for name in kind.names]
    assert len(names) == len(set(names))
    assert set(names) == {name for name in handlers if not name.startswith("tests.")}
    assert set(names) <= set(current_app.tasks)


def test_arguments_are_plain_and_survive_the_table() -> None:
    for kind in declared().values():
        assert is_dataclass(kind.args), kind.name
        stored = {field.name: [1] if field.type in (list[int], "list[int]") else {} for field in fields(kind.args)}
        for field in fields(kind.args):
            if field.type in (int, "int"):
                stored[field.name] = 7  # type: ignore[assignment]
            elif field.type in (bool, "bool"):
                stored[field.name] = True  # type: ignore[assignment]
            elif field.type in (str, "str"):
                stored[field.name] = "text"  # type: ignore[assignment]
        args = kind.args_of(Job(args=stored))
        assert kind.stored(args) == stored


def test_a_second_handler_is_refused() -> None:
    kind = JobKind("tests.handled_once", Work)

    @job(kind)
    def first(row: Job, args: Work) -> None: ...

    with pytest.raises(ValueError, match=r"Two functions handle jobs of the kind tests\.handled_once"):

        @job(kind)
        def second(row: Job, args: Work) -> None: ...

    assert "tests.handled_once" in handlers


def test_arguments_of_another_type_are_refused() -> None:
    assert WORK.args_of(Job(args={})) == Work()
    with pytest.raises(msgspec.ValidationError, match=r"Expected .int."):
        WORK.args_of(Job(args={"number": "one"}))


def test_jobs_under_an_earlier_name_run() -> None:
    kind = JobKind("tests.renamed", Work, aliases=("tests.old_name",))
    seen: list[Work] = []

    @job(kind)
    def handler(row: Job, args: Work) -> None:
        seen.append(args)

    for name in ("tests.renamed", "tests.old_name"):
        handlers[name](Job(args={"number": 3}))
    assert seen == [Work(3), Work(3)]
    assert {"tests.renamed", "tests.old_name"} <= set(current_app.tasks)
