"""Errors of an import as a whole; a single refused file is a row with its reason instead."""

from kernel.errors import Refused, TransitionRefused


class ImportClosed(TransitionRefused):
    """This import has already been submitted; start another import to add files."""

    code = "import_closed"


class ImportEmpty(Refused):
    """This import contains no files; choose images, a ZIP archive or a folder."""

    code = "import_empty"


class ImportTooLarge(Refused):
    """This is more than one import can hold; split it into several imports."""

    code = "import_too_large"


class MetadataRefused(Refused):
    """This metadata table cannot be read; save it as CSV in UTF-8 and upload it again."""

    code = "metadata_refused"


class FolderRefused(Refused):
    """This folder cannot be read; check the path and its permissions."""

    code = "folder_refused"
