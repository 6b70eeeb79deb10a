"""Stages of a translated packet, through rules that look at the raw header: what is written there is what they see."""

from __future__ import annotations

import pytest
from scenes import replay, tcp, udp

from pcapaudit.replay.topology import Topology

NAT = """table inet n {
    chain pre { type nat hook prerouting priority -100; udp dport 8080 dnat ip to 10.0.0.5:80; udp dport 8081 dnat ip6 to [fd00::5]:81; }
    chain post { type nat hook postrouting priority 100; ip daddr 10.0.0.5 snat ip to 10.0.0.1; ip6 daddr fd00::5 snat ip6 to fd00::1; }
    chain early { type filter hook prerouting priority -150; EARLY }
    chain mid { type filter hook forward priority 0; MID }
    chain late { type filter hook postrouting priority 150; LATE }
}"""
FOUR = udp("198.51.100.9:5555", "203.0.113.1:8080")
SIX = udp("[2001:db8::9]:5555", "[2001:db8::1]:8081")


def dropped(packet, **stages):
    """Whether the packet is dropped by a rule at one of the stages."""
    text = NAT
    for stage in ("early", "mid", "late"):
        text = text.replace(stage.upper(), f"{stages[stage]} drop;" if stage in stages else "")
    topology = Topology.from_options(zone=["lan=lan:10.0.0.0/8,fd00::/8", "wan=wan:any"])
    row = replay([(0, packet)], text, topology=topology).rows[0]
    assert row.decided
    return row.said == "drop"


@pytest.mark.parametrize(
    ("packet", "stage", "match"),
    [
        (FOUR, "early", "ip daddr 203.0.113.1 udp dport 8080"),
        (FOUR, "early", "@nh,128,32 0xcb007101"),
        (FOUR, "mid", "ip saddr 198.51.100.9 ip daddr 10.0.0.5 udp dport 80"),
        (FOUR, "mid", "@nh,128,32 0x0a000005 @th,16,16 80"),
        (FOUR, "late", "ip saddr 10.0.0.1 udp sport 5555"),
        (FOUR, "late", "@nh,96,32 0x0a000001"),
        (SIX, "early", "ip6 daddr 2001:db8::1 udp dport 8081"),
        (SIX, "mid", "ip6 saddr 2001:db8::9 ip6 daddr fd00::5 th dport 81"),
        (SIX, "late", "ip6 saddr fd00::1 ip6 daddr & ffff:: == fd00::"),
    ],
)
def test_stage_shows(packet, stage, match):
    """In columns and in the bytes."""
    assert dropped(packet, **{stage: match})


@pytest.mark.parametrize(
    ("stage", "match"),
    [("early", "ip daddr 10.0.0.5"), ("mid", "ip daddr 203.0.113.1"), ("mid", "ip saddr 10.0.0.1"), ("late", "ip saddr 198.51.100.9")],
)
def test_stage_shows_nothing_of_another(stage, match):
    """Neither too early nor too late."""
    assert not dropped(FOUR, **{stage: match})


def test_header_cut_off():
    """Ports that the capture does not hold are not written into what it does."""
    topology = Topology.from_options(zone=["lan=lan:10.0.0.0/8", "wan=wan:any"])
    text = NAT.replace("EARLY", "").replace("MID", "").replace("LATE", "")
    rows = replay([(0, tcp("198.51.100.9:5555", "203.0.113.1:8080", "S", 1))], text, topology=topology, snaplen=22).rows
    assert rows[0].said == "skip"
