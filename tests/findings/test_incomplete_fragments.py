"""Datagrams that stay incomplete, told from those that become whole, are refused, or may still become whole."""

from __future__ import annotations

from findings_of import findings_in
from scenes import fragment, fragments, udp

from pcapaudit.findings.incomplete_fragments import MAX_DATAGRAMS
from pcapaudit.findings.violation import Severity

LATER = udp("10.0.0.9:1", "198.51.100.1:2")


def datagram(number=0):
    """A large datagram in two fragments."""
    whole = udp(f"10.0.{number >> 8 & 255}.{number & 255}:4000", "198.51.100.1:9000", bytes(2000))
    return fragments(whole, 1480, ident=number % 60000)


def found(packets, **options):
    """The findings with this code, with a packet long after the last."""
    every = [*packets, (packets[-1][0] + 100, LATER)]
    return [each for each in findings_in(every, **options) if each.code == "incomplete-fragments"]


def test_without_last_and_without_first():
    """Counted apart."""
    (violation,) = found([(0, datagram(1)[0]), (1, datagram(2)[1]), (2, datagram(3)[1])])
    assert violation.message.startswith(
        "3 datagrams never became whole (2 without the first, 1 without the last), the first from 10.0.0.1:"
    )
    assert violation.severity == Severity.LOW


def test_whole_datagrams_are_none():
    """In either order; one identification twice, one after the other."""
    first, second = datagram()
    assert not found([(0, second), (1, first), (2, first), (3, second)])


def test_refused_datagram_is_none():
    """An overlap threw it away: that is its finding, whatever still comes of it."""
    whole = udp("10.0.0.1:4000", "198.51.100.1:9000", bytes(2000))
    first, second = fragments(whole, 1480)
    assert not found([(0, first), (1, fragment(whole, 1472, bytes(600), more=False)), (2, second)])


def test_duplicate_takes_nothing_away():
    """The datagram still waits for its other half."""
    assert found([(0, datagram()[0]), (1, datagram()[0])])


def test_rest_may_come_after_the_capture():
    """The last second of a capture shows what has only begun."""
    assert not [each for each in findings_in([(0, LATER), (5, datagram()[0])]) if each.code == "incomplete-fragments"]


def test_rest_that_comes_too_late_begins_anew():
    """After thirty seconds the first fragment is forgotten."""
    first, second = datagram()
    (violation,) = found([(0, first), (40, second)])
    assert violation.evidence["datagrams"] == 2


def test_flood_is_bounded_and_said():
    """More datagrams than can be followed; MEDIUM from the threshold on."""
    packets = [(k * 0.0001, datagram(k)[0]) for k in range(MAX_DATAGRAMS + 500)]
    (violation,) = found(packets, rows=1000)
    assert violation.severity == Severity.MEDIUM
    evidence = violation.evidence
    assert evidence["datagrams"] + evidence["refused_for_room"] + evidence["not_followed"] == len(packets)
    assert "fragments found the memory for reassembly full" in violation.message
