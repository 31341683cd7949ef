"""Spools large uploads to temporary files."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.core.files.uploadhandler import TemporaryFileUploadHandler


class SpoolingUploadHandler(TemporaryFileUploadHandler):
    """Removes the file at once if the disk refuses it; Django would keep it until the garbage is collected."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        with self._removed_on_error():
            return super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> Any:
        with self._removed_on_error():
            return super().file_complete(file_size)

    @contextlib.contextmanager
    def _removed_on_error(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # Closing writes what is buffered, which fails for the same reason; the file is gone nevertheless.
            with contextlib.suppress(OSError):
                self.upload_interrupted()
            raise
