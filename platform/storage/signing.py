"""Signed links to files, which expire: the signature covers the subject and the purpose of a link."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from django.core import signing

from kernel.errors import Gone

Purpose = Literal["screen", "thumb", "original", "export", "evidence"]

_SALT = "annotary.storage.link."


class LinkExpired(Gone):
    """This link has expired or was modified; reload the page to get a new one."""

    code = "link_ended"


def sign_link(subject: str, *, purpose: Purpose, lifetime: timedelta) -> str:
    """Return a URL-safe token that grants access to `subject` for `purpose` for the duration `lifetime`.

    The token reveals `subject`: use the id of the assignment or the export, never of an image or a blob, which would
    distinguish gold from work. A token for one purpose is not valid for another.
    """
    return signing.dumps([subject, int(lifetime.total_seconds())], salt=_SALT + purpose)


def read_link(token: str, *, purpose: Purpose) -> str:
    """Return the subject of a token. Raises LinkExpired if it is for another purpose, was modified, or has expired."""
    signer = signing.TimestampSigner(salt=_SALT + purpose)
    try:
        subject, seconds = signer.unsign_object(token)
        signer.unsign_object(token, max_age=seconds)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise LinkExpired from error
    return str(subject)
