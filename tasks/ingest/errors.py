"""What can be wrong with an import as a whole; a single file that is refused is a row with its reason."""

from kernel.errors import Refused, TransitionRefused


class ImportClosed(TransitionRefused):
    """This import was sent off already; start another one for more files."""

    code = "import_closed"


class ImportEmpty(Refused):
    """Nothing was sent; choose images, a ZIP archive or a folder."""

    code = "import_empty"


class ImportTooLarge(Refused):
    """This is more than one import can take; send it in several."""

    code = "import_too_large"


class MetadataRefused(Refused):
    """This table cannot be read."""

    code = "metadata_refused"


class FolderRefused(Refused):
    """This folder cannot be read."""

    code = "folder_refused"
