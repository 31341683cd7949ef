"""Errors of gold, as people read them."""

from kernel.errors import Conflict, Refused


class GoldExists(Conflict):
    """This image is already a check image. Retire that check image first."""

    code = "gold_exists"


class GoldRefused(Refused):
    """This image cannot become a check image. Choose an image of this project and give an accepted answer."""

    code = "gold_refused"
