"""Holes in what passed here, told from single odd packets and from attacks."""

from __future__ import annotations

from findings_of import findings_in
from talks import CLIENT, SERVER, handshake, segment

from pcapaudit.findings.offloaded_or_missing_packets import MAX_FLOWS
from pcapaudit.findings.violation import Severity

REQUEST = (1, segment(CLIENT, SERVER, "PA", 1001, 5001, b"question"))


def codes(*packets, **options):
    """All codes found among these packets after a handshake, and the finding with this one."""
    found = findings_in([*handshake(), REQUEST, *packets], **options)
    return {each.code for each in found}, next((each for each in found if each.code == "offloaded-or-missing-packets"), None)


def acks(count, start=100_000):
    """Acknowledgements of a download that passed elsewhere."""
    return [(2 + k / 10, segment(CLIENT, SERVER, "A", 1009, start + 20_000 * k)) for k in range(count)]


def test_acknowledgements_of_a_download_that_passed_elsewhere():
    """One finding, and none of the window."""
    found, violation = codes(*acks(20))
    assert "tcp-out-of-window" not in found
    assert (violation.severity, violation.count, violation.evidence["connections"]) == (Severity.MEDIUM, 20, 1)
    assert "the first when 10.0.0.1:40000 acknowledged 474999 unseen bytes of 198.51.100.1:80" in violation.message


def test_both_sides_tell_the_story():
    """An acknowledgement, and data behind the hole."""
    _, violation = codes(*acks(1), (3, segment(SERVER, CLIENT, "PA", 200_000, 1009, bytes(100))))
    assert violation.severity == Severity.LOW
    assert violation.evidence["beyond_the_window"] == 1


def test_single_wild_acknowledgement_is_none():
    """It is out of the window, and nothing more."""
    found, violation = codes(*acks(1), (3, segment(CLIENT, SERVER, "A", 1009, 5001)))
    assert violation is None
    assert "tcp-out-of-window" in found


def test_complete_connection_is_none():
    """Everything that is acknowledged was seen."""
    answer = segment(SERVER, CLIENT, "PA", 5001, 1009, bytes(1000))
    found, _ = codes((2, answer), (3, segment(CLIENT, SERVER, "A", 1009, 6001)), (4, answer))
    assert found == set()


def test_many_connections_become_one_finding_and_are_bounded():
    """Ever new connections with a hole."""
    packets = []
    for k in range(MAX_FLOWS + 200):
        client = f"10.{k >> 8}.{k & 255}.1:40000"
        packets += [(k / 100 + at / 1000, packet) for at, packet in handshake(client=client)]
        packets += [(k / 100 + 0.003 + i / 10_000, segment(client, SERVER, "A", 1001, 90_000 + i)) for i in range(2)]
    (violation,) = [each for each in findings_in(packets) if each.code == "offloaded-or-missing-packets"]
    assert violation.evidence["connections"] <= MAX_FLOWS
    assert violation.evidence["not_told_apart"] > 0
    assert "are not told apart" in violation.message
