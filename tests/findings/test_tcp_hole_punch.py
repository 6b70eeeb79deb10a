"""TCP opened from both sides through the firewall."""

from __future__ import annotations

import pytest
from findings_of import findings_in, findings_of
from scenes import tcp

INNER, OUTER = "10.0.0.1:40001", "198.51.100.1:40002"


def found(packets, **options):
    """The findings with this code."""
    return [each for each in findings_in(packets, **options) if each.code == "tcp-hole-punch"]


def talk(inner=INNER, outer=OUTER):
    """Two SYNs, two SYN-ACKs, data."""
    return [
        (0.0, tcp(inner, outer, "S", 1000)),
        (0.1, tcp(outer, inner, "S", 5000)),
        (0.2, tcp(inner, outer, "SA", 1000, 5001)),
        (0.3, tcp(outer, inner, "SA", 5000, 1001)),
        (0.4, tcp(inner, outer, "A", 1001, 5001)),
    ]


def test_simultaneous():
    """Why it is harder stands in the evidence; no other finding names it."""
    (violation,) = found(talk())
    assert violation.message == (
        "1 TCP connection through the firewall opened from both sides: 10.0.0.1:40001 and 198.51.100.1:40002, simultaneous "
        "(the peer's own SYN took the place of an answer)."
    )
    assert "both SYNs must cross" in violation.evidence["why_harder_than_udp"]
    assert violation.evidence["first_syn_let_in"]["address-and-port-dependent"]
    assert {each.code for each in findings_in(talk())} == {"tcp-hole-punch"}
    assert [each.code for each in findings_of("tcp-simultaneous-open.pcap")] == ["tcp-hole-punch"]


def test_crossed():
    """The peer knocked first and was refused; then it answered the inside's SYN."""
    packets = [
        (0.0, tcp(OUTER, INNER, "S", 5000)),
        (1.0, tcp(OUTER, INNER, "S", 5000)),
        (1.5, tcp(INNER, OUTER, "S", 1000)),
        (1.6, tcp(OUTER, INNER, "SA", 7000, 1001)),
        (1.7, tcp(INNER, OUTER, "A", 1001, 7001)),
    ]
    (violation,) = found(packets)
    assert (violation.evidence["order"], violation.evidence["refused_before"]) == ("crossed", 2)
    assert not violation.evidence["first_syn_let_in"]["address-and-port-dependent"]
    assert {each.code for each in findings_in(packets)} == {"tcp-hole-punch"}


LOOKALIKES = {
    "a client": [talk()[0], (0.1, tcp(OUTER, INNER, "SA", 5000, 1001)), (0.2, tcp(INNER, OUTER, "A", 1001, 5001))],
    "between routers": talk(inner="10.0.0.1:179", outer="198.51.100.1:40002"),
    "inside": talk(outer="10.0.0.2:40002"),
    "a split handshake": [*talk()[:3], (0.3, tcp(OUTER, INNER, "A", 5001, 1001))],
    "only knocks": [(0, tcp(OUTER, INNER, "S", 5000)), (1, tcp(OUTER, INNER, "S", 5000))],
}


@pytest.mark.parametrize("packets", LOOKALIKES.values(), ids=LOOKALIKES)
def test_lookalikes(packets):
    """Each condition for itself."""
    assert not found(packets)
