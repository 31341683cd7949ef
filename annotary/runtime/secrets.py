"""The installation's secrets: generated once and kept in a file that only its owner can read. How strong they are."""

import json
import secrets
import zlib
from collections.abc import Mapping
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.files import write_private

NAMES = ("ANNOTARY_SECRET_KEY", "ANNOTARY_METRICS_TOKEN")
# Characters that each must have at least, and different ones among them.
LENGTHS = {"ANNOTARY_SECRET_KEY": 50, "ANNOTARY_METRICS_TOKEN": 20}
MIN_DISTINCT = 8
# Random text hardly shrinks: a text that deflates to less repeats itself, whatever its length.
MIN_DEFLATED = 16
MADE_BY_STARTPROJECT = "django-insecure-"


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


def weakness(name: str, value: str) -> str:
    """Return what to do about a secret that can be guessed, in a sentence; empty for one that is unset or strong."""
    deflated = zlib.compress(value.encode(), 9, wbits=-15)
    if not value or (
        len(value) >= LENGTHS[name]
        and len(set(value)) >= MIN_DISTINCT
        and len(deflated) >= MIN_DEFLATED
        and not value.startswith(MADE_BY_STARTPROJECT)
    ):
        return ""
    return (
        f"{name} is too weak: use at least {LENGTHS[name]} random characters."
        ' Create them with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
    )


def refuse_weak(environment: Mapping[str, str]) -> None:
    """Raise EmbeddedError if a secret in these environment variables can be guessed."""
    for name in NAMES:
        sentence = weakness(name, environment.get(name, "").strip())
        if sentence:
            raise EmbeddedError(sentence)
