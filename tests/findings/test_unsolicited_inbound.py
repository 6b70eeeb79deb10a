"""What comes from outside unasked: by source and kind."""

from __future__ import annotations

import pytest
from packets import LAN, WAN, found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.unsolicited_inbound import BUSIEST_OF_A_FLOOD, MAX_SOURCES_A_BATCH, UnsolicitedInbound
from pcapaudit.findings.violation import Severity

REFUSED = {
    "ct_state": consts.CT_NEW,
    "ct_status": 0,
    "verdict": consts.VERDICT_DROP,
    "reason": consts.REASON_POLICY,
    "tcp_flags": consts.TCP_SYN,
    "sport": 40000,
    "dport": 22,
    "flow": 5,
}
UDP = {**REFUSED, "proto": consts.PROTO_UDP, "tcp_flags": 0}
ICMP = {**REFUSED, "proto": consts.PROTO_ICMP, "tcp_flags": 0, "sport": 0, "dport": 0}
INVALID = {**REFUSED, "ct_state": consts.CT_INVALID}
KINDS = [
    ("syn", REFUSED, "attempt"),
    ("xmas", {**INVALID, "tcp_flags": 0x29, "reason": consts.REASON_TCP_FLAGS}, "attempt"),
    ("fin without ack", {**INVALID, "tcp_flags": consts.TCP_FIN, "reason": consts.REASON_TCP_FLAGS}, "attempt"),
    ("ack", {**REFUSED, "tcp_flags": consts.TCP_ACK}, "stale-flow"),
    ("fin-ack", {**INVALID, "tcp_flags": consts.TCP_ACK | consts.TCP_FIN}, "stale-flow"),
    ("syn-ack", {**INVALID, "tcp_flags": consts.TCP_SYN | consts.TCP_ACK}, "backscatter"),
    ("rst", {**INVALID, "tcp_flags": consts.TCP_RST | consts.TCP_ACK}, "backscatter"),
    ("udp to a service", {**UDP, "dport": 53}, "attempt"),
    ("udp from a service", {**UDP, "sport": 53, "dport": 40000}, "reply-to-nothing"),
    ("ntp peers", {**UDP, "sport": 123, "dport": 123}, "attempt"),
    ("ping", {**ICMP, "icmp_type": 8}, "attempt"),
    ("echo reply", {**ICMP, "icmp_type": 0, "ct_state": consts.CT_INVALID}, "reply-to-nothing"),
    ("unreachable", {**ICMP, "icmp_type": 3, "ct_state": consts.CT_INVALID}, "backscatter"),
    ("echo reply of IPv6", {**ICMP, "proto": consts.PROTO_ICMPV6, "icmp_type": 129, "src": "2001:db8::1"}, "reply-to-nothing"),
    ("packet too big", {**ICMP, "proto": consts.PROTO_ICMPV6, "icmp_type": 2, "src": "2001:db8::1"}, "backscatter"),
    ("gre", {**REFUSED, "proto": consts.PROTO_GRE, "tcp_flags": 0}, "attempt"),
]


@pytest.mark.parametrize(("row", "kind"), [case[1:] for case in KINDS], ids=[case[0] for case in KINDS])
def test_kind(row, kind):
    """What a packet is, by its header alone."""
    violation = only(found(UnsolicitedInbound, packets(row)))
    assert (violation.evidence["kind"], violation.count, violation.first_frame, violation.flow) == (kind, 1, 1, 5)


OTHERS = {
    "accepted": {"verdict": consts.VERDICT_ACCEPT},
    "from inside": {"iif": LAN, "oif": WAN},
    "to outside": {"oif": WAN},
    "from nowhere known": {"iif": consts.IFACE_UNKNOWN},
    "of a live connection": {"ct_state": consts.CT_INVALID, "reason": consts.REASON_TCP_STATE},
    "established": {"ct_state": consts.CT_ESTABLISHED},
    "broken": {"ct_state": consts.CT_INVALID, "reason": consts.REASON_BAD_CHECKSUM},
}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_not_unsolicited(changes):
    """Packets that are somebody else's matter, or nobody's."""
    assert not found(UnsolicitedInbound, packets({**REFUSED, **changes}))


def test_packets_to_the_firewall_count():
    """Hook input: no interface to leave by."""
    assert found(UnsolicitedInbound, packets({**REFUSED, "oif": consts.IFACE_NONE, "path": consts.PATH_INPUT}))


def test_claimed_packets_are_left_out():
    """What another detector has explained."""
    from sample_run import context

    from pcapaudit.findings.scene import Scene

    scene = Scene(context())
    batch, verdicts = packets(REFUSED, REFUSED)
    scene.view(batch, verdicts).claimed[0] = True
    detector = UnsolicitedInbound(scene)
    detector.on_batch(batch, verdicts)
    assert only(detector.violations()).count == 1
    scene.explained["198.51.100.7", "192.168.10.20"] = 1
    assert not detector.violations()


def test_scan_of_ports():
    """Many ports from one host are one finding, whatever flags the probes have."""
    rows = [{**REFUSED, "dport": port, "at": port / 100} for port in range(100, 200)]
    rows += [{**REFUSED, "dport": 443, "tcp_flags": consts.TCP_ACK, "at": 3}]
    violation = only(found(UnsolicitedInbound, packets(*rows[:50]), packets(*rows[50:], first_frame=51)))
    assert violation.severity == Severity.MEDIUM
    assert violation.message == "198.51.100.7 scanned 192.168.10.20, 101 ports: 101 packets (tcp) in 2 s, refused."
    assert violation.evidence["tcp_flags"] == {"A": 1, "S": 100}
    assert violation.evidence["ports_shown"] == list(range(100, 120))
    assert (violation.count, violation.first_frame, violation.last_frame) == (101, 1, 101)


def test_scan_of_hosts():
    """One port on many hosts."""
    violation = only(found(UnsolicitedInbound, packets(*({**REFUSED, "dst": f"192.168.10.{host}"} for host in range(1, 31)))))
    assert violation.message.startswith("198.51.100.7 scanned 30 hosts, port 22: 30 packets (tcp)")


def test_single_attempt_in_words():
    """One packet, one port."""
    violation = only(found(UnsolicitedInbound, packets({**REFUSED, "verdict": consts.VERDICT_REJECT, "rule": 2})))
    assert violation.message == "198.51.100.7 tried to open connections to 192.168.10.20, port 22: 1 packet (tcp), rejected."
    assert (violation.rule, violation.severity) == (2, Severity.LOW)


def test_many_sources_become_one_finding():
    """A flood of sources: counted all, told apart only as far as there is room."""
    count = MAX_SOURCES_A_BATCH + 36
    rows = [{**REFUSED, "src": f"198.51.{100 + host // 250}.{host % 250}"} for host in range(1, count + 1)] + [
        {**REFUSED, "src": "198.51.100.9"}
    ] * 3
    violation = only(found(UnsolicitedInbound, packets(*rows)))
    assert violation.count == count + 3
    assert violation.message.startswith(f"More than {BUSIEST_OF_A_FLOOD} hosts tried to open connections to 192.168.10.20, port 22: ")
    assert violation.message.endswith("most of them from 198.51.100.9 (4).")
    assert violation.evidence["not_told_apart"] == count - BUSIEST_OF_A_FLOOD


def test_four_sources_become_one_finding():
    """Four are many enough."""
    rows = [{**REFUSED, "src": f"198.51.100.{host}"} for host in range(1, 5)]
    assert only(found(UnsolicitedInbound, packets(*rows))).evidence["sources"] == 4
    assert len(found(UnsolicitedInbound, packets(*rows[:3]))) == 3


def test_many_sources_of_another_kind():
    """Where none is told apart, no number is given."""
    rows = [{**REFUSED, "src": f"198.51.{100 + host // 250}.{host % 250}"} for host in range(1, MAX_SOURCES_A_BATCH + 10)]
    kinds = {
        each.evidence["kind"]: each
        for each in found(UnsolicitedInbound, packets(*rows, {**REFUSED, "tcp_flags": consts.TCP_ACK, "flow": 0}))
    }
    assert kinds["stale-flow"].message.startswith("Many hosts sent mid-stream TCP packets to 192.168.10.20, port 22: 1 packet (tcp)")


def test_later_packets_of_an_attempt_belong_to_it():
    """Where the capture was made, the attempt was let through."""
    ack, rst = ({**REFUSED, "tcp_flags": flags, "ct_state": consts.CT_INVALID} for flags in (consts.TCP_ACK, consts.TCP_RST))
    violation = only(found(UnsolicitedInbound, packets(REFUSED, ack), packets(ack, rst, first_frame=3)))
    assert (violation.evidence["kind"], violation.count) == ("attempt", 4)
