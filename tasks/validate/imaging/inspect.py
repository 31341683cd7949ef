"""The entry point of the imaging package: one image in, its facts and renderings out. Nothing else opens images."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from tasks.validate.imaging.decoder import Decoder
from tasks.validate.imaging.errors import DecoderUnavailable, ImageRefused
from tasks.validate.imaging.limits import HEAD_BYTES, SCREEN_NAME, THUMB_NAME, ImageLimits
from tasks.validate.imaging.refusal import Refusal
from tasks.validate.imaging.sniff import SUFFIXES, Format, sniff


@dataclass(frozen=True, slots=True)
class RenderedImage:
    """An accepted image. Sides are in pixels; width and height are those of the upright frame that all labels use.

    orientation: EXIF 1 to 8, the transform from the original's pixels (original_width x original_height) to the frame.
    mode: Pillow's mode of the original. sha256: hex, of the original file. phash: 64 bits as a signed integer.
    release, screen, thumb: files in the caller's folder, upright, without metadata, grayscale or sRGB.
    sharpness: variance of the Laplacian at 1,024 pixels; brightness and contrast: 0 to 1.
    notes: sentences about what was ignored, for the person who sent the image.
    """

    width: int
    height: int
    original_width: int
    original_height: int
    orientation: int
    format: Format
    mode: str
    sha256: str
    size: int
    release: Path
    release_type: str
    screen: Path
    thumb: Path
    phash: int
    sharpness: float
    brightness: float
    contrast: float
    notes: tuple[str, ...]


class _Facts(msgspec.Struct, forbid_unknown_fields=True):
    """The decoder's response; the decoder handled hostile bytes, so only the structure of its response is trusted."""

    width: int
    height: int
    original_width: int
    original_height: int
    orientation: int
    format: Format
    mode: str
    release: str
    phash: int
    notes: list[str]
    sharpness: float
    brightness: float
    contrast: float


_DECODERS: dict[tuple[ImageLimits, int], Decoder] = {}
_RELEASES = {"release.jpg": "image/jpeg", "release.png": "image/png"}


def inspect_and_render(
    source: Path | bytes, *, out: Path, name: str = "", limits: ImageLimits | None = None, slot: int = 0
) -> RenderedImage:
    """Check one image and write its release, screen image and thumbnail into the folder `out`.

    `source` is a file that does not change meanwhile, or its bytes; `name` is the owner's file name and is only used
    for a note. A decoder processes one image at a time; threads that pass different slots have one each.
    Raises ImageRefused if the image is at fault, DecoderUnavailable (try again) if the machine is.
    """
    limits = limits or ImageLimits()
    path = _as_file(source, out)
    try:
        kind, size = _check_undecoded(path, limits)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        facts = _parse_facts(_decoder(limits, slot).render(path, out))
        return _assemble(facts, kind, digest, size, out, name)
    finally:
        if path != source:
            path.unlink(missing_ok=True)


def _decoder(limits: ImageLimits, slot: int) -> Decoder:
    # setdefault is atomic: two threads that race here both get the stored decoder. There is no lock, since a fork could
    # happen while it is held. A decoder starts its process on first use, so the discarded one has none.
    return _DECODERS.get((limits, slot)) or _DECODERS.setdefault((limits, slot), Decoder(limits))


def _as_file(source: Path | bytes, out: Path) -> Path:
    if isinstance(source, Path):
        return source
    path = out / "source"
    path.write_bytes(source)
    return path


def _check_undecoded(path: Path, limits: ImageLimits) -> tuple[Format, int]:
    """Check what needs no decoder; return format and size in bytes. Raises ImageRefused."""
    size = path.stat().st_size
    if size > limits.max_bytes:
        limit = limits.max_bytes // 1_000_000
        raise ImageRefused(
            "too_many_bytes", f"The file has {size // 1_000_000} MB and the limit is {limit} MB. Reduce its size."
        )
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    try:
        return sniff(head), size
    except Refusal as refusal:
        raise ImageRefused(refusal.code, refusal.sentence) from refusal


def _parse_facts(response: dict[str, Any]) -> _Facts:
    try:
        return msgspec.convert(response, _Facts)
    except msgspec.ValidationError as error:
        raise ImageRefused("decoder_died", "The image crashed the decoder. Export it again as JPEG or PNG.") from error


def _assemble(facts: _Facts, kind: Format, digest: str, size: int, out: Path, name: str) -> RenderedImage:
    notes = list(facts.notes)
    suffix = PurePosixPath(name).suffix.lower()
    if suffix and suffix not in SUFFIXES[kind]:
        notes.append(f"The file name ends in {suffix}, but the content is {kind}. The content was used.")
    if facts.release not in _RELEASES:
        raise ImageRefused("decoder_died", "The image crashed the decoder. Export it again as JPEG or PNG.")
    return RenderedImage(
        width=facts.width,
        height=facts.height,
        original_width=facts.original_width,
        original_height=facts.original_height,
        orientation=facts.orientation,
        format=kind,
        mode=facts.mode,
        sha256=digest,
        size=size,
        release=_regular_file(out / facts.release),
        release_type=_RELEASES[facts.release],
        screen=_regular_file(out / SCREEN_NAME),
        thumb=_regular_file(out / THUMB_NAME),
        # PostgreSQL's bigint is signed: the same 64 bits in two's complement.
        phash=facts.phash - (1 << 64) if facts.phash >> 63 else facts.phash,
        sharpness=facts.sharpness,
        brightness=facts.brightness,
        contrast=facts.contrast,
        notes=tuple(notes),
    )


def _regular_file(path: Path) -> Path:
    # lstat: a link planted by a compromised decoder must not publish another file of this machine.
    try:
        if stat.S_ISREG(path.lstat().st_mode):
            return path
    except FileNotFoundError:
        pass
    raise DecoderUnavailable("The image decoder produced no result. Try again shortly.")
