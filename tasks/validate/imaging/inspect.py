"""The door to this module: one image in, its facts and renderings out. Nothing else opens images."""

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
    """One image taken. Sides are in pixels; width and height are of the upright frame that every label refers to.

    orientation: EXIF 1 to 8, the transform from the original's pixels (original_width x original_height) to the frame.
    mode: Pillow's mode of the original. sha256: hex, of the original file. phash: 64 bits as a signed integer.
    release, screen, thumb: files in the caller's folder, upright and without metadata, grey or sRGB.
    sharpness: variance of the Laplacian at 1,024 pixels; brightness and contrast: 0 to 1.
    notes: sentences on what was ignored, for the person who sent the image.
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
    """What the decoder may answer; it handled hostile bytes, so it is believed in shape alone."""

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

    `source` is a file that does not change meanwhile, or its bytes; `name` is what its owner calls it and is used for
    a note alone. A decoder takes one image at a time; threads that name different slots have one each.
    Raises ImageRefused for the image, DecoderUnavailable (try again) for the machine.
    """
    limits = limits or ImageLimits()
    path = _as_file(source, out)
    try:
        kind, size = _admit(path, limits)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        facts = _believe(_decoder(limits, slot).render(path, out))
        return _assemble(facts, kind, digest, size, out, name)
    finally:
        if path != source:
            path.unlink(missing_ok=True)


def _decoder(limits: ImageLimits, slot: int) -> Decoder:
    # setdefault is atomic: of two threads that come first together, both get the one that is kept. No lock, which a
    # fork could catch held. A decoder starts its process when asked, so the other one never had any.
    return _DECODERS.get((limits, slot)) or _DECODERS.setdefault((limits, slot), Decoder(limits))


def _as_file(source: Path | bytes, out: Path) -> Path:
    if isinstance(source, Path):
        return source
    path = out / "source"
    path.write_bytes(source)
    return path


def _admit(path: Path, limits: ImageLimits) -> tuple[Format, int]:
    """What can be refused without a decoder. Raises ImageRefused."""
    size = path.stat().st_size
    if size > limits.max_bytes:
        most = limits.max_bytes // 1_000_000
        raise ImageRefused("too_many_bytes", f"The file has {size // 1_000_000} MB and the most is {most}; shrink it.")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    try:
        return sniff(head), size
    except Refusal as refusal:
        raise ImageRefused(refusal.code, refusal.sentence) from refusal


def _believe(answer: dict[str, Any]) -> _Facts:
    try:
        return msgspec.convert(answer, _Facts)
    except msgspec.ValidationError as error:
        raise ImageRefused("decoder_died", "The image broke its reader; export it again and send that.") from error


def _assemble(facts: _Facts, kind: Format, digest: str, size: int, out: Path, name: str) -> RenderedImage:
    notes = list(facts.notes)
    suffix = PurePosixPath(name).suffix.lower()
    if suffix and suffix not in SUFFIXES[kind]:
        notes.append(f"The name ends in {suffix} but the content is {kind}, and the content counts.")
    if facts.release not in _RELEASES:
        raise ImageRefused("decoder_died", "The image broke its reader; export it again and send that.")
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
        release=_plain_file(out / facts.release),
        release_type=_RELEASES[facts.release],
        screen=_plain_file(out / SCREEN_NAME),
        thumb=_plain_file(out / THUMB_NAME),
        # PostgreSQL's bigint is signed: the same 64 bits, read as two's complement.
        phash=facts.phash - (1 << 64) if facts.phash >> 63 else facts.phash,
        sharpness=facts.sharpness,
        brightness=facts.brightness,
        contrast=facts.contrast,
        notes=tuple(notes),
    )


def _plain_file(path: Path) -> Path:
    # lstat: a link planted by a decoder that was taken over must not publish another file of this machine.
    try:
        if stat.S_ISREG(path.lstat().st_mode):
            return path
    except FileNotFoundError:
        pass
    raise DecoderUnavailable("The image reader left no result; try again shortly.")
