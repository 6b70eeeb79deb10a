"""Decompressors, fed by hand; whole files are in test_inputs.py."""

from __future__ import annotations

import gzip
import lzma
import struct

import pytest
import zstandard

from pcapaudit.capture.decompress import DecodeError, decoder_for


def whole(data, piece, limit):
    """(decompressed, left over) of one member that is given in pieces and taken in others."""
    _, decoder = decoder_for(data)
    found, there, at = b"", b"", 0
    while not decoder.ended or decoder.left != there:
        if decoder.hungry or at == 0:
            there, at = there + data[at : at + piece], at + piece
        out = decoder.decode(there, limit)
        assert len(out) <= limit
        found, there = found + out, decoder.left
    return found, there


@pytest.mark.parametrize(("piece", "limit"), [(1, 1), (7, 1000), (1000, 3), (1 << 20, 1 << 20)])
@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress, lzma.compress], ids=["gzip", "zstd", "xz"])
def test_pieces(compress, piece, limit):
    """Pieces of any size in, pieces of any size out."""
    text = b"abcdefgh" * 500
    assert whole(compress(text), piece, limit)[0] == text


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"write_checksum": True},
        {"write_content_size": False},
        {"level": 19, "write_checksum": True, "write_content_size": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [0, 100, 300, 70_000, 400_000])
def test_zstd_frames(options, size):
    """Every form of frame header: the end of a frame is found to the byte."""
    data = bytes(i * i * 31 >> 4 & 0xFF for i in range(size))
    assert whole(zstandard.ZstdCompressor(**options).compress(data) + b"rest", 1 << 20, 1 << 20) == (data, b"rest")


def test_zstd_user_data():
    """Skippable frames are skipped, in whatever pieces."""
    assert whole(b"\x52\x2a\x4d\x18" + struct.pack("<I", 50) + bytes(50) + b"rest", 9, 10)[0] == b""
    assert whole(b"\x52\x2a\x4d\x18" + struct.pack("<I", 0) + b"rest", 100, 10) == (b"", b"rest")


def test_memory_is_limited():
    """A file that asks for a window of gigabytes is refused."""
    parameters = zstandard.ZstdCompressionParameters(window_log=30, write_content_size=False, enable_ldm=True)
    data = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    _, decoder = decoder_for(piece := data.compress(bytes(100)) + data.flush())
    with pytest.raises(DecodeError, match="memory"):
        decoder.decode(piece, 1000)


def test_other_bytes():
    """What is not compressed has no decoder."""
    assert decoder_for(b"\xd4\xc3\xb2\xa1\2\0") == ("", None)
    assert decoder_for(b"") == ("", None)
    assert decoder_for(b"BZh9\0\0")[0] == ""
