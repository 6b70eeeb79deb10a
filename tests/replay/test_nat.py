"""What NAT statements make of tuples. That ranges are picked from as the kernel does is shown by ``tests/conformance/test_nat.py``."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from pcapaudit.replay.nat import Packet, Translation, translate
from pcapaudit.rules import compile_ruleset, parse_ruleset

TCP, ICMP, ESP = 6, 1, 50


def number(text):
    """An address as a number."""
    return int(ip_address(text))


def packet(proto=TCP, source="10.0.0.9", target="192.0.2.7", sport=4000, dport=80):
    """A tuple."""
    return Packet(ip_address(source).version, proto, number(source), number(target), sport, dport)


def plan(statement):
    """The plan of one NAT statement."""
    hook = "postrouting priority 100" if statement.startswith(("snat", "masq")) else "prerouting priority -100"
    text = f"table inet t {{ chain c {{ type nat hook {hook}; {statement}; }} }}"
    return compile_ruleset(parse_ruleset(text)).nats[0]


def made(statement, what=None, kept=(0, 0), own=None, taken=(), **more):
    """The new address, as text, and port."""
    given = None if own is None else number(own)
    found = translate(plan(statement), kept, what or packet(), given, lambda each: each in taken, **more)
    return None if found.address is None else str(ip_address(found.address)), found.port


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("snat ip to 203.0.113.1", ("203.0.113.1", 4000)),
        ("snat ip to 203.0.113.1:7000", ("203.0.113.1", 7000)),
        ("snat ip to 203.0.113.1:3000-5000", ("203.0.113.1", 4000)),
        ("snat ip to 203.0.113.1:5000-6000", ("203.0.113.1", None)),
        ("snat ip to 203.0.113.1 random", ("203.0.113.1", None)),
        ("snat ip to 203.0.113.1 fully-random", ("203.0.113.1", None)),
        ("dnat ip to 10.0.0.5", ("10.0.0.5", 80)),
        ("dnat ip to 10.0.0.5:8080", ("10.0.0.5", 8080)),
        ("dnat ip to 10.0.0.5:8080-8090", ("10.0.0.5", 8080)),
        ("dnat ip to 10.0.0.5:8080-8090 random", ("10.0.0.5", None)),
        ("dnat ip to 10.0.0.5 random", ("10.0.0.5", 80)),
        ("dnat ip to :8080", ("192.0.2.7", 8080)),
        ("dnat ip prefix to 10.1.0.0/16", ("10.1.2.7", 80)),
    ],
)
def test_statement_without_rivals(statement, found):
    """Nobody else uses any tuple."""
    assert made(statement) == found


def test_masquerade_takes_the_address_ahead():
    """If it is known; the port stays either way."""
    assert made("masquerade", own="203.0.113.1") == ("203.0.113.1", 4000)
    assert made("masquerade") == (None, 4000)
    assert made("masquerade random") == (None, None)
    assert made("masquerade to :7000") == (None, 7000)


def test_redirect_changes_the_port():
    """And goes to the firewall."""
    assert made("redirect to :3128", own="10.0.0.1") == ("10.0.0.1", 3128)


def test_source_port_in_use():
    """Chance picks another."""
    rival = packet(source="203.0.113.1")
    assert made("snat ip to 203.0.113.1", taken=[rival]) == ("203.0.113.1", None)
    assert made("snat ip to 203.0.113.1:4000", taken=[rival]) == ("203.0.113.1", 4000)


def test_destination_port_in_use():
    """The next one of the range is taken."""
    rivals = [packet(target="10.0.0.5", dport=port) for port in (8080, 8081)]
    assert made("dnat ip to 10.0.0.5:8080-8090", taken=rivals) == ("10.0.0.5", 8082)
    assert made("dnat ip to 10.0.0.5:8080-8081", taken=rivals) == ("10.0.0.5", None)


def test_protocols_without_ports():
    """An ICMP identifier stays if it can; what has no ports has nothing to change."""
    assert made("snat ip to 203.0.113.1", packet(ICMP, dport=0)) == ("203.0.113.1", 4000)
    assert made("snat ip to 203.0.113.1", packet(ICMP, dport=0), taken=[packet(ICMP, "203.0.113.1", dport=0)]) == ("203.0.113.1", None)
    assert made("snat ip to 203.0.113.1 random", packet(ESP, sport=0, dport=0)) == ("203.0.113.1", 0)


def test_map_yields_an_address_and_a_port():
    """By the number of its element."""
    statement = "dnat ip to tcp dport map { 80 : 10.0.0.5 . 8080, 81 : 10.0.0.6 . 8081 }"
    wanted = {str(ip_address(each[0][0])): order for order, each in enumerate(plan(statement).addresses)}
    assert made(statement, kept=(wanted["10.0.0.6"], 0)) == ("10.0.0.6", 8081)


def test_ranges_spread_and_stay():
    """Every address of a range may be picked; one client keeps its own with ``persistent``, whatever its destination."""
    statement = "snat ip to 203.0.113.16-203.0.113.19"
    targets = [packet(target=f"192.0.2.{host}") for host in range(60)]
    assert {made(statement, each)[0] for each in targets} == {f"203.0.113.{host}" for host in range(16, 20)}
    assert len({made(statement + " persistent", each)[0] for each in targets}) == 1
    six = "snat ip6 to 2001:db8::10-2001:db8::1f"
    found = {ip_address(made(six, packet(source=f"fd00::{host:x}", target="2001:db8:1::1"))[0]) for host in range(1, 60)}
    assert len(found) > 8
    assert all(ip_address("2001:db8::10") <= each <= ip_address("2001:db8::1f") for each in found)


@pytest.mark.parametrize(
    ("statement", "earlier", "found"),
    [
        ("snat ip to 203.0.113.1", ("203.0.113.1", 61234), ("203.0.113.1", 61234)),
        ("snat ip to 203.0.113.1-203.0.113.9", ("203.0.113.5", 4000), ("203.0.113.5", 4000)),
        ("snat ip to 203.0.113.1", ("203.0.113.2", 61234), ("203.0.113.1", 4000)),
        ("snat ip to 203.0.113.1:3000-5000", ("203.0.113.1", 61234), ("203.0.113.1", 4000)),
        ("snat ip to 203.0.113.1 random", ("203.0.113.1", 61234), ("203.0.113.1", None)),
        ("snat ip to 203.0.113.1", ("203.0.113.1", None), ("203.0.113.1", None)),
        ("snat ip to 10.0.0.9", ("10.0.0.9", 61234), ("10.0.0.9", 4000)),
    ],
)
def test_what_the_source_has_got_before(statement, earlier, found):
    """It gets the same, where the statement allows it; a source that may stay as it is stays."""
    assert made(statement, earlier=[Translation(number(earlier[0]), earlier[1])]) == found


def test_what_the_source_has_got_before_is_in_use():
    """For the same server: another port, by chance."""
    used = packet(source="203.0.113.1", sport=61234)
    earlier = [Translation(number("203.0.113.1"), 61234)]
    assert made("snat ip to 203.0.113.1", taken=[used, packet(source="203.0.113.1")], earlier=earlier) == ("203.0.113.1", None)
