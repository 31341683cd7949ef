"""Everything on one machine: PostgreSQL, Valkey, web, websockets and jobs under one supervisor.

Modules that run before the environment exists, and those that supervise, use only the standard library: a supervisor
that imports Django would start slowly and could fail together with the processes that it has to restart.
"""
