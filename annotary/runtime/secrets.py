"""The installation's secrets: generated once and kept in a file that only its owner can read."""

import json
import os
import secrets
from pathlib import Path

from annotary.runtime.errors import EmbeddedError

NAMES = ("ANNOTARY_SECRET_KEY", "ANNOTARY_METRICS_TOKEN")


def load_or_create(path: Path) -> dict[str, str]:
    """Return the secrets by environment variable, generating and saving those that are missing."""
    try:
        stored: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        stored = {}
    except ValueError as error:
        # Generating a new key would silently sign everybody out, so a person decides.
        raise EmbeddedError(
            f"{path} is damaged. Restore it from a backup, or delete it to sign everyone out."
        ) from error
    missing = [name for name in NAMES if name not in stored]
    if missing:
        stored |= {name: secrets.token_urlsafe(48) for name in missing}
        write_private(path, json.dumps(stored, indent=2) + "\n")
    return stored


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically; it is never readable by anyone but its owner, not even while it is written."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
