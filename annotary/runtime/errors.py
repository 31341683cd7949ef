"""Startup errors. The message is one sentence for the person at the terminal."""


class EmbeddedError(Exception):
    """Something on this machine keeps Annotary from starting; the message says what it is and how to fix it."""
