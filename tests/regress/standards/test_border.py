"""Trials at the border: what the plain ruleset lets cross, and what rules against it say."""

from __future__ import annotations

import pytest
from standards_world import OUT, WITH, world

from pcapaudit.regress.standards.bench import NotTried
from pcapaudit.regress.standards.border import BORDER_PROBES
from pcapaudit.replay.topology import Topology

INPUT = "table inet h { chain i { type filter hook input priority 0; policy drop; tcp dport 22 accept; } }\n"
CASES = [
    ("multicast-source", "out: accept (new) by test.nft:4 (1 other is not)", "ip6 saddr ff00::/8 drop"),
    ("multicast-scope", "admin-local scope, out: accept", "ip6 daddr { ff04::/16, ff05::/16, ff08::/16 } drop"),
    (
        "forbidden",
        "to site-local, out: accept",
        "ip6 daddr { fec0::/10, ::ffff:0:0/96, ::/96, 2001:db8::/32, 2001:10::/28 } drop",
    ),
    ("routing-header", "out: accept", "rt type 0 drop"),
    ("foreign-source", "let through: out: accept", 'iifname "lan" ip6 saddr != 2001:67c:10::/48 drop'),
    ("unique-local", "to one, out: accept", "ip6 daddr fc00::/7 drop; ip6 saddr fc00::/7 drop"),
]


@pytest.mark.parametrize(("name", "said", "line"), CASES, ids=[each[0] for each in CASES])
def test_what_crosses_and_what_keeps_it_out(name, said, line):
    """The inside may send anything until a rule says otherwise."""
    tried = BORDER_PROBES[name](world(), {})
    assert tried.holds is False
    assert said in tried.said
    assert BORDER_PROBES[name](world(WITH(line)), {}).holds


def test_inside_source_from_outside():
    """Nothing new comes in; unless the rules trust a source address."""
    assert BORDER_PROBES["inside-source"](world(), {}).holds
    tried = BORDER_PROBES["inside-source"](world(WITH("ip6 saddr 2001:67c:10::/48 accept")), {})
    assert tried.said == "let through: in: accept (new) by test.nft:2"


def test_own_services():
    """By port; the ones that are open are named."""
    given = {"proto": "tcp", "ports": [22, 443]}
    tried = BORDER_PROBES["own-service"](world(INPUT + OUT), given)
    assert (tried.holds, tried.said) == (False, "let through: tcp 22: accept (new) by test.nft:1 (1 other is not)")
    assert BORDER_PROBES["own-service"](world(INPUT + OUT), {"proto": "udp", "ports": [53]}).holds


def test_own_address_has_to_be_known():
    """Where nothing says one, there is nothing to try."""
    with pytest.raises(NotTried, match="give --own ADDRESS"):
        BORDER_PROBES["own-service"](world(place=Topology.from_options(local=["10.0.0.0/8", "fd00::/8"])), {"proto": "udp", "ports": [53]})
