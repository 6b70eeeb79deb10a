"""What NAT statements promise of mappings."""

from __future__ import annotations

import pytest
from standards_world import NAT, OUT, world

from pcapaudit.regress.standards.bench import NotAsked, NotTried
from pcapaudit.regress.standards.talks import open_talk
from pcapaudit.regress.standards.translating import NAT_PROBES, source_nat

RANDOM = NAT.replace("masquerade", "masquerade fully-random")
POOL = NAT.replace("masquerade", "snat to 203.0.113.8-203.0.113.15")

CASES = [
    ("nat-mapping", NAT, False, "masquerade test.nft:1: the port is kept only while"),
    ("nat-mapping", RANDOM, False, "masquerade fully-random test.nft:1: a port by chance for each connection"),
    ("nat-overloading", NAT, False, "hosts share a port"),
    ("nat-overlapping", NAT, True, "each found by its five-tuple"),
    ("nat-port-range", NAT, True, "such of the same kind"),
    ("nat-port-range", NAT.replace("masquerade", "meta l4proto udp masquerade to :1024-65535"), False, "the range that it names"),
    ("nat-parity", NAT, False, "either parity"),
    ("nat-parity", RANDOM, False, "by chance"),
    ("nat-randomness", NAT, False, "as the host made them"),
    ("nat-randomness", RANDOM, True, "ports by chance"),
    ("nat-hairpin", NAT, False, "go to the firewall itself"),
    ("nat-per-protocol", NAT, True, "part of every mapping"),
    ("nat-with-sessions", NAT, True, "ends with it"),
    ("nat-pooling", POOL, False, "a host gets several"),
    ("nat-pooling", POOL.replace(".15;", ".15 persistent;"), True, "on the source alone"),
]


@pytest.mark.parametrize(("name", "rules", "holds", "said"), CASES, ids=[f"{each[0]}-{k}" for k, each in enumerate(CASES)])
def test_statements(name, rules, holds, said):
    """The rule is named, and what it does."""
    tried = NAT_PROBES[name](world(rules), {"proto": "udp"})
    assert tried.holds is holds
    assert said in tried.said


def test_one_address_is_no_pool():
    """Nothing is asked of it."""
    with pytest.raises(NotAsked, match="one address, no pool"):
        NAT_PROBES["nat-pooling"](world(NAT), {"proto": "udp"})


def test_flow_that_meets_no_statement():
    """Another protocol is translated, not this one."""
    with pytest.raises(NotTried, match="is not translated"):
        NAT_PROBES["nat-mapping"](world(NAT.replace("oifname wan", "oifname wan tcp dport 1")), {"proto": "udp"})


def test_statement_is_found_on_the_way():
    """With its place; none without NAT."""
    trace = open_talk(world(NAT), 17, 4).open()
    found = source_nat(world(NAT), trace)
    assert found is not None
    assert (found[0].kind, found[1]) == ("masquerade", "test.nft:1")
    assert source_nat(world(OUT), open_talk(world(OUT), 17, 4).open()) is None
