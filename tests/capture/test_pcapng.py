"""Section headers and interface descriptions."""

from __future__ import annotations

import struct

import pytest
from capture_files import interface, option, section

from pcapaudit.capture import signals
from pcapaudit.capture.pcapng import Clock, is_pcapng, options_fit, read_interface, read_section
from pcapaudit.capture.walk import MAX_NS
from pcapaudit.core.errors import CaptureError


@pytest.mark.parametrize("order", "<>")
def test_interface_with_every_option(order):
    """Name, description, comments, resolution, offset and FCS length; others are passed over."""
    options = b"".join(
        [
            option(1, b"first", order),
            option(2, b"eth0", order),
            option(3, b"uplink\0", order),
            option(99, bytes(300), order),
            option(9, b"\x09", order),
            option(13, b"\x04", order),
            option(14, struct.pack(order + "q", -5), order),
            option(1, b"\xff second", order),
            option(0, b"", order),
            option(2, b"behind the end", order),
        ]
    )
    found = read_interface(interface(order, link=276, snaplen=96, options=options), order, 3)
    assert (found.name, found.description, found.comments) == ("eth0", "uplink", ("first", "\ufffd second"))
    assert (found.linktype, found.snaplen, found.max_caplen, found.file_id, found.fcs_len) == (276, 96, 262144, 3, 4)
    assert found.clock == Clock(signals.TICKS_TIMES, 1, MAX_NS, -5 * 10**9)


def test_interface_without_options():
    """Microseconds since 1970."""
    found = read_interface(interface(), "<", 0)
    assert found.clock == Clock(signals.TICKS_TIMES, 1000, MAX_NS // 1000, 0)
    assert (found.name, found.snaplen) == ("", 65535)


@pytest.mark.parametrize("options", [option(2, b"eth0")[:-3], b"\x02", struct.pack("<HH", 2, 0xFFFF), option(9, b"\x09\x09")])
def test_interface_bad_options(options):
    """Options that do not fit are passed over."""
    found = read_interface(interface(options=options), "<", 0)
    assert (found.name, found.clock.factor) == ("", 1000)


@pytest.mark.parametrize(
    ("resolution", "ticks", "factor"),
    [
        (0, signals.TICKS_TIMES, 10**9),
        (9, signals.TICKS_TIMES, 1),
        (12, signals.TICKS_DIVIDED, 1000),
        (28, signals.TICKS_DIVIDED, 10**19),
        (29, signals.TICKS_TIMES, 0),
        (0x80 | 20, signals.TICKS_BINARY, 20),
        (0x80 | 63, signals.TICKS_BINARY, 63),
        (0x80 | 64, signals.TICKS_TIMES, 0),
    ],
)
def test_interface_resolutions(resolution, ticks, factor):
    """Powers of ten and of two, from seconds to what no counter can tell from zero; every number fits its column."""
    clock = read_interface(interface(options=option(9, bytes([resolution]))), "<", 0).clock
    assert (clock.ticks, clock.factor) == (ticks, factor)
    assert 0 < clock.limit < 1 << 64


def test_interface_offset_out_of_range():
    """An offset beyond the years that count leaves no time stamp."""
    clock = read_interface(interface(options=option(14, struct.pack("<q", 1 << 62))), "<", 0).clock
    assert clock.ticks == signals.TICKS_NONE


@pytest.mark.parametrize("order", "<>")
def test_section_comments(order):
    """Comments come out, in order."""
    block = section(order, option(1, b"one", order) + option(4, b"tool", order) + option(1, b"two", order))
    assert is_pcapng(block)
    assert read_section(block, order, "x", 0) == ("one", "two")


def test_section_version_two():
    """Another major version is another format."""
    with pytest.raises(CaptureError, match=r"x: offset 28: found a pcapng section of version 2.0; expected version 1.x"):
        read_section(section(version=(2, 0)), "<", "x", 28)


@pytest.mark.parametrize(
    ("options", "fit"),
    [
        (b"", True),
        (option(2, b"eth0"), True),
        (option(2, b"eth0") + option(0, b""), True),
        (option(0, b"") + struct.pack("<HH", 2, 0xFFFF), True),
        (option(2, b"eth0") + struct.pack("<HH", 2, 1), False),
        (struct.pack("<HH", 2, 0xFFFF), False),
    ],
)
def test_options_that_fit(options, fit):
    """An option that is longer than what is left of its block is told; what lies behind the end is not looked at."""
    for block in (interface(options=options), section(options=options)):
        assert options_fit(block, "<", len(block)) is fit
        assert options_fit(block, "<", len(block) + 4)
