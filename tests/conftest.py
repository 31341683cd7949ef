"""Fixtures and hooks for all tests: temporary PostgreSQL and Valkey, and a report of tests that did not run.

`manage.py test` starts the stores and puts their URLs into the environment. Pytest called directly starts them itself:
immediately under xdist, else when a test first needs the database. Each process has its own database.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from annotary.runtime.temporary_stores import TemporaryStores

ROOT = Path(__file__).resolve().parents[1]
STORES = pytest.StashKey[TemporaryStores]()
SKIPPED = pytest.StashKey[dict[str, str]]()
DESELECTED = pytest.StashKey[dict[str, int]]()
# What a marked test needs from this machine: {marker: name for messages}.
NEEDS = {"browser": "Chromium", "curl": "curl, jq and unzip", "npm": "npm", "shared": "../shared"}

#: Schedules that one test simulates before the database is emptied.
SEEDS_OF_A_TEST = 20
COMMANDS = {"browser": ("chromium",), "curl": ("curl", "jq", "unzip"), "npm": ("node", "npm")}


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def is_missing(marker: str) -> bool:
    if marker in COMMANDS:
        return any(shutil.which(command) is None for command in COMMANDS[marker])
    return not (ROOT.parent / "shared").is_dir()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fault-seeds",
        type=int,
        default=1,
        metavar="N",
        help="run the tests that take a `fault_seed` with N seeds, which choose when and where faults strike",
    )
    parser.addoption(
        "--model-examples",
        type=int,
        default=30,
        metavar="N",
        help="how many sequences of verbs the database and the model go through",
    )
    parser.addoption(
        "--schedule-seeds",
        type=int,
        default=200,
        metavar="N",
        help="how many schedules of concurrent and interrupted transactions are simulated",
    )
    parser.addoption(
        "--first-schedule-seed", type=int, default=0, metavar="N", help="the first of them, to repeat a schedule"
    )
    parser.addoption(
        "--crowd-seed", type=int, default=7, metavar="N", help="the crowd of honest and bad workers that is simulated"
    )
    parser.addoption(
        "--gold-projects",
        type=int,
        default=2,
        metavar="N",
        help="in how many projects of each kind accounts that compare notes look for gold",
    )
    parser.addoption(
        "--dropped-sockets",
        type=int,
        default=200,
        metavar="N",
        help="how many sockets are opened and dropped under traffic",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault_seed" in metafunc.fixturenames:
        metafunc.parametrize("fault_seed", range(metafunc.config.getoption("--fault-seeds")))
    if "gold_projects" in metafunc.fixturenames:
        metafunc.parametrize("gold_projects", [metafunc.config.getoption("--gold-projects")], ids=["projects"])
    if "schedule_seeds" in metafunc.fixturenames:
        first, count = (metafunc.config.getoption(name) for name in ("--first-schedule-seed", "--schedule-seeds"))
        starts = range(first, first + count, SEEDS_OF_A_TEST)
        chunks = [range(start, min(start + SEEDS_OF_A_TEST, first + count)) for start in starts]
        metafunc.parametrize("schedule_seeds", chunks, ids=[f"{chunk[0]}-{chunk[-1]}" for chunk in chunks])


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SKIPPED] = {}
    config.stash[DESELECTED] = {}
    if hasattr(config, "workerinput"):
        apply_stores()
    elif config.getoption("numprocesses", None) and not os.environ.get("DATABASE_URL"):
        start_stores(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    stores = config.stash.get(STORES, None)
    if stores is not None:
        stores.close()
        del config.stash[STORES]


def start_stores(config: pytest.Config) -> None:
    """Start the stores for this session; xdist workers start later and inherit the environment."""
    config.stash[STORES] = stores = TemporaryStores()
    os.environ.update(stores.environment)


def apply_stores() -> None:
    """Point Django's settings, which pytest-django loads before this file, to the stores in the environment.

    All processes share one Valkey. Each uses its own database number and, as pub/sub ignores those, its own prefix.
    """
    from django.conf import settings
    from django.db import connections

    from annotary.settings import env

    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    if os.environ.get("DATABASE_URL"):
        database = env.database(os.environ["DATABASE_URL"])
        for target in (settings.DATABASES["default"], connections.settings["default"]):
            target.update({name: database[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")})
    if os.environ.get("REDIS_URL"):
        url = os.environ["REDIS_URL"].replace("db=0", f"db={int(worker[2:]) % 16}")
        settings.REDIS_URL = url
        settings.CELERY_BROKER_URL = env.celery_broker(url)
        layer = settings.CHANNEL_LAYERS["default"]
        if "CONFIG" in layer and "hosts" in layer["CONFIG"]:
            layer["CONFIG"].update(hosts=[url], prefix=f"annotary-{worker}")


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """DATABASE_URL and REDIS_URL of running stores, to which Django's settings point."""
    if not os.environ.get("DATABASE_URL"):
        start_stores(request.config)
    apply_stores()
    yield {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if name in os.environ}


@pytest.fixture(scope="session")
def django_db_modify_db_settings(stores: dict[str, str], django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Start the stores before pytest-django creates the database: it calls this fixture first."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """End the sessions that are left before the database is dropped, which PostgreSQL refuses while there are any.

    The last test of a process may have closed a browser whose last request the server still answers.
    """
    yield
    from django.db import connection

    with django_db_blocker.unblock():
        connection.close()  # it may be one that the last test had the server end
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Outside CI, deselect and count the tests that this machine cannot run; in CI they run and fail."""
    if in_ci():
        return
    missing = {marker for marker in NEEDS if is_missing(marker)}
    kept, deselected = [], []
    for item in items:
        reason = next((marker for marker in missing if item.get_closest_marker(marker)), None)
        if reason is None:
            kept.append(item)
        else:
            deselected.append(item)
            counts = config.stash[DESELECTED]
            counts[NEEDS[reason]] = counts.get(NEEDS[reason], 0) + 1
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = kept


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take the counts of one worker: all workers collect the same tests."""
    node.config.stash[DESELECTED].update(getattr(node, "workeroutput", {}).get("left_out", {}))


def _note_skip(config: pytest.Config, reports: Iterable[pytest.TestReport | pytest.CollectReport]) -> None:
    for report in reports:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            config.stash[SKIPPED][report.nodeid] = reason


class SkipWatch:
    """Records the skips of this process and, under xdist, of all workers."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        _note_skip(self.config, [report])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        _note_skip(self.config, [report])


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.pluginmanager.register(SkipWatch(session.config), "annotary-skips")


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workerinput"):
        config.workeroutput["left_out"] = config.stash[DESELECTED]  # type: ignore[attr-defined]  # xdist adds it
    elif in_ci() and config.stash[SKIPPED] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for need, count in sorted(config.stash[DESELECTED].items()):
        terminalreporter.write_line(f"Deselected {count} tests: this machine has no {need}.")
    if in_ci() and config.stash[SKIPPED]:
        terminalreporter.section("Skipped tests, which fail in CI", red=True)
        for test, reason in sorted(config.stash[SKIPPED].items()):
            terminalreporter.write_line(f"{test}: {reason}")
