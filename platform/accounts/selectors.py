"""Permissions: roles, and what they cover."""

from accounts.models import Actor, Membership, Organisation, Role
from kernel.errors import Forbidden, NotFound

# The roles that a role covers: an owner may do everything a manager may, a manager everything a reviewer may.
COVERS: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset({Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.CLIENT}),
    Role.MANAGER: frozenset({Role.MANAGER, Role.REVIEWER, Role.CLIENT}),
    Role.REVIEWER: frozenset({Role.REVIEWER}),
    Role.CLIENT: frozenset({Role.CLIENT}),
    Role.WORKER: frozenset({Role.WORKER}),
}


def is_above(role: str, other: str) -> bool:
    """Return whether `role` may do more than `other`. Every role is above worker, as working requires a standing."""
    return role != other and (other == Role.WORKER or other in COVERS[role])


def role_in(*, actor: Actor, organisation_id: int) -> str | None:
    return (
        Membership.objects.filter(actor=actor, organisation_id=organisation_id).values_list("role", flat=True).first()
    )


def require_role(*, actor: Actor, organisation_id: int, role: str) -> None:
    """Raise NotFound for outsiders, who must not learn what exists, and Forbidden for members without the role."""
    own = role_in(actor=actor, organisation_id=organisation_id)
    if own is None:
        raise NotFound
    if role not in COVERS[own]:
        raise Forbidden


def organisations_of(*, actor: Actor, role: str | None = None) -> list[Organisation]:
    memberships = Membership.objects.filter(actor=actor).select_related("organisation").order_by("organisation_id")
    return [row.organisation for row in memberships if role is None or role in COVERS[row.role]]
