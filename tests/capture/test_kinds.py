"""What is no capture."""

from __future__ import annotations

import pytest

from pcapaudit.capture.kinds import describe


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"", "an empty file"),
        (b"PK\x03\x04\x14\0", "a zip archive"),
        (b"\x1f\x9d\x90", "a file of compress(1)"),
        (b"snoop\0\0\0\0\0\0\2", "a snoop capture"),
        (b"x" * 257 + b"ustar\0", "a tar archive"),
        (b"#!/bin/sh\necho", "text ('#!/bin/sh\\nec'…)"),
        (b"\0\1\2", "the bytes 00 01 02"),
        (b"caf\xc3\xa9", "the bytes 63 61 66 c3 a9"),
    ],
)
def test_describe(head, found):
    """Each kind by its first bytes, with advice."""
    assert describe(head)[0] == found
    assert describe(head)[1].endswith(".") or "editcap" in describe(head)[1]
