"""Everything on one machine: PostgreSQL, Valkey, web, websockets and jobs under one supervisor.

Standard library alone in every module that runs before the environment exists or that supervises: a supervisor that
imports Django would start slowly and could fail with the very parts it has to restart.
"""
