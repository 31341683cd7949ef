"""From a refused row to the name of the rule that refused it."""

from django.db import IntegrityError


def violated_constraint(error: IntegrityError) -> str:
    """The constraint's name as PostgreSQL reports it; empty where the error names none."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""
