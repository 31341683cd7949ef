"""What can go wrong while starting; the text is one sentence for the person at the terminal."""


class EmbeddedError(Exception):
    """Something on this machine keeps Annotary from starting; the message says what, and how to mend it."""
