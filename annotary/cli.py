"""Which command does what. Commands that are not listed here are Django's."""

import os
import sys

from annotary.runtime import bootstrap
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import Places, default_data
from annotary.runtime.source_roots import ROOT

# The environment for these may hold more than what runs.
NEED_DEVELOPMENT = {"test", "lint"}
# Django's commands that read code alone and run without a database.
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
HELP = """\
Annotary: certified labels by a crowd.

  up       start everything on this machine (--host 0.0.0.0 for phones, --port, --data)
  status   what runs, and where
  stop     end it
  demo     a finished project to look at, with simulated workers
  simulate such workers for a project of yours, on any installation
  synthesize draw scenes with an exact truth, to try it on
  ingest   bring a folder of images into a project
  aggregate the labels that a CSV file of answers agrees on
  agreement how far the answers of a CSV file agree, and where not
  replay   what labels from a CSV file would have cost with fewer answers
  test     the tests, on a throw-away database (arguments go to pytest)
  lint     style, types, import direction and migrations

Every other command is Django's and joins the running installation; 'help NAME' explains one.
"""


def main(argv: list[str]) -> int:
    command, rest = (argv[1], argv[2:]) if len(argv) > 1 else ("help", [])
    try:
        # An image that brings its packages itself says so; everybody else gets `.venv`.
        if os.environ.get("ANNOTARY_BOOTSTRAP", "").strip().lower() != "off":
            environment = bootstrap.Environment(ROOT)
            changed = bootstrap.ensure(environment, "dev" if command in NEED_DEVELOPMENT else "runtime")
            bootstrap.enter(environment, argv, changed=changed)
        return _dispatch(command, rest, argv)
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader, `head` perhaps, has enough; the interpreter would fail once more when it empties its buffer.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130


def _dispatch(command: str, rest: list[str], argv: list[str]) -> int:
    # Each is imported alone: a start must not pay for the others.
    if command == "up":
        from annotary.runtime import up

        return up.main(rest)
    if command == "status":
        from annotary.runtime import status

        return status.main(rest)
    if command == "stop":
        from annotary.runtime import stop

        return stop.main(rest)
    if command == "test":
        from annotary.runtime import testing

        return testing.main(rest)
    if command == "lint":
        from annotary.runtime import lint

        return lint.main(rest)
    if command == "demo":
        from annotary.demo.command import main as demo

        return demo(rest)
    if command == "simulate":
        from annotary.demo.simulate import main as simulate

        return simulate(rest)
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
    """Take over the environment of the running installation on this data, unless one is named by DATABASE_URL.

    Raises EmbeddedError when it is `required` and nothing runs.
    """
    from annotary.runtime import secrets, state

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")
    if os.environ.get("DATABASE_URL"):
        return
    places = Places(default_data())
    found = state.running(places)
    if found is not None and found.environment:
        joined = {**found.environment, **secrets.load_or_create(places.data / "secrets.json")}
        for name, value in joined.items():
            os.environ.setdefault(name, value)
    elif required:
        raise EmbeddedError(
            "This command needs the database: start Annotary with 'python3 manage.py up' in another terminal first."
        )
