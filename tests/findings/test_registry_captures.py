"""Every capture of the repository, end to end: what is found, and that nothing else is."""

from __future__ import annotations

import pytest
from checkout import ROOT
from findings_of import findings_of

#: Capture (and ``--local``) → what is found: (code, kind or check, severity, count, first frame). Captures that are not named have nothing.
EXPECTED = {
    "dns-forged.pcap": [
        ("unsolicited-reply", "dns-wrong-port", "medium", 1, 3),
        ("unsolicited-reply", "dns-wrong-server", "high", 1, 2),
    ],
    "fragments-odd.pcap": [
        ("fragment-overlap", "", "medium", 1, 5),
        ("incomplete-fragments", "", "low", 2, 11),
    ],
    "ftp-active.pcap": [
        ("helper-missing", "", "high", 8, 20),
    ],
    "ftp-ipv6.pcap": [
        ("helper-missing", "", "high", 4, 98),
    ],
    "ftp-modes.pcap": [
        ("helper-missing", "", "high", 9, 51),
    ],
    "icmp-errors.pcap": [
        ("icmp-error-unknown-flow", "a packet of another host than the one it was sent to", "low", 1, 4),
        ("icmp-error-unknown-flow", "a packet of no known connection", "low", 1, 5),
        ("unsolicited-inbound", "reply-to-nothing", "low", 1, 10),
    ],
    "idle-tcp.pcap": [
        ("flow-cut-by-timeout", "", "info", 1, 30),
        ("flow-cut-by-timeout", "", "medium", 1, 19),
    ],
    "idle-udp.pcap": [
        ("flow-cut-by-timeout", "", "medium", 1, 20),
        ("flow-cut-by-timeout", "", "medium", 1, 30),
    ],
    "injection.pcap": [
        ("tcp-blind-attack", "", "high", 5, 8),
    ],
    "office.pcapng": [
        ("flow-cut-by-timeout", "", "medium", 1, 239),
        ("helper-missing", "", "high", 10, 168),
        ("packet-after-close", "in-flight", "info", 8, 228),
        ("tcp-blind-attack", "", "medium", 2, 185),
        ("udp-hole-punch", "crossed", "low", 1, 101),
        ("unsolicited-inbound", "attempt", "low", 1, 63),
        ("unsolicited-inbound", "scan", "medium", 32, 61),
        ("unsolicited-reply", "dns-wrong-server", "high", 1, 95),
    ],
    "offload.pcap": [
        ("checksum-offload", "unfinished", "info", 2, 3),
    ],
    "ping.pcap": [
        ("unsolicited-inbound", "attempt", "low", 2, 17),
        ("unsolicited-inbound", "attempt", "low", 2, 21),
    ],
    "punch-lan.pcap": [
        ("udp-hole-punch", "outbound-first", "low", 1, 5),
    ],
    "punch-rejected-lan.pcap": [
        ("udp-hole-punch-failed", "outbound-first", "low", 1, 5),
    ],
    "reset.pcap": [
        ("packet-after-close", "in-flight", "info", 22, 37),
    ],
    "scan-refused.pcap": [
        ("unsolicited-inbound", "scan", "medium", 70, 3),
    ],
    "scan.pcap": [
        ("tcp-invalid-flags", "", "low", 12, 74),
        ("unsolicited-inbound", "scan", "medium", 13, 50),
        ("unsolicited-inbound", "scan", "medium", 26, 3),
    ],
    "syn-flood.pcap": [
        ("syn-flood", "", "medium", 120, 3),
    ],
    "tcp-after-close.pcap": [
        ("packet-after-close", "in-flight", "info", 1, 19),
        ("packet-after-close", "new-data", "medium", 1, 11),
        ("packet-after-close", "new-data", "medium", 1, 20),
        ("packet-after-close", "stale-rst", "info", 1, 12),
    ],
    "tcp-flags.pcap": [
        ("tcp-invalid-flags", "", "low", 46, 1),
        ("unsolicited-inbound", "attempt", "low", 4, 3),
        ("unsolicited-inbound", "backscatter", "info", 6, 5),
        ("unsolicited-inbound", "stale-flow", "low", 8, 17),
    ],
    "tcp-midstream.pcap": [
        ("asymmetric-capture", "", "low", 1, 5),
        ("mid-stream-pickup", "capture-start", "info", 1, 1),
        ("unsolicited-inbound", "stale-flow", "low", 4, 5),
    ],
    "tcp-simultaneous-open.pcap": [
        ("tcp-hole-punch", "simultaneous", "low", 1, 1),
    ],
    "tcp-split-handshake.pcap": [
        ("split-handshake", "", "medium", 1, 3),
    ],
    "tcp-window.pcap": [
        ("tcp-out-of-window", "tcp-ack-over", "low", 1, 48),
        ("tcp-out-of-window", "tcp-ack-under", "info", 1, 49),
        ("tcp-out-of-window", "tcp-overshot", "info", 1, 46),
        ("tcp-out-of-window", "tcp-seq-over", "medium", 1, 50),
        ("tcp-out-of-window", "tcp-seq-under", "info", 3, 47),
    ],
    "tftp.pcap": [
        ("helper-missing", "", "high", 2, 4),
    ],
    "two-interfaces.pcapng": [
        ("out-of-order-capture", "", "low", 17, 11),
    ],
    "vlan-qinq.pcap": [
        ("tcp-out-of-window", "tcp-ack-under", "info", 1, 3),
        ("tcp-out-of-window", "tcp-seq-under", "info", 6, 5),
    ],
    "sip-calls.pcap": [
        ("helper-missing", "", "high", 5, 5),
        ("udp-hole-punch", "crossed", "info", 1, 10),
        ("udp-hole-punch", "crossed", "info", 1, 22),
        ("udp-hole-punch", "crossed", "low", 1, 6),
    ],
    "tftp-both-ways.pcap": [
        ("helper-missing", "", "high", 3, 4),
    ],
    "tftp-other-address.pcap": [
        ("related-from-other-host", "", "medium", 1, 4),
        ("udp-hole-punch", "crossed", "info", 1, 5),
    ],
}
CAPTURES = sorted(path.name for path in (ROOT / "captures").glob("*.pcap*"))


def facts(violation):
    """What a test pins of a finding."""
    kind = next((violation.evidence[name] for name in ("kind", "check", "order", "fault") if name in violation.evidence), "")
    return violation.code, kind, str(violation.severity), violation.count, violation.first_frame


@pytest.mark.parametrize("name", CAPTURES)
def test_capture(name):
    """The default ruleset and networks."""
    assert sorted(facts(each) for each in findings_of(name)) == sorted(EXPECTED.get(name, []))


@pytest.mark.parametrize(
    ("name", "code", "order", "first_frame"),
    [("punch-wan.pcap", "udp-hole-punch", "crossed", 7), ("punch-rejected-wan.pcap", "udp-hole-punch-failed", "outbound-first", 5)],
)
def test_punch_seen_outside_the_nat(name, code, order, first_frame):
    """The NAT's own address is the inside; the knocks that were refused are no finding of their own."""
    found = [facts(each) for each in findings_of(name, local=["198.51.100.2"])]
    assert (code, order, "low", 1, first_frame) in found
    assert not [code for code, *_ in found if code == "unsolicited-inbound"]


def test_scan_from_inside():
    """nmap runs inside, and its target outside refuses nothing."""
    scans = [each for each in findings_of("scan.pcap", local=["203.0.113.0/24"]) if each.code == "port-scan"]
    assert [(each.evidence["source"], each.evidence["target"]) for each in scans] == [("203.0.113.66", "192.168.10.20")]
