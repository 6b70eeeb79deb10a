"""NAT of a real router, captured on either link, on both, and on all at once: what was captured on both sides is one connection.

``natlab/lab.sh`` says how the captures and the kernel's connection tables beside them were made: masquerade with ports that clash, DNAT
from outside and as a hairpin, redirect; with iptables MASQUERADE, DNAT, SNAT, REDIRECT and NETMAP.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pcapaudit

LAB = Path(__file__).parent / "natlab"
RULES = {"nft": "rules.nft", "ipt": "rules.v4"}


def audited(kind, *links, **options):
    """A run over captures of these links."""
    captures = [str(LAB / f"{kind}-{link}.pcap") for link in links]
    return pcapaudit.audit(captures, rules=str(LAB / RULES[kind]), topology=str(LAB / "router.toml"), **options)


def connections(kind):
    """Original tuples of the kernel's connections."""
    found = set()
    for line in (LAB / f"{kind}.txt").read_text().splitlines():
        ends = re.search(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)", line)
        found.add((line.split()[2], ends[1], int(ends[3]), ends[2], int(ends[4])))
    return found


def flows(run):
    """Those of the flows."""
    return [(each.proto, each.src, each.sport, each.dst, each.dport) for each in run.select_flows("*")]


@pytest.mark.parametrize("links", [("lan", "wan"), ("any",)], ids="+".join)
@pytest.mark.parametrize("kind", RULES)
def test_both_sides_are_one_connection(kind, links):
    """The flows are the kernel's connections, with their original tuples; everything was accepted, nothing is open."""
    run = audited(kind, *links)
    found = flows(run)
    assert set(found) == connections(kind)
    assert len(found) == len(set(found))
    packets = run.summary["packets"]
    assert set(packets["by_verdict"]) == {"accept", "skip"}
    assert packets["undecided"]["packets"] == 0
    assert run.summary["assumptions"]["captured"] is None


@pytest.mark.parametrize("kind", RULES)
def test_inside_alone(kind):
    """The link is told by the addresses: connections from there are known, what came in translated already is open, and never guessed."""
    run = audited(kind, "lan")
    assert run.summary["assumptions"]["captured"]["zone"] == "lan"
    for each in run.select_flows("*"):
        translated_before = (
            "192.168.10.21" in (each.src, each.dst) and "198.51.100.10" in (each.src, each.dst) and 80 in (each.sport, each.dport)
        )
        assert bool(each.undecided) is translated_before, each
        assert translated_before or each.verdict == "accept"


def test_outside_alone():
    """What comes from the router's own address may come from behind it: open. What comes in is known."""
    run = audited("nft", "wan")
    assert run.summary["assumptions"]["captured"]["zone"] == "wan"
    for each in run.select_flows("*"):
        assert bool(each.undecided) is (each.src == "198.51.100.2"), each


def test_side_that_nobody_knows_is_said():
    """With what is taken for granted then."""
    for run in (audited("ipt", "wan"), audited("nft", "lan", infer="none")):
        assert any("taken as it comes in" in note for note in run.summary["assumptions"]["notes"])
    assert not any("taken as it comes in" in note for note in audited("nft", "lan").summary["assumptions"]["notes"])
