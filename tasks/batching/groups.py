"""Groups of images that workers get as a whole: frames of a clip, images of a patient. Pure: no Django."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, pairwise

from annotary_core.labels.natural_order import natural_key

#: Groups above this are cut into runs of consecutive images, which stay together instead.
MAX_RUN = 50


@dataclass(frozen=True, slots=True)
class Run:
    """The row ids of images that stay together, in their order; an image in no group, "", is a run of its own."""

    group: str
    image_ids: tuple[int, ...]


def runs_of(images: Iterable[tuple[int, str, str]]) -> list[Run]:
    """Return the runs of these images, each (id, group, name), in the natural order of groups and names.

    A larger group is cut into as few runs as possible, of about equal length: no image of it is left alone, and no two
    of its runs fit into one.
    """
    ordered = sorted(set(images), key=lambda image: (image[1], natural_key(image[2]), image[0]))
    runs: list[Run] = []
    for group, members in groupby(ordered, key=lambda image: image[1]):
        ids = [image_id for image_id, _, _ in members]
        count = -(-len(ids) // MAX_RUN) if group else len(ids)
        bounds = [len(ids) * number // count for number in range(count + 1)]
        runs += [Run(group, tuple(ids[start:end])) for start, end in pairwise(bounds)]
    return runs
