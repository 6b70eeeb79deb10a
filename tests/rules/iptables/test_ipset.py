"""ipset save files, and the rules that ask their sets."""

from __future__ import annotations

import pytest
from reference_rules import Packet
from rules_bench import Bench

from pcapaudit.core.errors import RulesetError
from pcapaudit.rules import load_ruleset
from pcapaudit.rules.iptables.ipset import read_ipsets
from pcapaudit.rules.kinds import looks_like_ipset

SAVED = """create nets hash:net family inet hashsize 1024 maxelem 65536
add nets 10.0.0.0/24
add nets 192.0.2.7
create pairs hash:ip,port family inet hashsize 1024 maxelem 65536 timeout 600
add pairs 10.0.0.1,tcp:80 timeout 300
create ports bitmap:port range 0-1023
add ports 22
"""
RULES = """*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -m set --match-set {match} -j DROP
COMMIT
"""


@pytest.fixture
def load(tmp_path):
    """Loads rules together with the saved sets."""

    def both(match):
        (tmp_path / "sets").write_text(SAVED)
        (tmp_path / "rules.v4").write_text(RULES.format(match=match))
        return Bench(load_ruleset(tmp_path / "sets", tmp_path / "rules.v4"))

    return both


def test_looks_like_ipset():
    """By its create lines."""
    assert looks_like_ipset(SAVED)
    assert not looks_like_ipset(RULES)


def test_networks(load):
    """An interval set."""
    subject = load("nets src")
    assert subject.judge(Packet(src=0x0A000063)) == ("drop", True)
    assert subject.judge(Packet(src=0x0A000163)) == ("accept", True)


def test_address_and_port_with_a_lifetime(load):
    """Source address and destination port; the element has five minutes."""
    subject = load("pairs src,dst")
    assert subject.judge(Packet(src=0x0A000001, dport=80, now=10**18)) == ("drop", True)
    assert subject.judge(Packet(src=0x0A000001, dport=81, now=10**18)) == ("accept", True)
    assert subject.judge(Packet(src=0x0A000001, dport=80, now=10**18 + 300 * 10**9)) == ("accept", True)


def test_ports(load):
    """A bitmap of ports."""
    assert load("ports dst").judge(Packet(dport=22)) == ("drop", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("create x hash:odd\n", "not supported"),
        ("create x hash:ip\nadd y 10.0.0.1\n", "no set is called y"),
        ("create x hash:ip\nadd x 10.0.0.1,80\n", "2 of 1 parts"),
        ("create x hash:net\nadd x 10.0.0.0/8 nomatch\n", "nomatch"),
        ("create x hash:ip\nadd x pear\n", "no IPv4 address"),
    ],
)
def test_wrong_sets_are_told(text, message):
    """With the place."""
    _, problems = read_ipsets(text, "sets")
    assert message in problems[0].message


def test_sets_alone_are_no_ruleset(tmp_path):
    """Rules must come too."""
    (tmp_path / "sets").write_text(SAVED)
    with pytest.raises(RulesetError, match="sets alone"):
        load_ruleset(tmp_path / "sets")
