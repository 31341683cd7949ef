"""File and folder names that are valid and unique on every file system.

Names are derived from the owner's source keys. Changed names are listed in the export's report; no file is overwritten.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b

from annotary_core.labels.names import normalize_name, replace_control

# The extensions that torchvision's ImageFolder accepts (IMG_EXTENSIONS); it ignores files with any other.
IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
EXTENSIONS = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/webp": (".webp",),
    "image/bmp": (".bmp",),
    "image/tiff": (".tif", ".tiff"),
}
# Bytes of UTF-8. File systems allow 255 per part (143 when encrypted) and Windows 260 characters for the whole path,
# including the folder that the release is unpacked into.
PART_LIMIT = 100
PATH_LIMIT = 180

# They display a name in another order, so that gpj.exe looks like exe.jpg (Unicode TR 36, 2.7).
_BIDIRECTIONAL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNSAFE = re.compile(r'[<>:"|?*/\\]')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?$", re.IGNORECASE)


def fold(name: str) -> str:
    """Return the form in which two names collide on a file system that ignores case or Unicode normalization."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def short_hash(text: str, digits: int = 8) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()[:digits]


def safe_part(part: str, limit: int = PART_LIMIT) -> str:
    """Make a folder or file name safe: no separators, control or bidirectional characters, reserved names or odd edges.

    Other invisible characters stay: joiners are part of emoji and of Persian words, and no-break spaces of the names of
    macOS screenshots. A name longer than `limit` bytes is reduced to its beginning, a hash of the whole name, and its
    extension.
    """
    text = _BIDIRECTIONAL.sub("_", replace_control(normalize_name(part)))
    text = _UNSAFE.sub("_", text).strip(" ").rstrip(". ")
    if not text or text.startswith("."):
        text = "_" + text.lstrip(".")
    if _RESERVED.match(text):
        text = "_" + text
    return text if len(text.encode()) <= limit else _shortened(text, limit)


def safe_path(source: str, media_type: str) -> str:
    """Return a safe POSIX path for an image, relative to the images folder, with the extension of its content.

    Folder names never end in an image extension and file names always do, so a file never collides with a folder.
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
    """Insert a suffix before the extension: `a/x.jpg` with the suffix `1f` is `a/x_1f.jpg`."""
    stem, dot, extension = path.rpartition(".")
    return f"{stem}_{suffix}{dot}{extension}" if dot and "/" not in extension else f"{path}_{suffix}"


class NameAllocator:
    """Allocates unique names. Keeps 8 bytes of hash per name; a hash collision only costs a suffix.

    With `by_stem`, names that differ only by extension collide, for formats that store an `x.xml` for `x.jpg`.
    """

    def __init__(self, *, by_stem: bool = False) -> None:
        self._by_stem = by_stem
        self._taken: set[int] = set()

    def allocate(self, path: str, owner: str) -> str:
        """Return `path` if it is free, else with a suffix derived from `owner` (the image's id) instead of a counter.

        If two sources share a name, only the second gets a suffix, so nothing else in the release changes.
        """
        if self._take(path):
            return path
        for attempt in range(1_000):
            candidate = with_suffix(path, short_hash(owner if attempt == 0 else f"{owner}#{attempt}"))
            if self._take(candidate):
                return candidate
        raise AssertionError("a thousand suffixes of one name were all in use")

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
    prefix = stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ")
    return f"{prefix}_{short_hash(text)}{dot}{extension}"
