"""Maps an integrity error to the constraint that was violated."""

from django.db import IntegrityError


def violated_constraint(error: IntegrityError) -> str:
    """Return the constraint's name as PostgreSQL reports it, or "" if the error names none."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""
