"""The installation's secrets: generated once and kept in a file that only its owner can read."""

import json
import secrets
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.files import write_private

NAMES = ("ANNOTARY_SECRET_KEY", "ANNOTARY_METRICS_TOKEN")


def load_or_create(path: Path) -> dict[str, str]:
    """Return the secrets by environment variable, generating and saving those that are missing."""
    stored = _read(path)
    missing = [name for name in NAMES if name not in stored]
    if missing:
        stored |= {name: secrets.token_urlsafe(48) for name in missing}
        write_private(path, json.dumps(stored, indent=2) + "\n")
    return stored


def _read(path: Path) -> dict[str, str]:
    try:
        stored = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        stored = None
    if not isinstance(stored, dict):
        # Generating a new key would silently sign everybody out, so a person decides.
        raise EmbeddedError(f"{path} is damaged. Restore it from a backup, or delete it to sign everyone out.")
    return stored
