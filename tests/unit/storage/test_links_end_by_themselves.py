"""A signed link grants access to one thing, for one purpose, for a limited time."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest

from storage.signing import LinkExpired, read_link, sign_link

HOUR = timedelta(hours=1)


def test_a_link_opens_what_it_was_signed_for() -> None:
    assert read_link(sign_link("assignment-7", purpose="screen", lifetime=HOUR), purpose="screen") == "assignment-7"


def test_a_link_is_not_valid_for_another_purpose() -> None:
    token = sign_link("assignment-7", purpose="thumb", lifetime=HOUR)
    with pytest.raises(LinkExpired):
        read_link(token, purpose="original")


def test_a_link_expires_after_its_own_lifetime() -> None:
    with mock.patch("time.time", return_value=1_000_000.0):
        token = sign_link("export-1", purpose="export", lifetime=HOUR)
    with mock.patch("time.time", return_value=1_000_000.0 + 3_590):
        assert read_link(token, purpose="export") == "export-1"
    with mock.patch("time.time", return_value=1_000_000.0 + 3_610), pytest.raises(LinkExpired):
        read_link(token, purpose="export")


def test_a_modified_link_is_refused() -> None:
    token = sign_link("export-1", purpose="export", lifetime=HOUR)
    for at in range(0, len(token), 5):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(LinkExpired):
            read_link(changed, purpose="export")
    for nonsense in ("", ":", "a:b:c", "ä"):
        with pytest.raises(LinkExpired):
            read_link(nonsense, purpose="export")
