"""Addresses that no packet on a network has, told from hosts that have none yet and hosts that talk to themselves."""

from __future__ import annotations

import pytest
from findings_of import findings_in
from scenes import ACCEPT_ALL, ip, tcp, udp

OUT, IN = "198.51.100.1", "10.0.0.1"


def kinds(*packets, rules=ACCEPT_ALL):
    """The kinds of the findings with this code."""
    return [each.evidence["kind"] for each in findings_in(list(enumerate(packets)), rules) if each.code == "martian"]


CASES = {
    "loopback": ("127.0.0.1", IN),
    "loopback as destination": (OUT, "127.0.0.1"),
    "multicast-source": ("224.0.0.5", IN),
    "reserved": ("250.1.2.3", IN),
    "reserved as destination": (IN, "240.0.0.1"),
    "broadcast-source": ("255.255.255.255", IN),
    "this-network": ("0.1.2.3", IN),
    "this-network without an address": ("0.0.0.0", IN),
}


@pytest.mark.parametrize("name", CASES)
def test_ipv4(name):
    """Each kind."""
    source, target = CASES[name]
    assert kinds(tcp(f"{source}:4000", f"{target}:80", "S")) == [name.split()[0]]


CASES6 = {
    "loopback": ("::1", "fd00::1"),
    "multicast-source": ("ff02::1", "fd00::1"),
    "unspecified": ("::", "fd00::1"),
    "mapped": ("::ffff:10.0.0.1", "fd00::1"),
}


@pytest.mark.parametrize("name", CASES6)
def test_ipv6(name):
    """Each kind."""
    source, target = CASES6[name]
    assert kinds(tcp(f"[{source}]:4000", f"[{target}]:80", "S")) == [name]


LOOKALIKES = {
    "dhcp": udp("0.0.0.0:68", "255.255.255.255:67"),
    "dhcp through a relay": udp("0.0.0.0:68", "10.0.0.1:67"),
    "igmp": ip("0.0.0.0", "224.0.0.22", 2, bytes(8)),
    "mdns": udp("10.0.0.1:5353", "224.0.0.251:5353"),
    "a host with itself": tcp("127.0.0.1:4000", "127.0.0.1:80", "S"),
    "itself over IPv6": tcp("[::1]:4000", "[::1]:80", "S"),
    "address check": ip("::", "ff02::1:ff00:1", 58, bytes.fromhex("8700000000000000") + bytes(16)),
    "private": tcp("192.168.1.1:4000", "10.0.0.1:80", "S"),
}


@pytest.mark.parametrize("packet", LOOKALIKES.values(), ids=LOOKALIKES)
def test_lookalikes(packet):
    """Packets of this shape are ordinary."""
    assert kinds(packet) == []


def test_count_and_senders():
    """A flood with sources drawn by lot: one finding, its senders counted."""
    packets = [(k / 1000, tcp(f"24{k % 10}.0.{k >> 8}.{k & 255}:1", "10.0.0.1:80", "S")) for k in range(3000)]
    (violation,) = [each for each in findings_in(packets, ACCEPT_ALL) if each.code == "martian"]
    assert (violation.count, violation.evidence["senders"]) == (3000, 3000)
    assert violation.message.startswith("3000 packets with an address of the reserved block 240.0.0.0/4, the first from 240.0.0.0:1 to 10.")
