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
    return _django(command, argv)


def _django(command: str, argv: list[str]) -> int:
    join_running(required=command not in NEED_NO_DATABASE and "--help" not in argv)
    from django.core.management import execute_from_command_line

    execute_from_command_line(argv)
    return 0


def join_running(*, required: bool) -> None:
    """Load the environment of the installation running on this data folder, unless DATABASE_URL is set.

    Raises EmbeddedError if it is `required` and nothing is running.
    """
    from annotary.runtime import secrets, state

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")
    if os.environ.get("DATABASE_URL"):
        return
    paths = DataPaths(default_data())
    running = state.running(paths)
    if running is not None and running.environment:
        variables = {**running.environment, **secrets.load_or_create(paths.data / "secrets.json")}
        for name, value in variables.items():
            os.environ.setdefault(name, value)
    elif required:
        raise EmbeddedError(
            "This command needs the database. Start Annotary first, with 'python3 manage.py up' in another terminal."
        )
