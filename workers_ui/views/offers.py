"""What a project offers its workers: the work, the pay and the time, as figures that the templates format."""

from dataclasses import dataclass
from decimal import Decimal

from annotary_core.labels.schema import LabelClass, Schema
from projects.models import Project


@dataclass(frozen=True, slots=True)
class ProjectOffer:
    """Money in `currency`, times in seconds. `hourly` and `set_seconds` are estimated from the time per image."""

    price: Decimal
    currency: str
    set_size: int
    image_seconds: int
    set_seconds: int
    set_price: Decimal
    hourly: Decimal
    lease_seconds: int
    classes: tuple[LabelClass, ...]
    chooses: bool
    draws: bool


def project_offer_for(project: Project) -> ProjectOffer:
    schema = Schema.from_json(project.schema.body) if project.schema else None
    seconds = max(project.seconds_per_answer, 1)
    return ProjectOffer(
        price=project.price,
        currency=project.currency,
        set_size=project.hand_size,
        image_seconds=seconds,
        set_seconds=seconds * project.hand_size,
        set_price=project.price * project.hand_size,
        hourly=project.price * 3600 / seconds,
        lease_seconds=project.lease_seconds,
        classes=schema.classes if schema else (),
        chooses=bool(schema and schema.has_image_class),
        draws=bool(schema and schema.object_tools),
    )
