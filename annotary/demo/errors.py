"""What ends a demonstration."""

from annotary.runtime.errors import EmbeddedError


class DemoError(EmbeddedError):
    """The demonstration cannot go on."""
