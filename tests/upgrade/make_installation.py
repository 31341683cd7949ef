"""Create `installation.tar.xz`: an installation of the last commit before the code was moved, stopped in mid-work.

It was run once, from the checkout that contains this file, with OLD a checkout of commit c2eb392 that has a `.venv`:

    OLD/.venv/bin/python -m tests.upgrade.make_installation OLD

The keys, cookies, passwords and secrets in the archive were created for it and give access to nothing else.

At first, all of `up` runs: one project is completed up to its release, one is started, and one gets a fitted model.
Then only the database, Valkey and the web server run, so that everything requested from then on stays pending: a live
set and an abandoned one, a late answer, a half-finished import, jobs of every kind in the outbox, and messages for
every kind of job and every periodic task in Valkey.
"""

import json
import logging
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.upgrade import archive, old_projects, old_unfinished
from tests.upgrade.old_code import Site, is_idle, old, pg_dump, wait_until, without_workers

COMMIT = "c2eb392"
UNSET_VARIABLES = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""


def main(checkout: Path) -> None:
    sys.path[:0] = [str(checkout / "platform"), str(checkout)]
    for name in UNSET_VARIABLES:
        os.environ.pop(name, None)
    # Celery writes the sender's host name into each message. Keep the name of this machine out of the archive.
    host, socket.gethostname = socket.gethostname(), lambda: "old-host"
    with tempfile.TemporaryDirectory(prefix="old-") as name:
        folder = Path(name)
        site, state = _create_finished_work(folder)
        texts = _create_pending_work(site, state)
        forbidden = (str(folder), str(checkout), str(Path.home()) + "/", f"@{host}")
        archive.pack(site.data, texts, forbidden=forbidden)
    print(f"{archive.ARCHIVE}: {archive.ARCHIVE.stat().st_size:,} bytes")


def _create_finished_work(folder: Path) -> tuple[Site, str]:
    """Create everything that is finished; returns the installation and the content of its state file.

    The state file is read while the installation runs, because that is what remains when a machine loses power.
    """
    with old("annotary.embedded.runtime.start")(data=folder / "data") as running:
        sign_in = old("annotary.demo.people.make_manager")(running.environment)
        logging.getLogger().setLevel(logging.WARNING)
        manager = old("annotary.demo.manager.Manager")(running.url, sign_in.key)
        port = running.state().port
        site = Site(running.data, port, running.url, running.environment, manager, sign_in.key)
        site.expected["released"] = old_projects.complete_a_project(site, folder)
        site.expected["crowded"] = old_projects.fit_a_crowd(site)
        site.expected["started"] = old_unfinished.start_a_project(site, folder)
        wait_until(is_idle, "jobs of the finished projects are still running")
        state = (running.data / archive.STATE).read_text()
    _close_connections()
    return site, state


def _create_pending_work(site: Site, state: str) -> dict[str, str]:
    """Create everything that is pending; returns the text files of the archive."""
    started, released = site.expected.pop("started"), site.expected.pop("released")
    with without_workers(site):
        _empty_valkey(site)
        old_unfinished.leave_sets(site, started)
        old_unfinished.leave_imports(site, started["project"])
        old_unfinished.leave_jobs(site, released, started["project"], site.expected.pop("crowded"))
        old_unfinished.leave_messages(site)
        old_unfinished.prevent_expiry()
        site.expected |= {"commit": COMMIT, "manager_key": site.manager_key, "rows": _row_counts()}
        dump = pg_dump(site)
        _rewrite_valkey(site)
        _close_connections()
    settings = _settings(site.data / "postgres" / "postgresql.conf")
    return {
        archive.DUMP: dump,
        archive.EXPECTED: json.dumps(site.expected, indent=1),
        f"data/{archive.STATE}": state.replace(str(site.data), archive.DATA_PLACEHOLDER),
        "postgresql.conf": settings,
    }


def _row_counts() -> dict[str, int]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        tables = [row[0] for row in cursor.fetchall()]
        counts = {}
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            counts[table] = cursor.fetchone()[0]
    return counts


def _settings(conf: Path) -> str:
    lines = [line for line in conf.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(lines) + "\n"


def _valkey(site: Site) -> Any:
    return old("redis.Redis")(unix_socket_path=str(site.data / "run" / "valkey.sock"))


def _empty_valkey(site: Site) -> None:
    with _valkey(site) as client:
        client.flushall()


def _rewrite_valkey(site: Site) -> None:
    """Make the append-only file short and readable: only commands, without the history and without a binary part."""
    with _valkey(site) as client:
        client.config_set("aof-use-rdb-preamble", "no")
        client.bgrewriteaof()
        wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the rewrite did not finish")


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
