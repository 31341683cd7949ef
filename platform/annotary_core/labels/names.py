"""Comparison of names: of classes, tags, attributes, files and paths."""

import unicodedata


def normalize_name(text: str) -> str:
    """Return the text in Unicode NFC, the form in which names are compared: macOS writes the letters of é apart."""
    return unicodedata.normalize("NFC", text)
