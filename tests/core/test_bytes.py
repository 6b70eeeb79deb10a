"""Numbers out of bytes."""

from __future__ import annotations

from types import SimpleNamespace

from pcapaudit.core.bytes import be16, be32, be64, le16, le32, le64

B = SimpleNamespace(data=memoryview(bytes(range(0xF0, 0x100))))


def test_numbers_have_the_wire_order():
    """The first byte is the highest."""
    assert be16(B, 1) == 0xF1F2
    assert be32(B, 1) == 0xF1F2F3F4
    assert be64(B, 1) == 0xF1F2F3F4F5F6F7F8


def test_little_endian_number():
    """The first byte is the lowest."""
    assert le16(B, 1) == 0xF2F1
    assert le32(B, 1) == 0xF4F3F2F1
    assert le64(B, 1) == 0xF8F7F6F5F4F3F2F1
