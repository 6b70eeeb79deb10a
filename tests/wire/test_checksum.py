"""Checksums: the modes, what an unfinished one looks like, CRC32c."""

from __future__ import annotations

import pytest

from pcapaudit.wire.checksum import Summer


def test_unknown_mode():
    """The message says what is allowed."""
    with pytest.raises(ValueError, match="expected auto, verify, ignore"):
        Summer("maybe")
