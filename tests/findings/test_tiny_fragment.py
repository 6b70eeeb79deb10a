"""Cuts through the transport header, told from ordinary fragments."""

from __future__ import annotations

from findings_of import findings_in
from scenes import fragment, fragments, tcp, udp

SYN = tcp("10.0.0.1:4000", "198.51.100.1:80", "S", 1, options=b"\x02\x04\x05\xb4")


def found(*parts):
    """The findings with this code among fragments in a row."""
    return [each for each in findings_in(list(enumerate(parts))) if each.code == "tiny-fragment"]


def test_ports_in_one_flags_in_the_other():
    """Eight bytes, then the rest: both are such fragments."""
    (violation,) = found(*fragments(SYN, 8))
    assert (violation.count, violation.first_frame) == (2, 1)
    assert violation.message.startswith("2 fragments cut through the transport header, the first from 10.0.0.1")


def test_fragment_over_the_flags():
    """Offset one of TCP, whatever came before."""
    (violation,) = found(fragment(SYN, 8, bytes(16), more=False))
    assert violation.count == 1


def test_ordinary_fragments_are_none():
    """A large datagram; offset one of UDP holds data."""
    assert not found(*fragments(udp("10.0.0.1:4000", "198.51.100.1:9000", bytes(2000)), 1480))
    assert not found(*fragments(udp("10.0.0.1:4000", "198.51.100.1:9000", bytes(2000)), 8, 1480))
