"""What a capture shows of what the standards speak of."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from scenes import context_for, icmp, ip, tcp, udp
from standards_world import OUT, WITH, topology

from pcapaudit.regress.standards import facts as module
from pcapaudit.regress.standards.facts import FACTS, Count, Facts
from pcapaudit.replay.run import run

LAN, PEER, OWN = "10.0.0.9:4000", "198.51.100.7:53", "203.0.113.1"
LAN6, PEER6 = "[2001:67c:10::9]:4000", "[2a00:1::7]:53"
QUERY = udp(LAN, PEER)


def counted(packets, rules=OUT):
    """Facts after a replay of packets, a tenth of a second apart."""
    context = context_for([(number / 10, data) for number, data in enumerate(packets)], rules, topology=topology())
    found = Facts(context)
    run(context, [found], 1)
    return found


CASES = [
    ("unsolicited-syn", [tcp(PEER, LAN, "S")], "dropped"),
    ("unsolicited-syn6", [tcp(PEER6, LAN6, "S")], "dropped"),
    ("unsolicited-init", [ip("2a00:1::7", "2001:67c:10::9", 132, bytes(12) + bytes((1, 0, 0, 20)) + bytes(16))], "dropped"),
    ("unknown-error", [icmp("198.51.100.1", "10.0.0.9", 3, data=QUERY)], "dropped"),
    ("unknown-error6", [icmp("2a00:1::3", "2001:67c:10::9", 1, data=udp(LAN6, PEER6))], "dropped"),
    ("query-out", [icmp("10.0.0.9", "198.51.100.7", 8)], "accepted"),
    ("outbound-refused", [udp(LAN, "198.51.100.7:25")], "rejected"),
    ("multicast-source", [udp("[ff0e::1]:1", PEER6)], "dropped"),
    ("unique-local", [udp("[fd00::5]:1", LAN6)], "dropped"),
    ("esp", [ip("10.0.0.9", "198.51.100.7", 50, bytes(24))], "accepted"),
    ("hip", [ip("10.0.0.9", "198.51.100.7", 139, bytes(24))], "accepted"),
    ("mobility", [ip("2001:67c:10::9", "2a00:1::7", 135, bytes(8))], "accepted"),
    ("shim6", [ip("2001:67c:10::9", "2a00:1::7", 140, bytes(8))], "accepted"),
    ("ike", [udp(LAN, "198.51.100.7:500")], "accepted"),
    ("own-dns", [udp("198.51.100.7:4", f"{OWN}:53")], "accepted"),
    ("own-dhcp", [udp("198.51.100.7:4", f"{OWN}:547")], "accepted"),
    ("own-management", [tcp("198.51.100.7:4", f"{OWN}:22", "S")], "accepted"),
    ("port-control", [udp(LAN, "198.51.100.7:5351")], "accepted"),
    ("midstream", [tcp(LAN, PEER, "A", 1, 1)], "accepted"),
    ("too-big", [QUERY, icmp("198.51.100.1", "10.0.0.9", 3, 4, data=QUERY)], "accepted"),
]


@pytest.mark.parametrize(("name", "packets", "fate"), CASES, ids=[each[0] for each in CASES])
def test_packet_is_counted(name, packets, fate):
    """By what became of it, with its frame; an ordinary exchange is none of it."""
    count = counted(packets, WITH('iifname "lan" udp dport 25 reject')).counts[name]
    assert (getattr(count, fate), count.total, count.first) == (1, 1, {fate: len(packets)})
    assert counted([QUERY, udp(PEER, LAN)]).counts[name].total == 0


def test_every_fact_that_is_not_shown_elsewhere_has_its_case():
    """A fact that nothing can count would be no evidence."""
    assert {each[0] for each in CASES} >= set(FACTS) - {"fragment", "ah", "out-of-window"}


def test_rejecting_rules_are_kept():
    """Which of them answered how is looked at later."""
    count = counted([udp(LAN, "198.51.100.7:25")], WITH('iifname "lan" udp dport 25 reject')).counts["outbound-refused"]
    assert count.rejecting == {1}


def test_flows_and_errors_about_them():
    """By protocol and IP version, with the first frame."""
    found = counted([QUERY, udp(PEER, LAN), icmp("198.51.100.1", "10.0.0.9", 3, data=QUERY)])
    assert found.flows == {(17, 4): (1, 1)}
    (count,) = found.errors.values()
    assert (list(found.errors), count.accepted, count.first) == ([(17, 4)], 1, {"accepted": 3})


def test_services_and_hosts_are_remembered():
    """For the trials: who talked out to whom."""
    found = counted([QUERY, udp(PEER, LAN), udp(LAN, "198.51.100.8:123")])
    first, second = found.services[17, 4]
    assert (str(first[0]), str(first[1]), first[2:]) == ("10.0.0.9", "198.51.100.7", (4000, 53))
    assert second[3] == 123
    assert found.hosts[4, True] == [ip_address("10.0.0.9")]


def test_errors_are_limited(monkeypatch):
    """And those beyond are counted."""
    monkeypatch.setattr(module, "_MOST_ERRORS", 2)
    queries = [udp(f"10.0.0.9:{port}", PEER) for port in range(4000, 4005)]
    found = counted([*queries, *(icmp("198.51.100.1", "10.0.0.9", 3, data=each) for each in queries)])
    assert (sum(each.total for each in found.errors.values()), found.errors_left_out) == (2, 3)


def test_counts_merge():
    """The earlier frame stays the first."""
    one, other = Count(accepted=1, first={"accepted": 9}), Count(accepted=2, dropped=1, first={"accepted": 4, "dropped": 5})
    one.merge(other)
    assert (one.accepted, one.dropped, one.first) == (3, 1, {"accepted": 4, "dropped": 5})
