"""Several entries for one image: identical ones are one, others cannot be used.

The same file name is not always the same image. Exports with a label file per split (`train/labels.json` and
`valid/labels.json`) and annotation programs that leave out the folder (`cam1/1.xml` and `cam2/1.xml` are both about
`1.jpg`) name images relative to the folder of the label file. So a record of a label file in the folder of a split
belongs to an image of that split, and records that differ but come from different folders are kept apart by folder.
Their images are then looked for in these folders alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from annotary_core.formats.ground_truth import Entry, GroundTruthObject, GroundTruthRecord, Problem, RefusedRecord
from annotary_core.formats.split_folders import folder_key, last_folder, split_folder, split_of


def resolve_conflicts(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield each image once, in the order of the first entries, after all entries were read.

    An image whose entries disagree, or have an unusable one among them, is refused with the location of each entry.
    """
    placed = [replace(entry, folder=_split_folder(entry)) for entry in entries]
    apart = [each for group in _by_key(placed) for each in _kept_apart(group)]
    for group in _by_key(apart):
        yield from _merged(group)


def _by_key(entries: Iterable[Entry]) -> list[list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.key, []).append(entry)
    return list(groups.values())


def _split_folder(entry: Entry) -> str:
    """Return the split's folder that the label file is in, unless the image's own path states one."""
    stated = any(split_of(part) for part in entry.file_name.split("/")[:-1])
    return "" if stated else split_folder(entry.label_folder)


def _kept_apart(group: list[Entry]) -> list[Entry]:
    """Assign entries that disagree to the folders of their label files, if these are different."""
    if len(group) == 1:
        return group
    folders = [last_folder(each.label_folder) for each in group]
    if _agree(group) or not all(folders) or len({folder_key(each) for each in folders}) < len(folders):
        return group
    return [replace(entry, folder=folder) for entry, folder in zip(group, folders, strict=True)]


def _merged(group: list[Entry]) -> Iterator[Entry]:
    if len(group) == 1:
        yield group[0]
        return
    refused = [entry for entry in group if isinstance(entry, RefusedRecord)]
    records = [entry for entry in group if isinstance(entry, GroundTruthRecord)]
    yield from refused
    if refused and records:
        yield _refusal(
            records,
            f"Another entry for this image cannot be used ({_listed(each.problem.location for each in refused)}), so"
            f" {_listed(each.location for each in records)} may be incomplete and was not used. Correct or remove the"
            " other entry.",
        )
    elif records and _agree(group):
        yield _joined(records)
    elif records:
        different = "are equal, but in files with the names of different images:" if _equal(group) else "differ between"
        yield _refusal(
            records,
            f"The labels of this image {different} {_listed(each.location for each in records)}. None of them was"
            " used. Keep the right one.",
        )


def _agree(group: list[Entry]) -> bool:
    """Whether all entries say the same, and no two of their files have the names of different images.

    Of two files with one content, one may be a copy whose <filename> still is that of the first one's image.
    """
    own_names = {each.own_name for each in group if isinstance(each, GroundTruthRecord) and each.own_name}
    return len(own_names) <= 1 and _equal(group)


def _equal(group: list[Entry]) -> bool:
    """Whether all entries are usable and have the same class, objects and, as far as they state it, size."""
    records = [entry for entry in group if isinstance(entry, GroundTruthRecord)]
    widths = {each.width for each in records if each.width is not None}
    heights = {each.height for each in records if each.height is not None}
    if len(records) < len(group) or len(widths) > 1 or len(heights) > 1:
        return False
    is_same = len({frozenset(each.objects) for each in records}) == 1 or _agree_in_a_shape(records)
    return is_same and len({each.image_class for each in records}) == 1


def _agree_in_a_shape(records: list[GroundTruthRecord]) -> bool:
    """Whether all records give all of their objects in one shape, and give the same: one may state boxes alone."""
    common = frozenset.intersection(*(each.tools for each in records))
    return any(len({_said(each, tool) for each in records}) == 1 for tool in common)


def _said(record: GroundTruthRecord, tool: str) -> frozenset[GroundTruthObject]:
    """Return what the record says of the objects that it gives in this shape."""
    return frozenset(item.only((tool,)) for item in record.objects if tool in item.tools)


def _joined(records: list[GroundTruthRecord]) -> GroundTruthRecord:
    """Return the record that says most, without the shapes in which another one says something else."""
    best = max(records, key=lambda each: (len(each.tools), bool(each.width and each.height)))
    sizes = [(each.width, each.height) for each in records if each.width and each.height]
    width, height = sizes[0] if sizes else (best.width, best.height)
    tools = {tool for each in records for item in each.objects for tool in item.tools}
    agreed = {tool for tool in tools if len({_said(each, tool) for each in records} - {frozenset()}) == 1}
    return replace(best, width=width, height=height, objects=tuple(item.only(agreed) for item in best.objects))


def _refusal(records: list[GroundTruthRecord], sentence: str) -> RefusedRecord:
    first = records[0]
    problem = Problem(first.file_name, sentence, first.location)
    return RefusedRecord(first.file_name, problem, first.label_folder, first.folder)


def _listed(locations: Iterable[str]) -> str:
    names = list(dict.fromkeys(each or "an unknown place" for each in locations))
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} more"]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
