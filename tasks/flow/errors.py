"""Errors of flow, as people read them."""

from kernel.errors import Conflict, Refused, Unavailable


class ImageBeingLabeled(Conflict):
    """This image is being labeled. Choose another one."""

    code = "image_in_work"


class SampleRefused(Refused):
    """Give the number of check images to create as a whole number, or as a share from 0 to 1."""

    code = "sample_refused"


class PredictionRefused(Refused):
    """These predictions are not valid."""

    code = "prediction_refused"


class ProjectBusy(Unavailable):
    """A job of this project is still running. It is deleted once that has ended."""

    code = "project_busy"


class NothingSelected(Refused):
    """Select images of the list that were set aside, at most 500 at once."""

    code = "nothing_selected"


class NothingToPromote(Conflict):
    """No label can become a check image at present. Approve labels with a high confidence first."""

    code = "nothing_to_promote"


class PeopleFileRefused(Refused):
    """This file of people cannot be read. Save it as “CSV UTF-8” with a column named email, and upload it again."""

    code = "people_file_refused"
