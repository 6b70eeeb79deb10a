"""One port of many hosts, and pings of many."""

from __future__ import annotations

import pytest
from crowd_flows import judged, many
from packets import LAN, WAN

from pcapaudit.core import consts
from pcapaudit.findings.host_sweep import HostSweep

PROBE = {"src": "192.168.10.20", "dport": 445, "tcp_flags": (consts.TCP_SYN, 0), "packets": (1, 0)}
PING = {"src": "192.168.10.20", "proto": consts.PROTO_ICMP, "icmp_type": 8, "packets": (2, 0)}
HOSTS = {"dst": lambda i: f"10.20.{i >> 8}.{i & 255}"}
OPEN = {"packets": (3, 2), "tcp_flags": (consts.TCP_SYN | consts.TCP_ACK, consts.TCP_SYN | consts.TCP_ACK)}


def test_sweep():
    """With the port, the hosts and the first of them."""
    (violation,), _ = judged(HostSweep, *many(100, PROBE, **HOSTS))
    assert violation.message == "192.168.10.20 tried tcp port 445 of 100 hosts in 0.099 s, first 10.20.0.0; none answered."
    assert (violation.count, violation.evidence["port"], violation.evidence["failed"]) == (100, 445, 100)
    assert violation.evidence["rates"]["counts"] == [100]


def test_sweep_with_some_answers():
    """It does not say that nobody answered."""
    (violation,), _ = judged(HostSweep, *many(100, PROBE, **HOSTS), *many(4, {**PROBE, **OPEN, "dst": "10.20.9.9"}))
    assert violation.message.endswith("; 100 of 104 attempts came to nothing.")


def test_ping_sweep():
    """A few of them answer."""
    (violation,), _ = judged(HostSweep, *many(60, PING, **HOSTS), *many(4, {**PING, "packets": (1, 1), "dst": "10.20.9.9"}))
    assert violation.message == "192.168.10.20 tried echo requests (icmp) to 61 hosts in 0.059 s, first 10.20.0.0; 4 answered."


def test_more_sweeps_are_counted():
    """Three are shown."""
    rows = [row for port in range(5) for row in many(20 + port, {**PROBE, "dport": 440 + port}, **HOSTS)]
    violations, _ = judged(HostSweep, *rows)
    assert [each.evidence["port"] for each in violations] == [444, 443, 442]
    assert violations[0].message.endswith(" 2 more sweeps like it.")


def test_threshold():
    """More hosts asked for."""
    assert judged(HostSweep, *many(100, PROBE, **HOSTS), thresholds={("host-sweep", "hosts"): 101})[0] == []


OTHERS = {
    "few hosts": many(14, PROBE, **HOSTS),
    "one host": many(100, {**PROBE, "dst": "10.20.0.1"}),
    "answered": many(100, {**PROBE, **OPEN}, **HOSTS),
    "a browser with some dead servers": [*many(60, {**PROBE, **OPEN, "dport": 443}, **HOSTS), *many(15, {**PROBE, "dport": 443}, **HOSTS)],
    "refused from outside": many(100, {**PROBE, "iif": WAN, "oif": LAN, "blocked": 1}, **HOSTS),
    "a monitor": many(100, {**PING, "packets": (50, 50)}, **HOSTS),
    "pings that are answered": many(100, {**PING, "packets": (2, 2)}, **HOSTS),
    "answers of a service": many(100, {**PROBE, "sport": 53, "dport": 40000, "proto": consts.PROTO_UDP}, **HOSTS),
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_no_sweep(rows):
    """Each condition for itself."""
    assert judged(HostSweep, *rows)[0] == []
