"""Many ports of one host."""

from __future__ import annotations

import pytest
from packets import LAN, WAN, flow_rows, found, only
from sample_run import START_NS

from pcapaudit.core import consts
from pcapaudit.findings.port_scan import PortScan

PROBE = {"src": "192.168.10.20", "dst": "198.51.100.7", "tcp_flags": (consts.TCP_SYN, consts.TCP_RST), "packets": (1, 1), "accepted": 2}
OPEN = {**PROBE, "tcp_flags": (consts.TCP_SYN | consts.TCP_RST, consts.TCP_SYN | consts.TCP_ACK), "packets": (2, 1)}


def scan(count, row=PROBE, first=1):
    """So many ports."""
    return [
        {**row, "flow": first + i, "dport": first + i, "first_frame": first + i, "last_frame": first + i, "first_ns": START_NS + i * 10**7}
        for i in range(count)
    ]


def test_scan_from_inside():
    """With the ports that answered."""
    violation = only(found(PortScan, flows=flow_rows(*scan(100), *scan(2, OPEN, 443))))
    assert violation.message == (
        "192.168.10.20 tried 102 ports of 198.51.100.7 in 0.99 s, 100 of 102 in vain; answers from 2 ports: 443, 444."
    )
    assert (violation.first_frame, violation.last_frame, violation.count) == (1, 100, 102)


def test_unanswered_udp():
    """Silence is failure too."""
    silent = {**PROBE, "proto": consts.PROTO_UDP, "packets": (1, 0), "tcp_flags": (0, 0)}
    assert only(found(PortScan, flows=flow_rows(*scan(20, silent)))).message.endswith("; none answered.")


def test_more_scans_are_counted():
    """Three are shown."""
    rows = [row for host in range(5) for row in scan(20 + host, {**PROBE, "dst": f"198.51.100.{host}"})]
    violations = found(PortScan, flows=flow_rows(*rows))
    assert [each.evidence["ports"] for each in violations] == [24, 23, 22]
    assert violations[0].message.endswith(" 2 more scans like it.")


OTHERS = {
    "refused from outside": scan(100, {**PROBE, "iif": WAN, "oif": LAN, "blocked": 1}),
    "few ports": scan(14),
    "answers": scan(100, {**PROBE, "sport": 53}, first=30000),
    "one port": [{**row, "dport": 80} for row in scan(100)],
    "answered": scan(100, OPEN),
    "long": scan(100, {**PROBE, "packets": (9, 9)}),
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_no_scan(rows):
    """Each condition for itself."""
    assert not found(PortScan, flows=flow_rows(*rows))
