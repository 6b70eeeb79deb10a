"""Routes asked about packets. ``conformance/test_fib.py`` compares every kind of address with the kernel; here stands what is unknown."""

from __future__ import annotations

import pytest
from random_rules import Packet
from rules_bench import Bench

from pcapaudit.core import consts
from pcapaudit.rules import ops
from pcapaudit.rules.machine import Machine, Route

NAMES = ("inside", "outside", "outside")
#: 10/8 behind "inside", 192.0.2/24 behind "outside"; 10.0.0.1 is one of the firewall's own, of which nobody knows on which interface.
KNOWN = Machine(
    routes=(
        Route(4, 0x0A000000, 0x0AFFFFFF, devices=(0,), vague=True),
        Route(4, 0x0A000001, 0x0A000001, ops.FIB_LOCAL),
        Route(4, 0xC0000200, 0xC00002FF, devices=(2,)),
        Route(4, 0xC6336400, 0xC63364FF, devices=(0, 1)),
    ),
    known=frozenset({4}),
)
NEAR, FAR, BOTH, ELSEWHERE, OWN = 0x0A000005, 0xC0000205, 0xC6336405, 0x08080808, 0x0A000001


def judged(rule, packet, machine=KNOWN):
    """(matched, decided)."""
    text = f"table inet t {{\nchain p {{\ntype filter hook prerouting priority 0; policy accept;\n{rule} drop\n}}\n}}\n"
    verdict, decided = Bench(text, NAMES, assumed=False, machine=machine).judge(packet)
    return verdict == "drop", decided


@pytest.mark.parametrize(
    ("rule", "packet", "outcome"),
    [
        ("fib saddr . iif oif exists", Packet(src=NEAR, iif="inside"), (True, True)),
        ("fib saddr . iif oif missing", Packet(src=NEAR, iif="outside"), (True, True)),
        # Two zones share an interface.
        ("fib saddr . iif oif exists", Packet(src=FAR, iif="outside"), (True, True)),
        ("fib saddr . iif oif exists", Packet(src=BOTH, iif="inside"), (True, True)),
        # Nobody knows the interface, or a route.
        ("fib saddr . iif oif missing", Packet(src=NEAR, iif=None), (False, False)),
        ("fib saddr . iif oif missing", Packet(src=ELSEWHERE, iif="inside"), (False, False)),
        ("fib saddr oif exists", Packet(src=ELSEWHERE), (False, False)),
        ("fib saddr oif exists", Packet(src=BOTH), (True, True)),
        ('fib saddr oifname "inside"', Packet(src=BOTH), (False, False)),
        ('fib saddr oifname "inside"', Packet(src=NEAR), (True, True)),
        ('fib saddr oifname != "inside"', Packet(src=OWN), (True, True)),
        ("fib daddr type unicast", Packet(dst=ELSEWHERE), (True, True)),
        ("fib daddr type local", Packet(dst=OWN), (True, True)),
        ("fib daddr . iif type local", Packet(dst=OWN, iif="inside"), (False, False)),
        # Perhaps a broadcast address, where nobody tells the networks.
        ("fib daddr type broadcast", Packet(dst=0x0A0000FF), (False, False)),
        ("fib daddr type broadcast", Packet(dst=0xC00002FF), (False, True)),
        # Marks may be routed otherwise.
        ("meta mark set 1 fib saddr . mark . iif oif exists", Packet(src=NEAR, iif="inside"), (False, False)),
        ("fib saddr . mark . iif oif exists", Packet(src=NEAR, iif="inside"), (True, True)),
        ("meta mark set 1 fib saddr . iif oif exists", Packet(src=NEAR, iif="inside"), (True, True)),
    ],
)
def test_answers(rule, packet, outcome):
    """What is told, and what is open."""
    assert judged(rule, packet) == outcome


def test_ways_tell_own_addresses():
    """Where packets were said to go input, their destinations are own ones."""
    forced = Machine(forced=True)
    assert judged("fib daddr type local", Packet(path=consts.PATH_INPUT, oif=""), forced) == (True, True)
    assert judged("fib saddr type unicast", Packet(path=consts.PATH_INPUT, oif=""), forced) == (True, True)
    assert judged("fib saddr type unicast", Packet(), Machine()) == (False, False)
