"""Forged segments, told from a connection's own ends, late duplicates and lost packets."""

from __future__ import annotations

import pytest
from findings_of import findings_in, findings_of
from talks import CLIENT, SERVER, close, handshake, segment

from pcapaudit.findings.violation import Severity

DATA = [(1, segment(CLIENT, SERVER, "PA", 1001, 5001, b"question")), (1.1, segment(SERVER, CLIENT, "PA", 5001, 1009, b"answer.."))]
MORE = [(5, segment(SERVER, CLIENT, "PA", 5009, 1009, b"more....")), (5.1, segment(CLIENT, SERVER, "A", 1009, 5017))]


def found(*packets, **options):
    """The findings with this code in a talk that begins and ends in good order, with these packets in its middle."""
    every = [*handshake(), *DATA, *packets, *MORE, *close(6, 1009, 5017)]
    return [each for each in findings_in(every, **options) if each.code == "tcp-blind-attack"]


def test_reset_inside_the_window():
    """Linux lets it through for the host to challenge, and the talk goes on."""
    (violation,) = found((2, segment(SERVER, CLIENT, "R", 5100, 0, ttl=49, stamps=False)))
    assert (violation.severity, violation.count) == (Severity.HIGH, 1)
    assert violation.message == (
        "Somebody sent 10.0.0.1:40000 1 segment in the name of 198.51.100.1:80 (1 reset), and the connection went on; accepted; "
        "their time to live is 49, that of the connection's own packets 64."
    )


def test_sweep_of_resets_outside():
    """Every number a window apart: refused, and counted with the numbers."""
    (violation,) = found(*((2 + k / 100, segment(SERVER, CLIENT, "R", 200_000 + 70_000 * k, 0)) for k in range(30)))
    assert (violation.severity, violation.count, violation.evidence["kinds"]) == (Severity.MEDIUM, 30, {"reset": 30})
    assert len(violation.evidence["sequence_numbers"]) == 20


def test_syn_on_a_live_connection():
    """A server sends no SYN."""
    (violation,) = found((2, segment(SERVER, CLIENT, "S", 9000, 0, stamps=False)))
    assert violation.evidence["kinds"] == {"syn": 1}


def test_data_outside_the_window():
    """Without the time stamps of the connection."""
    (violation,) = found((2, segment(SERVER, CLIENT, "PA", 900_000, 1009, b"evil", stamps=False)))
    assert violation.evidence["without_time_stamps"]
    assert not [each for each in findings_in([*handshake(), *DATA, *MORE]) if each.code == "tcp-out-of-window"]


def test_capture_of_the_attacks():
    """All of them at once, and no finding beside."""
    (violation,) = findings_of("injection.pcap")
    assert (violation.code, violation.evidence["kinds"]) == ("tcp-blind-attack", {"data": 2, "reset": 2, "syn": 1})


def test_reset_that_ends_the_connection():
    """The end sent it itself: nothing comes after."""
    every = [*handshake(), *DATA, (2, segment(SERVER, CLIENT, "R", 5100, 0))]
    assert not [each for each in findings_in(every) if each.code == "tcp-blind-attack"]


LOOKALIKES = {
    "padding that is counted as data": [(2, segment(SERVER, CLIENT, "A", 900_000, 1009, bytes(6)))],
    "nothing odd": [],
    "the handshake's SYN, late": [(2, handshake()[0][1])],
    "a retransmission": [(2, DATA[1][1])],
    "a keepalive": [(2, segment(CLIENT, SERVER, "A", 1008, 5009))],
    "an old acknowledgement": [(2, segment(CLIENT, SERVER, "A", 1009, 5001))],
}


@pytest.mark.parametrize("packets", LOOKALIKES.values(), ids=LOOKALIKES)
def test_lookalikes(packets):
    """Ordinary trouble."""
    assert not found(*packets)


def test_lost_packets_are_no_attack():
    """The server's stream goes on behind a hole that the capture has."""
    hole = [(2 + k / 10, segment(SERVER, CLIENT, "PA", 500_000 + 1000 * k, 1009, bytes(1000))) for k in range(20)]
    every = [*handshake(), *DATA, *hole, (5, segment(CLIENT, SERVER, "A", 1009, 519_000))]
    assert not [each for each in findings_in(every) if each.code == "tcp-blind-attack"]


def test_flood_is_bounded_and_said():
    """More attempts in a batch than are looked at."""
    (violation,) = found(*((2 + k / 10_000, segment(SERVER, CLIENT, "R", 200_000 + 70_000 * k, 0)) for k in range(2000)))
    assert violation.count == 64
    assert violation.evidence["not_looked_at"] >= 1936
