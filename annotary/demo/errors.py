"""Errors of the demo."""

from annotary.runtime.errors import EmbeddedError


class DemoError(EmbeddedError):
    """The demo cannot continue; the message says why."""
