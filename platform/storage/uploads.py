"""Streams uploads that are too large for memory into the spool."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler

from storage.temporary_files import spool_folder


class SpooledUpload(TemporaryUploadedFile):
    """An upload in the spool. Django's own are in FILE_UPLOAD_TEMP_DIR, which has to exist before any command runs."""

    def __init__(self, name: str | None, content_type: str | None, extra: Mapping[str, Any]) -> None:
        # Deleted when it is closed.
        file = tempfile.NamedTemporaryFile(dir=spool_folder(), suffix=".upload")  # noqa: SIM115
        UploadedFile.__init__(self, file, name, content_type, 0, extra["charset"], extra["content_type_extra"])


class SpoolUploadHandler(TemporaryFileUploadHandler):
    """Removes the file at once if the disk refuses it; Django would keep it until the garbage is collected."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        FileUploadHandler.new_file(self, *args, **kwargs)
        extra = {"charset": self.charset, "content_type_extra": self.content_type_extra}
        self.file = SpooledUpload(self.file_name, self.content_type, extra)

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
