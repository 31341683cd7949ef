"""Command dispatch for `manage.py`. Commands that are not listed here are Django's."""

import os
import sys
from collections.abc import Callable
from importlib import import_module

from annotary.runtime import bootstrap
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths, default_data
from annotary.runtime.source_roots import ROOT

# These commands need the development packages too.
NEED_DEVELOPMENT = {"test", "lint", "bundle"}
# Django commands that only read code or files and run without a database.
NEED_NO_DATABASE = {
    *(
        "help",
        "version",
        "--help",
        "--version",
        "check",
        "makemigrations",
        "collectstatic",
        "findstatic",
        "spectacular",
    ),
    *("aggregate", "agreement", "replay"),
    *("synthesize", "diffsettings", "makemessages", "compilemessages", "sendtestemail", "startapp", "startproject"),
}
# Django commands that start the database of a stopped installation for themselves.
RUN_STOPPED = {"set_password", "service_account"}
# Commands that are not Django's, each with the module whose `main` runs it.
COMMANDS = {
    "up": "annotary.runtime.up",
    "status": "annotary.runtime.status",
    "stop": "annotary.runtime.stop",
    "backup": "annotary.runtime.backup",
    "restore": "annotary.runtime.restore",
    "upgrade_database": "annotary.runtime.upgrade",
    "test": "annotary.runtime.testing",
    "lint": "annotary.runtime.lint",
    "bundle": "annotary.runtime.bundles",
    "demo": "annotary.demo.command",
    "simulate": "annotary.demo.simulate",
}
HELP = """\
Annotary: crowd labeling of images, with certified releases.

Usage: python3 manage.py COMMAND [OPTIONS]

Start here:
  demo        run a complete project with simulated workers, from upload to release
  up          start Annotary on this machine (--host 0.0.0.0 lets phones on your network connect)
  status      show whether Annotary is running, with its address and processes
  stop        stop it

Keep it safe, whether it runs or not:
  backup      write the database, the files and the secrets to one archive
  restore     make a backup a new installation
  upgrade_database  move the database to the major version of PostgreSQL that Annotary includes
  set_password      give a person another password, when mail does not reach them
  service_account   create an account for a program, and print its API key

Work with a running installation:
  ingest      import a folder of images into a project
  simulate    let simulated workers label one of your projects
  account     close an account, open it again, or sign a person out on every device

Work with files alone, without a server:
  synthesize  draw test scenes whose labels are known exactly
  aggregate   turn a CSV file of answers into labels
  agreement   measure how much the answers in a CSV file agree, and where they differ
  replay      estimate what the labels in a CSV file would have cost with fewer answers

Develop:
  test        run the tests on a temporary database (arguments go to pytest)
  lint        check style, types, imports, browser code, templates, and migrations (or only the checks you name)
  bundle      build the browser code that pages load (--watch builds it again after each change)

Every other Django management command works too and uses the running installation.
Run 'python3 manage.py COMMAND --help' to learn more about a command.
"""


def main(argv: list[str]) -> int:
    command, rest = (argv[1], argv[2:]) if len(argv) > 1 else ("help", [])
    try:
        # A container image that ships its own packages opts out; everything else uses `.venv`.
        if os.environ.get("ANNOTARY_BOOTSTRAP", "").strip().lower() != "off":
            environment = bootstrap.Environment(ROOT)
            changed = bootstrap.ensure(environment, "dev" if command in NEED_DEVELOPMENT else "runtime")
            bootstrap.enter(environment, argv, changed=changed)
        return _dispatch(command, rest, argv)
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader (`head`, say) closed the pipe. Without this, the interpreter fails again when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130


def _dispatch(command: str, rest: list[str], argv: list[str]) -> int:
    # Imported one by one, so that a command does not pay for the imports of the others.
    # Django spells its commands with underscores, most other programs with hyphens.
    if (name := command.replace("-", "_")) in COMMANDS:
        run: Callable[[list[str]], int] = import_module(COMMANDS[name]).main
        return run(rest)
    if command in {"help", "--help", "-h"} and not rest:
        print(HELP)
        return 0
    if command == "help":
        return _django(command, [argv[0], command, *(each.replace("-", "_") for each in rest)])
    return _django(command, argv) if command.startswith("-") else _django(name, [argv[0], name, *rest])


def _django(command: str, argv: list[str]) -> int:
    asks_for_help = not {"--help", "-h"}.isdisjoint(argv)
    if command in RUN_STOPPED and not asks_for_help and not join_running(required=False):
        return _run_stopped(argv)
    join_running(required=command not in NEED_NO_DATABASE and not asks_for_help)
    from django.core.management import execute_from_command_line

    execute_from_command_line(argv)
    return 0


def _run_stopped(argv: list[str]) -> int:
    """Run a Django command on the database of a stopped installation, which nothing else can start meanwhile."""
    from annotary.runtime import postgres, secrets
    from annotary.runtime.lone_database import exclusive, lone_database

    paths = DataPaths(default_data())
    if not (postgres.home_of(paths) / postgres.FOLDER / "PG_VERSION").exists():
        raise EmbeddedError("There is no installation here yet. Start Annotary first, with 'python3 manage.py up'.")
    with exclusive(paths) as lock, lone_database(paths, lock) as database:
        os.environ.update(secrets.load_or_create(paths.data / "secrets.json"), DATABASE_URL=database.url)
        from django.core.management import execute_from_command_line
        from django.db import connections

        try:
            execute_from_command_line(argv)
        finally:
            connections.close_all()
    return 0


def join_running(*, required: bool) -> bool:
    """Load the environment of the installation running on this data folder, unless DATABASE_URL is set.

    Returns whether there is a database. Raises EmbeddedError if it is `required` and nothing is running.
    """
    from annotary.runtime import secrets, state

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")
    if os.environ.get("DATABASE_URL"):
        return True
    paths = DataPaths(default_data())
    running = state.running(paths)
    if running is not None and running.environment:
        variables = {**running.environment, **secrets.load_or_create(paths.data / "secrets.json")}
        for name, value in variables.items():
            os.environ.setdefault(name, value)
        return True
    if required:
        raise EmbeddedError(
            "This command needs the database. Start Annotary first, with 'python3 manage.py up' in another terminal."
        )
    return False
