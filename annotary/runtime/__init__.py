"""Everything on one machine: PostgreSQL, Valkey, web, websockets and jobs under one supervisor.

bootstrap creates the environment, and source_roots names the folders that it imports from; installer_errors explains
why pip or uv failed. up, status, stop, backup, restore, upgrade, testing and lint are commands; archive is the format
of backups, lone_database runs a stopped installation's database for those commands, and database_tools calls pg_dump
and pg_restore. instance starts everything from another program. launcher and supervisor keep the services alive, which
services lists and process runs; orphans and linux_processes make sure that none survives. front is the server on the
public port; postgres (after a crash: postgres_crash) and valkey start the stores (privileges: as which user),
temporary_stores starts them for tests. paths, state, secrets and network hold what an installation is and where; files
writes it.

Modules that run before the environment exists, and those that supervise, use only the standard library: a supervisor
that imports Django would start slowly and could fail together with the processes that it has to restart.
"""
