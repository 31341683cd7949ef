"""Makes `installation.tar.xz`: an installation of the last commit before the great move, left in the middle of work.

It was run once, on a checkout of commit c2eb392 whose `.venv` was made, from the checkout that this file belongs to:

    OLD/.venv/bin/python -m tests.upgrade.make_installation OLD

The keys, cookies, passwords and secrets in the archive were made for it and open nothing else.

First everything runs (`up`): one project is brought to its release, one is begun, one is fitted. Then only the stores
and the web server run, so that what is asked for waits: a live set and an abandoned one, a late answer, a half-taken
import, jobs of each kind in the outbox, messages of each kind and of each periodic task in Valkey.
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
from tests.upgrade.old_code import Site, is_quiet, old, pg_dump, wait_until, without_workers

COMMIT = "c2eb392"
CHOSEN = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
COUNTED = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""


def main(checkout: Path) -> None:
    sys.path[:0] = [str(checkout / "platform"), str(checkout)]
    for name in CHOSEN:
        os.environ.pop(name, None)
    # Celery writes the sender's host into each message; this machine's name is nobody's business.
    host, socket.gethostname = socket.gethostname(), lambda: "old-host"
    with tempfile.TemporaryDirectory(prefix="old-") as name:
        folder = Path(name)
        site, state = _bring_about(folder)
        texts = _leave(site, state)
        words = (str(folder), str(checkout), str(Path.home()) + "/", f"@{host}")
        archive.pack(site.data, texts, never=words)
    print(f"{archive.ARCHIVE}: {archive.ARCHIVE.stat().st_size:,} bytes")


def _bring_about(folder: Path) -> tuple[Site, str]:
    """Everything that is finished; returns the installation, and the state file as a machine that is cut off leaves
    it."""
    with old("annotary.embedded.runtime.start")(data=folder / "data") as running:
        sign_in = old("annotary.demo.people.make_manager")(running.environment)
        logging.getLogger().setLevel(logging.WARNING)
        manager = old("annotary.demo.manager.Manager")(running.url, sign_in.key)
        port = running.state().port
        site = Site(running.data, port, running.url, running.environment, manager, sign_in.key)
        site.expected["released"] = old_projects.finish_a_release(site, folder)
        site.expected["crowded"] = old_projects.fit_a_crowd(site)
        site.expected["begun"] = old_unfinished.begin_a_project(site, folder)
        wait_until(is_quiet, "jobs of the finished projects are still at work")
        state = (running.data / archive.STATE).read_text()
    _forget_connections()
    return site, state


def _leave(site: Site, state: str) -> dict[str, str]:
    """Everything that waits; returns the texts of the archive."""
    begun, released = site.expected.pop("begun"), site.expected.pop("released")
    with without_workers(site):
        _empty_valkey(site)
        old_unfinished.leave_sets(site, begun)
        old_unfinished.leave_imports(site, begun["project"])
        old_unfinished.leave_jobs(site, released, begun["project"], site.expected.pop("crowded"))
        old_unfinished.leave_messages(site)
        old_unfinished.outlast()
        site.expected |= {"commit": COMMIT, "manager_key": site.manager_key, "rows": _counts()}
        dump = pg_dump(site)
        _rewrite_valkey(site)
        _forget_connections()
    settings = _settings(site.data / "postgres" / "postgresql.conf")
    return {
        archive.DUMP: dump,
        archive.EXPECTED: json.dumps(site.expected, indent=1),
        f"data/{archive.STATE}": state.replace(str(site.data), archive.DATA),
        "postgresql.conf": settings,
    }


def _counts() -> dict[str, int]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(COUNTED)
        tables = [row[0] for row in cursor.fetchall()]
        found = {}
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            found[table] = cursor.fetchone()[0]
    return found


def _settings(conf: Path) -> str:
    lines = [line for line in conf.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(lines) + "\n"


def _valkey(site: Site) -> Any:
    return old("redis.Redis")(unix_socket_path=str(site.data / "run" / "valkey.sock"))


def _empty_valkey(site: Site) -> None:
    with _valkey(site) as client:
        client.flushall()


def _rewrite_valkey(site: Site) -> None:
    """Make the append-only file short and readable: commands alone, without the history and without a binary part."""
    with _valkey(site) as client:
        client.config_set("aof-use-rdb-preamble", "no")
        client.bgrewriteaof()
        wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the rewrite did not end")


def _forget_connections() -> None:
    from django.db import connections

    connections.close_all()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
