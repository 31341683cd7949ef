"""Errors of an import as a whole; a single refused file is a row with its reason instead."""

from kernel.errors import NotFound, Refused, TransitionRefused


class ImportClosed(TransitionRefused):
    """This import has already been submitted. Start another import to add files."""

    code = "import_closed"


class ImportEmpty(Refused):
    """This import contains no files. Choose images, a ZIP archive, or a folder."""

    code = "import_empty"


class ImportTooLarge(Refused):
    """This is more than one import can hold. Split it into several imports."""

    code = "import_too_large"


class TableRefused(Refused):
    """This table cannot be read. Save it as “CSV UTF-8” and upload it again."""

    code = "table_refused"


class MetadataRefused(Refused):
    """This metadata table cannot be read. Save it as CSV in UTF-8 and upload it again."""

    code = "metadata_refused"


class GroupingRefused(Refused):
    """Images cannot be kept together in this way. Keep those of a folder or those with a value in a column together."""

    code = "grouping_refused"


class FolderRefused(Refused):
    """This folder cannot be read. Check the path and its permissions."""

    code = "folder_refused"


class ArchiveRefused(Refused):
    """This archive cannot be accepted. Pack the images into a new ZIP archive and upload that."""

    code = "archive_refused"

    def __init__(self, reason: str, sentence: str) -> None:
        """`reason` is a stable code for counting and tests; `sentence` is shown to the person who sent the archive."""
        super().__init__(sentence, reason=reason)
        self.reason = reason
        self.sentence = sentence


class GroundTruthRefused(Refused):
    """These labels cannot be read. Upload COCO JSON, VOC XML, or images in one folder per class."""

    code = "truth_refused"


class ImportNotFound(NotFound):
    """This project has no such import. Choose one from the project's list of imports."""

    code = "import_unknown"
