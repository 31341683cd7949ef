"""File and folder names that every file system holds, and no two of which are one name on any of them.

Names come from the owner's source keys. What is changed is listed in the export's report; nothing is overwritten.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b

# What torchvision's ImageFolder takes for an image (IMG_EXTENSIONS): a file named otherwise would be overlooked.
IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
EXTENSIONS = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/webp": (".webp",),
    "image/bmp": (".bmp",),
    "image/tiff": (".tif", ".tiff"),
}
# Bytes of UTF-8. File systems stop at 255 a part (143 when encrypted) and Windows at 260 characters a whole path,
# of which the folder that the release is unpacked into needs its share.
PART_LIMIT = 100
PATH_LIMIT = 180

_UNSAFE = re.compile(r'[<>:"|?*/\\]')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?$", re.IGNORECASE)


def fold(name: str) -> str:
    """The form under which two names are one on a file system that ignores case or Unicode form."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def short_hash(text: str, digits: int = 8) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()[:digits]


def safe_part(part: str, limit: int = PART_LIMIT) -> str:
    """One folder or file name without separators, control or bidirectional characters, reserved names or odd edges.

    A longer name than `limit` bytes keeps its extension and its beginning, and a hash of all of it.
    """
    text = unicodedata.normalize("NFC", part)
    text = "".join("_" if unicodedata.category(char).startswith("C") else char for char in text)
    text = _UNSAFE.sub("_", text).strip(" ").rstrip(". ")
    if not text or text.startswith("."):
        text = "_" + text.lstrip(".")
    if _RESERVED.match(text):
        text = "_" + text
    return text if len(text.encode()) <= limit else _shortened(text, limit)


def safe_path(source: str, media_type: str) -> str:
    """A relative POSIX path for an image, its extension that of its content. Frame of reference: the images folder.

    Folders never end like an image and files always do, so no file stands where another needs a folder.
    """
    parts = [safe_part(part) for part in re.split(r"[/\\]+", source) if part not in ("", ".", "..")]
    *folders, name = parts or ["image"]
    folders = [f"{each}_" if each.lower().endswith(IMAGE_EXTENSIONS) else each for each in folders]
    extensions = EXTENSIONS.get(media_type, (".jpg",))
    if not name.lower().endswith(extensions):
        name = safe_part(name, PART_LIMIT - len(extensions[0])) + extensions[0]
    path = "/".join([*folders, name])
    if len(path.encode()) > PATH_LIMIT:
        path = f"{short_hash('/'.join(folders), 16)}/{name}"
    return path


def with_suffix(path: str, suffix: str) -> str:
    """`a/x.jpg` with the suffix `1f` is `a/x_1f.jpg`."""
    stem, dot, extension = path.rpartition(".")
    return f"{stem}_{suffix}{dot}{extension}" if dot and "/" not in extension else f"{path}_{suffix}"


class NameBook:
    """The names given so far. Holds 8 bytes of hash for each: two names with one hash only cost a suffix.

    With `by_stem`, names that differ by extension alone count as one, for formats that keep `x.xml` beside `x.jpg`.
    """

    def __init__(self, *, by_stem: bool = False) -> None:
        self._by_stem = by_stem
        self._taken: set[int] = set()

    def give(self, path: str, owner: str) -> str:
        """`path` if it is free, else with a suffix made from `owner` (the image's id), so that it does not count up.

        Nothing else in the release moves when two sources share a name: the second one alone takes the suffix.
        """
        if self._take(path):
            return path
        for attempt in range(1_000):
            candidate = with_suffix(path, short_hash(owner if attempt == 0 else f"{owner}#{attempt}"))
            if self._take(candidate):
                return candidate
        raise AssertionError("a thousand hashes of one name were all taken")

    def _take(self, path: str) -> bool:
        key = fold(path.rpartition(".")[0] if self._by_stem else path)
        number = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")
        if number in self._taken:
            return False
        self._taken.add(number)
        return True


def _shortened(text: str, limit: int) -> str:
    stem, dot, extension = text.rpartition(".")
    if not dot or len(extension.encode()) > 8:
        stem, dot, extension = text, "", ""
    room = limit - len(f"_00000000{dot}{extension}".encode())
    kept = stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ")
    return f"{kept}_{short_hash(text)}{dot}{extension}"
