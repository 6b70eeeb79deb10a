"""The pcap file header."""

from __future__ import annotations

import pytest
from capture_files import KUZNETZOV, MICROSECONDS, NANOSECONDS, pcap_header

from pcapaudit.capture.pcap import is_pcap, max_caplen, read_header
from pcapaudit.capture.signals import LENGTHS_GUESS, LENGTHS_NORMAL, LENGTHS_SWAPPED
from pcapaudit.core.errors import CaptureError


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("magic", "tick_ns", "record_head"), [(MICROSECONDS, 1000, 16), (NANOSECONDS, 1, 16), (KUZNETZOV, 1000, 24)], ids=hex
)
def test_header_of_every_format(order, magic, tick_ns, record_head):
    """Both byte orders of the three formats that are read."""
    head = pcap_header(order=order, magic=magic, snaplen=96, link=113)
    header = read_header(head, "x")
    assert is_pcap(head)
    assert (header.big, header.tick_ns, header.record_head) == (order == ">", tick_ns, record_head)
    assert (header.linktype, header.snaplen, header.fcs_len, header.lengths) == (113, 96, 0, LENGTHS_NORMAL)


@pytest.mark.parametrize(
    ("version", "lengths"),
    [((2, 4), LENGTHS_NORMAL), ((2, 3), LENGTHS_GUESS), ((2, 2), LENGTHS_SWAPPED), ((543, 0), LENGTHS_SWAPPED), ((2, 9), LENGTHS_NORMAL)],
)
def test_header_version_orders_the_lengths(version, lengths):
    """Old versions had the two lengths of a record the other way round."""
    assert read_header(pcap_header(version=version), "x").lengths == lengths


def test_header_fcs_bits():
    """Four bits say how many 16-bit units the frame check sequence has, if a fifth is set."""
    assert read_header(pcap_header(link=0x24000001), "x").fcs_len == 4
    assert read_header(pcap_header(link=0x20000001), "x").fcs_len == 0
    assert read_header(pcap_header(link=0x24000001), "x").linktype == 1


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (pcap_header(version=(1, 0)), "x: offset 4: found pcap version 1.0; expected version 2.x"),
        (pcap_header(link=0x00300001), "x: offset 20: found the link type field 0x00300001"),
        (pcap_header(magic=0xA12B3C4D), "found the NAVTEL variant of pcap"),
        (pcap_header(magic=0x1C0001AC, order=">"), "found the IXIA (hardware) variant of pcap"),
        (pcap_header()[:23], "x: offset 23: found the end of the file; expected the rest of the 24-byte pcap header"),
    ],
)
def test_header_that_is_refused(head, message):
    """What cannot be read is named."""
    with pytest.raises(CaptureError) as caught:
        read_header(head, "x")
    assert message in str(caught.value)


def test_max_caplen_of_link_types():
    """USB and D-Bus frames may be longer than any other."""
    assert (max_caplen(1), max_caplen(249)) == (262144, 128 << 20)


def test_is_pcap_other_bytes():
    """Other files are none."""
    assert not is_pcap(b"")
    assert not is_pcap(b"\x0a\x0d\x0d\x0a")
