"""What ends a demonstration."""

from annotary.embedded.errors import EmbeddedError


class DemoError(EmbeddedError):
    """The demonstration cannot go on."""
