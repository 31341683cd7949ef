"""Matching of file names in a table or in labels to images. Pure.

Two names match if they are equal or one is the tail of the other: `x.jpg` matches `photos/x.jpg` and the other way
round, but `val/x.jpg` does not match `train/x.jpg`. A match must be unique on both sides; a label on the wrong image is
worse than none. Names without such a match get a second try with forms that other programs give them, which is always
reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import product
from operator import attrgetter
from typing import TypeAlias

from annotary_core.formats.split_folders import folder_key, split_of
from annotary_core.labels.names import normalize_name
from annotary_core.wording import format_count
from tasks.ingest.name_forms import as_written, without_extension, without_notation

# More candidates than this are as ambiguous as this many; it bounds the work if a thousand images have one name.
_MAX_CANDIDATES = 1_000
_SHOWN = 3
#: The forms in which names are compared, the exact one first.
_FORMS: tuple[Callable[[str], str], ...] = (as_written, without_notation, without_extension)

#: The names under which images are known, each with the identities of its images (more than one if they share it).
Present: TypeAlias = Mapping[str, frozenset[Hashable]]


@dataclass(frozen=True, slots=True)
class Claim:
    """What labels say about the name of an image.

    `folder`: the image is in a folder of this name, or, if it is the folder of a split, in none of another split.
    `own_name`: the name of a label file, which must not be that of another image. `original_name`: a name to try if
    `name` matches nothing; `own_name` is one, too. `likely_folder`: a match in another folder is reported as a
    second try.
    """

    name: str
    folder: str = ""
    own_name: str = ""
    original_name: str = ""
    likely_folder: str = ""


@dataclass(slots=True)
class NameMatches:
    """`matches` is {claimed name: name of an image}.

    `refused` are claimed names that could mean several images, each with a sentence that names the candidates, and
    `second_tries` matches of names that differ, each with a sentence that says so. `repeats` are claimed names that
    only differ in notation from the name of an image that is matched: {claimed name: name of an image}. Other names
    match no image.
    """

    matches: dict[str, str] = field(default_factory=dict)
    repeats: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    second_tries: dict[str, str] = field(default_factory=dict)


def match_names(wanted: Iterable[str] | Mapping[str, Claim], present: Iterable[str] | Present) -> NameMatches:
    """Match names to those of images; all are relative POSIX paths. `wanted` may map keys to claims about names."""
    claims = dict(wanted) if isinstance(wanted, Mapping) else {name: Claim(name) for name in wanted}
    identities = dict(present) if isinstance(present, Mapping) else {name: frozenset([name]) for name in present}
    matching = _Matching(claims, identities)
    matching.settle(matching.equal_names())
    for form in _FORMS:
        matching.settle(matching.candidates(form, attrgetter("name")), second_try=form is not as_written)
    for form, other in product(_FORMS, ("original_name", "own_name")):
        matching.settle(matching.candidates(form, attrgetter(other)), second_try=True)
    matching.refuse_stale_names()
    return matching.result


class _Matching:
    """The state of a matching: claims that are still open, and names of images that are taken."""

    def __init__(self, claims: dict[str, Claim], present: dict[str, frozenset[Hashable]]) -> None:
        self.claims = claims
        self.present = present
        self.open = dict(claims)
        self.taken: set[str] = set()
        self.result = NameMatches()
        self._forms: dict[Callable[[str], str], dict[str, list[str]]] = {}
        self._folders: dict[str, frozenset[str]] = {}

    def _by_form(self, form: Callable[[str], str]) -> dict[str, list[str]]:
        if form not in self._forms:
            self._forms[form] = _grouped(self.present, form)
        return self._forms[form]

    def equal_names(self) -> dict[str, list[str]]:
        """Return the names that equal a claimed name; a claim with a folder means a name in that folder first."""
        exact = self._by_form(as_written)
        names = {key: exact.get(normalize_name(each.name), []) for key, each in self.open.items() if not each.folder}
        return {key: candidates for key, candidates in names.items() if candidates}

    def candidates(self, form: Callable[[str], str], name_of: Callable[[Claim], str]) -> dict[str, list[str]]:
        """Return {key of an open claim: names of images that match it in this form}."""
        forms = {key: form(name_of(each)) for key, each in self.open.items()}
        wanted = {key: name for key, name in forms.items() if name}
        if not wanted:
            return {}
        inside = self._inside_folders(wanted, form)
        others = {key: name for key, name in wanted.items() if key not in inside}
        return inside | _related(others, self._by_form(form))

    def _inside_folders(self, wanted: Mapping[str, str], form: Callable[[str], str]) -> dict[str, list[str]]:
        """Return candidates for claims with a folder that has any: folder by folder, as many may have one name."""
        by_folder: dict[str, dict[str, str]] = defaultdict(dict)
        for key, name in wanted.items():
            if folder := self.claims[key].folder:
                by_folder[folder_key(folder)][key] = name
        if not by_folder:
            return {}
        present: dict[str, dict[str, list[str]]] = {folder: {} for folder in by_folder}
        for formed, names in self._by_form(form).items():
            for name in names:
                for folder in self._folders_of(name) & by_folder.keys():
                    present[folder].setdefault(formed, []).append(name)
        return {
            key: names
            for folder, claimed in by_folder.items()
            for key, names in _related(claimed, present[folder]).items()
        }

    def _folders_of(self, name: str) -> frozenset[str]:
        if name not in self._folders:
            self._folders[name] = frozenset(map(folder_key, name.split("/")[:-1]))
        return self._folders[name]

    def _in_folder(self, names: list[str], folder: str) -> list[str]:
        """Return the names in this folder, else those that may be in it: a split's images are in no other split."""
        if not folder:
            return names
        inside = [name for name in names if folder_key(folder) in self._folders_of(name)]
        if inside or not split_of(folder):
            return inside or names
        return [name for name in names if not any(map(split_of, self._folders_of(name)))]

    def settle(self, candidates: dict[str, list[str]], *, second_try: bool = False) -> None:
        """Match the claims with exactly one candidate that no other claim has, and close the other ones."""
        unique: dict[str, list[str]] = defaultdict(list)
        for key, names in candidates.items():
            allowed = self._in_folder(names, self.claims[key].folder)
            if not allowed:
                continue
            del self.open[key]
            free = [name for name in allowed if name not in self.taken]
            if not free:
                self._note_repeat(key, allowed)
            elif len(frozenset().union(*(self.present[name] for name in allowed))) > 1:
                self.result.refused[key] = self._ambiguous(allowed)
            else:
                unique[free[0]].append(key)
        for name, keys in unique.items():
            self._match(name, self._without_other_folders(name, keys), second_try)

    def _without_other_folders(self, name: str, keys: list[str]) -> list[str]:
        """Leave out the claims for another folder if any claim is for the image's own: they are about other images."""
        wanted = {key: folder_key(self.claims[key].folder) for key in keys}
        folders = {"", *self._folders_of(name)}
        own = [key for key in keys if wanted[key] in folders]
        return own if any(wanted[key] for key in own) else keys

    def _note_repeat(self, key: str, names: list[str]) -> None:
        """Note a name that is another notation of that of a matched image, and not in another folder."""
        same = [name for name in names if without_extension(name) == without_extension(self.claims[key].name)]
        if same:
            self.result.repeats[key] = same[0]

    def _match(self, name: str, keys: list[str], second_try: bool) -> None:
        self.taken.add(name)
        if len(keys) > 1:
            first = nsmallest(_SHOWN + 1, keys)
            for key in keys:
                others = _listed([other for other in first if other != key], count=len(keys) - 1)
                self.result.refused[key] = f"The image {name} may be this one or {others}. Use full paths."
            return
        self.result.matches[keys[0]] = name
        likely = self.claims[keys[0]].likely_folder
        if second_try:
            self.result.second_tries[keys[0]] = f"It was used for the image {name}, whose name differs."
        elif likely and folder_key(likely) not in self._folders_of(name):
            self.result.second_tries[keys[0]] = f"It was used for the image {name}, which is not in a folder {likely}."

    def _ambiguous(self, names: list[str]) -> str:
        if len(names) == 1:
            images = format_count(len(self.present[names[0]]), "different image")
            return f"{images} have the name {names[0]}. Rename one of them."
        return f"This may be {_listed(names, 'or')}. Use the full path."

    def refuse_stale_names(self) -> None:
        """Refuse matches of labels whose file has the name of another image."""
        images = self.result.matches | self.result.repeats
        own_names = {key: name for key in images if (name := self.claims[key].own_name)}
        for form in _FORMS:
            forms = {key: form(name) for key, name in own_names.items()}
            for key in [key for key, name in forms.items() if _is_related(name, form(images[key]))]:
                del own_names[key], forms[key]
            for key, names in (_related(forms, self._by_form(form)) if forms else {}).items():
                del own_names[key]
                if not any(self.present[name] & self.present[images[key]] for name in names):
                    self._refuse_match(
                        key,
                        f"The labels name the image {images[key]}, but their file has the name of"
                        f" {_listed(names, 'or')}. Correct the one that is wrong.",
                    )
        matched = set(self.result.matches.values())
        for key, image in list(self.result.repeats.items()):
            if image not in matched:
                self._refuse_match(key, f"Other labels for the image {image} were refused, so these were not used.")

    def _refuse_match(self, key: str, sentence: str) -> None:
        for names in (self.result.matches, self.result.repeats, self.result.second_tries):
            names.pop(key, None)
        self.result.refused[key] = sentence


def _grouped(names: Iterable[str], form: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[form(name)].append(name)
    return dict(groups)


def _related(wanted: Mapping[str, str], present: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return {key: names whose form is equal to the wanted form, a tail of it, or has it as a tail}."""
    keys = _grouped(wanted, wanted.__getitem__)
    related: dict[str, list[str]] = defaultdict(list)
    for form, names in present.items():
        for tail in _tails(form):
            for key in keys.get(tail, ()):
                if len(related[key]) < _MAX_CANDIDATES:
                    related[key] += names
    for form, same in keys.items():
        for tail in list(_tails(form))[1:]:
            for key in same:
                related[key] += present.get(tail, ())
    return {key: names for key, names in related.items() if names}


def _is_related(one: str, other: str) -> bool:
    """Whether either is the other one or a tail of it."""
    return f"/{one}".endswith(f"/{other}") or f"/{other}".endswith(f"/{one}")


def _tails(path: str) -> Iterator[str]:
    yield path
    while "/" in path:
        path = path.partition("/")[2]
        yield path


def _listed(names: list[str], word: str = "and", count: int = 0) -> str:
    """Return the first names in order; `count` is the number of all if `names` are only the first of them."""
    shown, count = sorted(names)[:_SHOWN], count or len(names)
    if count > _SHOWN:
        return f"{', '.join(shown)} {word} {count - _SHOWN} more"
    return f"{', '.join(shown[:-1])} {word} {shown[-1]}" if len(shown) > 1 else shown[0]
