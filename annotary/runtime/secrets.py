"""Secrets of this installation: made once, kept in one file that its owner alone can read."""

import json
import os
import secrets
from pathlib import Path

from annotary.runtime.errors import EmbeddedError

NAMES = ("ANNOTARY_SECRET_KEY", "ANNOTARY_METRICS_TOKEN")


def load_or_create(path: Path) -> dict[str, str]:
    """The secrets by the name of their environment variable; missing ones are added."""
    try:
        kept: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        kept = {}
    except ValueError as error:
        # A fresh key in its place would sign everybody out without a word, so that is left to a person.
        raise EmbeddedError(
            f"{path} is damaged: restore it from a backup, or delete it to sign everybody out."
        ) from error
    missing = [name for name in NAMES if name not in kept]
    if missing:
        kept |= {name: secrets.token_urlsafe(48) for name in missing}
        write_private(path, json.dumps(kept, indent=2) + "\n")
    return kept


def write_private(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner alone from its first moment on."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
