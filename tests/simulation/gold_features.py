"""What some accounts together can know of an image from all that they were shown: one row of numbers per image."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import log

import numpy as np

from tests.simulation.gold_projects import CLIP, Picture
from tests.simulation.gold_watcher import Placement, Reply, Shown, Watcher

#: Figures of time, which are looked at and not asserted: seconds differ from run to run, and what a set takes to be
#: handed in says how much gold was in it.
TIMES = ("seconds", "to hand in")
Sets = Mapping[tuple[int, int], tuple[int, frozenset[str]]]  # (account, set) -> (moment, images)


@dataclass(frozen=True, slots=True)
class Seen:
    """The images that a group of accounts was shown: a row of `figures` each, in the order of `images`."""

    images: Sequence[str]
    figures: Sequence[Mapping[str, float]]


class Rarity:
    """How unusual a response is among those to the same call, over everybody: 0 if all look alike."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._counts: dict[str, Counter[str]] = {}
        for watcher in watchers:
            for image in watcher.shown.values():
                for call, replies in image.replies.items():
                    self._counts.setdefault(call, Counter()).update(reply.look for reply in replies)

    def of(self, call: str, reply: Reply) -> float:
        counts = self._counts[call]
        return -log(counts[reply.look] / counts.total())


def seen_by(group: Sequence[Watcher], everyone: Sequence[Watcher], pictures: Mapping[str, Picture]) -> Seen:
    rarity = Rarity(everyone)
    by_image: dict[str, list[tuple[int, Shown]]] = {}
    for number, watcher in enumerate(group):
        for image in watcher.shown.values():
            by_image.setdefault(image.picture, []).append((number, image))
    company = Company(group)
    own = [{id(image): _own(image, watcher, rarity, pictures) for image in watcher.shown.values()} for watcher in group]
    rows = []
    for picture, shown in by_image.items():
        views = [own[number][id(image)] for number, image in shown]
        row = {name: float(np.mean([view[name] for view in views])) for name in views[0]}
        if len(group) > 1:
            row |= _compared(shown, views, len(group)) | company.of(picture, shown)
        rows.append(row)
    return Seen(list(by_image), rows)


def _own(image: Shown, watcher: Watcher, rarity: Rarity, pictures: Mapping[str, Picture]) -> dict[str, float]:
    """What one account can know of an image by itself."""
    first, last = image.placements[0], image.placements[-1]
    size = len(first.mates)
    digits = image.assignment.replace("-", "")
    figures: dict[str, float] = {
        "when it was first shown": first.moment,
        "number of the set": first.number,
        "position": first.position,
        "position from the end": size - first.position,
        "images in the set": size,
        "how often it came back": len(image.placements) - 1,
        "how long until it came back": last.moment - first.moment,
        "width": image.width,
        "bytes of the image": image.replies["image"][0].size,
        "first digits of the id": int(digits[:4], 16),
        "last digits of the id": int(digits[-4:], 16),
        "bits of the id": bin(int(digits, 16)).count("1"),
    }
    figures |= dict(_by_replies(image, rarity)) | _by_look(first, pictures, image.picture)
    figures |= _by_last_sets(first, watcher, pictures, image.picture)
    settled = watcher.settled.get(watcher.sets[last.number - 1])
    figures["seconds to hand in"] = settled.seconds if settled else 0.0
    figures["statements to hand in"] = settled.statements if settled else 0
    return figures


CALLS = ("row", "image", "answer", "together", "changed", "skip", "late", "history")


def _by_replies(image: Shown, rarity: Rarity) -> Iterator[tuple[str, float]]:
    for call in CALLS:
        replies = image.replies.get(call, [])
        yield f"responses to {call}", float(len(replies))
        yield f"unusual {call}", max((rarity.of(call, reply) for reply in replies), default=0.0)
        if call != "image":
            yield f"bytes of {call}", float(max((reply.size for reply in replies), default=0))
        yield f"statements of {call}", float(max((reply.statements for reply in replies), default=0))
        yield f"seconds of {call}", max((reply.seconds for reply in replies), default=0.0)


def _by_look(placement: Placement, pictures: Mapping[str, Picture], picture: str) -> dict[str, float]:
    """How far it is from the others of its set, in class and in the upload."""
    me = pictures[picture]
    at = placement.mates.index(picture)
    mates = [pictures[mate] for mate in placement.mates]
    others = [*mates[:at], *mates[at + 1 :]] or [me]
    beside = [*mates[max(at - 1, 0) : at], *mates[at + 1 : at + 2]] or [me]
    distances = sorted(abs(me.upload - other.upload) for other in others)
    order = [abs(me.upload - other.upload) for other in beside]
    return {
        "class": me.folder,
        "place in the upload": me.upload,
        "place in its clip": me.upload % CLIP,
        "others of its class in the set": sum(other.folder == me.folder for other in others) / len(others),
        "not of the main class of the set": Counter(other.folder for other in others).most_common(1)[0][0] != me.folder,
        "breaks a run of one class": all(other.folder != me.folder for other in beside),
        "far from the images beside it": sum(order) / len(order),
        "follows the image before": at > 0 and mates[at - 1].upload + 1 == me.upload,
        "far from its nearest in the set": distances[0],
        "far from the middle of the set": abs(me.upload - float(np.median([other.upload for other in others]))),
        "others of its clip in the set": sum(other.upload // CLIP == me.upload // CLIP for other in others),
    }


def _by_last_sets(
    placement: Placement, watcher: Watcher, pictures: Mapping[str, Picture], picture: str
) -> dict[str, float]:
    """How rare its class, and its stretch of the upload, are in the sets around it."""
    me = pictures[picture]
    near = {
        each.picture
        for each in watcher.shown.values()
        if abs(each.placements[0].number - placement.number) <= 3 and each.picture != picture
    }
    around = [pictures[each] for each in near]
    all_of_it = [pictures[each.picture] for each in watcher.shown.values() if each.picture != picture]
    gaps = sorted(abs(other.upload - me.upload) for other in all_of_it) or [0]
    return {
        "others of its class in the sets around": sum(each.folder == me.folder for each in around) / (len(around) or 1),
        "others of its clip ever": sum(each.upload // CLIP == me.upload // CLIP for each in all_of_it),
        "far from its nearest ever": gaps[0],
        "near ones ever": sum(gap <= 20 for gap in gaps),
    }


def _compared(shown: Sequence[tuple[int, Shown]], views: Sequence[Mapping[str, float]], size: int) -> dict[str, float]:
    """What accounts learn by laying their lists side by side: who was shown it, when, and how."""
    accounts = {number for number, _ in shown}
    moments = sorted(image.placements[0].moment for _, image in shown)
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    told = sorted(answer for _, image in shown for answer in image.answers)
    second = next((when for when, number in told if number != told[0][1]), None)
    figures: dict[str, float] = {
        "how many of us saw it": len(accounts),
        "all of us saw it": len(accounts) == size,
        "one of us alone saw it": len(accounts) == 1,
        "who saw it first": min(shown, key=lambda each: each[1].placements[0].moment)[0],
        "time between the first and the last": moments[-1] - moments[0],
        "shortest time between two": min(gaps, default=-1),
        "shown to two at the same moment": sum(gap == 0 for gap in gaps),
        "different answers": len({number for _, number in told}),
        "shown again after different answers": 0 if second is None else sum(each > second for each in moments),
    }
    for name in ("position", "bytes of the image", "width", "unusual row", "unusual image", "unusual answer"):
        values = [view[name] for view in views]
        figures[f"differs between us: {name}"] = max(values) - min(values)
    return figures


class Company:
    """Which images are shown together: those of a batch share sets again and again, whoever gets them."""

    def __init__(self, group: Sequence[Watcher]) -> None:
        self._sets = _sets_of(group)
        self._of: dict[str, list[tuple[int, int]]] = {}
        for key, (_, images) in self._sets.items():
            for image in images:
                self._of.setdefault(image, []).append(key)
        keys = list(self._sets)
        self._index = {key: number for number, key in enumerate(keys)}
        columns = {image: number for number, image in enumerate(self._of)}
        member = np.zeros((len(keys), len(columns)), np.float32)
        for key, (_, images) in self._sets.items():
            member[self._index[key], [columns[image] for image in images]] = 1
        self._member, self._columns = member, columns
        self._shared, self._pairs, self._often = member @ member.T, member.T @ member, member.sum(0)
        self._moments = [moment for moment, _ in self._sets.values()]

    def of(self, picture: str, shown: Sequence[tuple[int, Shown]]) -> dict[str, float]:
        own = [(number, image.placements[0].number) for number, image in shown]
        accounts = {number for number, _ in own}
        shared = [self._overlap(one, other) - 1 for one, other in combinations(own, 2)]
        absent = [self._most_shared(key, but=accounts) for key in own]
        figures = self._partners(picture) | {
            "set mates that we share": float(np.mean(shared)) if shared else -1.0,
            "most set mates that two share": max(shared, default=-1.0),
            "fewest set mates that two share": min(shared, default=-1.0),
            "set mates shown to one who did not get it": float(np.mean(absent)),
            "most of them": max(absent),
        }
        ties = [self._ties(key, picture) for key in own]
        for name in ties[0]:
            figures[name] = float(np.mean([tie[name] for tie in ties]))
        return figures

    def _partners(self, picture: str) -> dict[str, float]:
        """How many images were in every set that this one was in, and how many in no other."""
        column = self._columns[picture]
        together, often = self._pairs[column], self._often
        always = together == often[column]
        always[column] = False
        both = always & (often == often[column])
        return {
            "images in all of its sets": float(always.sum()),
            "images in the same sets and no others": float(both.sum()),
            "sets with its closest partner, of its sets": float(np.sort(together)[-2] / often[column]),
            "the same of its second partner": float(np.sort(together)[-3] / often[column]),
        }

    def _overlap(self, one: tuple[int, int], other: tuple[int, int]) -> float:
        return float(self._shared[self._index[one], self._index[other]])

    def _most_shared(self, key: tuple[int, int], *, but: set[int]) -> float:
        """How many of the set's images somebody else had in one set who was not shown this image."""
        others = [self._overlap(key, each) for each in self._sets if each[0] not in but]
        return max(others, default=0.0)

    def _ties(self, key: tuple[int, int], picture: str) -> dict[str, float]:
        """How closely an image belongs to the others of its set, by all the other sets, against how they do."""
        row = self._index[key]
        mates = [self._columns[each] for each in self._sets[key][1] if each != picture]
        if not mates:
            return dict.fromkeys(TIES, 0.0)
        columns = self._member[:, [self._columns[picture], *mates]].copy()
        columns[row] = 0
        direct = columns.T @ columns
        around = columns.T @ self._shared @ columns
        seen = columns.sum(0)
        often = around / np.maximum(np.outer(seen, seen), 1)
        others = ~np.eye(len(mates), dtype=bool)
        moment = self._sets[key][0]
        elsewhere = [self._nearest(each, moment, row) for each in [self._columns[picture], *mates]]
        values = (
            direct[0, 1:].mean() - (direct[1:, 1:][others].mean() if len(mates) > 1 else 0),
            direct[0, 1:].max(),
            often[0, 1:].mean() - (often[1:, 1:][others].mean() if len(mates) > 1 else 0),
            seen[0] - seen[1:].mean(),
            elsewhere[0] - float(np.median(elsewhere[1:])),
        )
        return dict(zip(TIES, map(float, values), strict=True))

    def _nearest(self, column: int, moment: int, row: int) -> float:
        """The time to the nearest other set with this image; a long one if there is none."""
        rows = np.flatnonzero(self._member[:, column])
        moments = [self._moments[each] for each in rows if each != row]
        return min((abs(each - moment) for each in moments), default=FAR)


FAR = 500.0
TIES = (
    "together with its set mates elsewhere",
    "most often with one of them",
    "in sets that resemble those of its set mates",
    "shown to more of us than its set mates",
    "shown elsewhere at another time than its set mates",
)


def _sets_of(group: Sequence[Watcher]) -> Sets:
    sets: dict[tuple[int, int], tuple[int, frozenset[str]]] = {}
    for number, watcher in enumerate(group):
        for image in watcher.shown.values():
            for placement in image.placements:
                sets[number, placement.number] = (placement.moment, frozenset(placement.mates))
    return sets
