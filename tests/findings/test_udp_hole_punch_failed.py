"""Paths that were wanted and did not come about, and by whom."""

from __future__ import annotations

import pytest
from findings_of import findings_in, findings_of
from scenes import INSIDE_OUT, icmp, udp

from pcapaudit.findings.udp_hole_punch_failed import MAX_ATTEMPTS

INNER, OUTER, SERVER = "10.0.0.1:40500", "198.51.100.1:40600", "203.0.113.10:3478"
OTHER_PORT = "198.51.100.1:51000"
REJECT = INSIDE_OUT.replace("state new accept", "state new accept\n    reject")
INTRODUCTION = [(0.0, udp(INNER, SERVER, b"register")), (0.1, udp(SERVER, INNER, b"peer 198.51.100.1 40600"))]
KNOCK = udp(INNER, OUTER, b"knock")


def found(packets, rules=INSIDE_OUT, **options):
    """The findings with this code."""
    return [each for each in findings_in(packets, rules, **options) if each.code == "udp-hole-punch-failed"]


@pytest.mark.parametrize(("name", "local"), [("punch-rejected-lan.pcap", []), ("punch-rejected-wan.pcap", ["198.51.100.2"])])
def test_peers_side_rejects(name, local):
    """The far NAT answers the first datagram; the client gives up; and no punch is reported beside."""
    found = findings_of(name, local=local)
    assert [each.code for each in found] == ["udp-hole-punch-failed"]
    assert found[0].evidence["by"] == "peer's side"
    assert "its side answered the first datagram with port unreachable in frame 6, and " in found[0].message


def test_closed_socket():
    """Nobody but the inside said no."""
    gone = icmp("10.0.0.1", "198.51.100.1", 3, 3, ident=0, data=udp(OUTER, INNER, b"hello")[:28])
    (violation,) = found([*INTRODUCTION, (1, KNOCK), (2, udp(OUTER, INNER, b"hello")), (2.1, gone)])
    assert violation.evidence["by"] == "closed socket"


def test_silence():
    """The peer was named, and never heard."""
    (violation,) = found([*INTRODUCTION, (1, KNOCK), (2, KNOCK)])
    assert violation.evidence["by"] == "silence"
    assert violation.message == (
        "10.0.0.1:40500 and 198.51.100.1:40600 did not get a path: 203.0.113.10:3478 had named the peer in frame 2, "
        "198.51.100.1:40600 was never heard."
    )


REQUEST = bytes.fromhex("000100002112a442") + bytes(range(12))
CLASSIC = bytes.fromhex("0001000076173c2b") + bytes(range(12))
HELLO = [(5.0, udp("10.0.0.9:40000", "198.51.100.9:50000", b"hello")), (5.1, udp("198.51.100.9:50000", "10.0.0.9:40000", b"hello"))]


def media(count, target=OUTER):
    """So many packets of the socket to a peer."""
    return [(1 + i / 50, udp(INNER, target, b"media")) for i in range(count)]


@pytest.mark.parametrize("request_", [REQUEST, CLASSIC], ids=["cookie", "RFC 3489"])
def test_silence_after_stun(request_):
    """Nobody was seen to name the peer; but a socket that asks for its own address and then sends and sends means to be reached."""
    (violation,) = found([(0, udp(INNER, SERVER, request_)), *media(20), *HELLO])
    assert violation.evidence["by"] == "silence"
    assert violation.message == (
        "10.0.0.1:40500 and 198.51.100.1:40600 did not get a path: its socket had asked 203.0.113.10:3478 by STUN in frame 1, "
        "20 packets went out, 198.51.100.1:40600 was never heard."
    )


@pytest.mark.parametrize(
    "packets",
    [
        [(0, udp(INNER, SERVER, REQUEST)), *media(19), *HELLO],
        [*media(20), *HELLO],
        [(0, udp(INNER, SERVER, REQUEST)), *media(20, "198.51.100.1:53"), *HELLO],
        [(0, udp(INNER, SERVER, REQUEST)), *media(20, SERVER), *HELLO],
        [(0, udp(INNER, "203.0.113.10:40000", CLASSIC)), *media(20), *HELLO],
        [(0, udp(INNER, SERVER, REQUEST)), *media(20)],
    ],
    ids=["few packets", "no STUN", "a service", "the server itself", "classic STUN to any port", "no answers in the capture at all"],
)
def test_silence_that_is_none(packets):
    """What has another reason."""
    assert found(packets) == []


@pytest.mark.parametrize(("rules", "by"), [(INSIDE_OUT, "this firewall"), (REJECT, "this firewall's reject")])
def test_peer_comes_from_another_port(rules, by):
    """Symmetric NAT: dropped, or answered by this firewall's reject."""
    (violation,) = found([(0, KNOCK), (1, udp(OTHER_PORT, INNER, b"knock")), (2, udp(OTHER_PORT, INNER, b"knock"))], rules)
    assert (violation.evidence["by"], violation.evidence["refused"]) == (by, 2)
    assert ("your reject answered with port unreachable" in violation.message) is (rules == REJECT)
    assert list(violation.evidence["first_datagram_let_in"].values()) == [True, True, False]


def test_relayed_instead():
    """The socket turned to a relay."""
    allocate = bytes.fromhex("000300002112a442") + bytes(12)
    (violation,) = found([(0, udp(INNER, SERVER, allocate)), INTRODUCTION[1], (1, KNOCK), (3, KNOCK)])
    assert violation.message.endswith("was never heard; 203.0.113.10:3478 relayed instead.")


LOOKALIKES = {
    "a punch that worked": [*INTRODUCTION, (1, KNOCK), (2, udp(OUTER, INNER, b"hello")), (3, KNOCK)],
    "a server that is silent": [(0, KNOCK), (1, KNOCK)],
    "another peer was named": [*INTRODUCTION, (1, udp(INNER, "198.51.100.9:40600", b"knock"))],
    "a stranger knocks": [(0, KNOCK), (1, udp("198.51.100.77:51000", INNER, b"knock"))],
    "tftp": [(0, udp(INNER, "198.51.100.1:69", b"get")), (1, udp(OTHER_PORT, INNER, b"data"))],
    "an error about a service": [(0, udp(INNER, "198.51.100.1:53")), (1, icmp("198.51.100.1", "10.0.0.1", 3, 3, ident=0, data=KNOCK[:28]))],
}


@pytest.mark.parametrize("packets", LOOKALIKES.values(), ids=LOOKALIKES)
def test_lookalikes(packets):
    """Each condition for itself."""
    assert not found(packets)


def test_many_attempts_become_one_finding_and_are_bounded():
    """A symmetric NAT and a program that tries every port."""
    packets = []
    for k in range(MAX_ATTEMPTS + 300):
        inner = f"10.0.{k >> 8}.{k & 255}:40500"
        packets += [(k / 1000, udp(inner, OUTER, b"knock")), (k / 1000 + 0.0005, udp(OTHER_PORT, inner, b"knock"))]
    violations = found(packets, rows=60)
    assert len(violations) == 1
    assert violations[0].evidence["attempts"] <= MAX_ATTEMPTS
