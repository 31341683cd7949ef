"""Links to files that end by themselves: what a link opens, and for what purpose, is signed into it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from django.core import signing

from kernel.errors import Gone

Purpose = Literal["screen", "thumb", "original", "export", "evidence"]

_SALT = "annotary.storage.link."


class LinkEnded(Gone):
    """This link has ended or was changed on the way; load the page again to get a new one."""

    code = "link_ended"


def sign_link(subject: str, *, purpose: Purpose, lasts: timedelta) -> str:
    """Return a token, safe in a URL, that opens `subject` for `purpose` until `lasts` has passed.

    `subject` can be read from the token: give ids of the assignment or the export, never of an image or a blob,
    which would tell gold from work. A token for one purpose opens nothing for another.
    """
    return signing.dumps([subject, int(lasts.total_seconds())], salt=_SALT + purpose)


def read_link(token: str, *, purpose: Purpose) -> str:
    """Return the subject of a token. Raises LinkEnded when it was signed for another purpose, changed, or has ended."""
    signer = signing.TimestampSigner(salt=_SALT + purpose)
    try:
        subject, seconds = signer.unsign_object(token)
        signer.unsign_object(token, max_age=seconds)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise LinkEnded from error
    return str(subject)
