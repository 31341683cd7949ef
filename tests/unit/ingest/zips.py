"""ZIP files built in code, byte by byte where `zipfile` would refuse to."""

from __future__ import annotations

import io
import struct
import zipfile  # noqa: TID251 - creates what the module must refuse
import zlib
from pathlib import Path


def packed(folder: Path, files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "images.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def forged(
    folder: Path,
    entries: list[tuple[bytes, bytes]],
    *,
    flags: int = 0,
    method: int = 8,
    mode: int = 0o100644,
    declared: int | None = None,
    share_data: bool = False,
    extras: list[bytes] | None = None,
) -> Path:
    """Return an archive with forged headers: raw names, a false size, entries that share data, extra fields."""
    body, directory = io.BytesIO(), io.BytesIO()
    first = 0
    for number, (name, content) in enumerate(entries):
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = compressor.compress(content) + compressor.flush() if method == 8 else content
        size = len(content) if declared is None else declared
        at = first if share_data and number else body.tell()
        fields = struct.pack("<HHHHLLL", flags, method, 0, 33, zlib.crc32(content), len(data), size)
        if not (share_data and number):
            body.write(b"PK\x03\x04" + struct.pack("<H", 20) + fields + struct.pack("<HH", len(name), 0) + name + data)
        directory.write(b"PK\x01\x02" + struct.pack("<BBH", 20, 3, 20) + fields)
        extra = extras[number] if extras else b""
        directory.write(struct.pack("<HHHHHLL", len(name), len(extra), 0, 0, 0, mode << 16, at) + name + extra)
    start = body.tell()
    body.write(directory.getvalue())
    count = len(entries) & 0xFFFF
    body.write(b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, count, count, len(directory.getvalue()), start, 0))
    path = folder / "forged.zip"
    path.write_bytes(body.getvalue())
    return path
