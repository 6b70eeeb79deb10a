"""Tables of the family bridge against the real Linux kernel, frame for frame.

``make_bridge.py`` says how the capture and the kernel's lines in ``bridge/`` were made. That kernel had neither conntrack on bridges nor
``meta ibrname``: these are not compared.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from scenes import Collector

from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.run import run
from pcapaudit.replay.topology_file import read_topology
from pcapaudit.rules import parse_ruleset

FOLDER = Path(__file__).parent / "bridge"
RULES = [line.split(" ", 1) for line in (FOLDER / "rules.txt").read_text().splitlines() if not line.startswith("#")]
KERNEL = [line.split()[1] for line in (FOLDER / "frames.txt").read_text().splitlines()]
PORTS = (FOLDER / "ports.toml").read_text()


def answers(hook, what, topology=PORTS, family="bridge"):
    """For each frame 1 or 0, or ? for what is undecidable."""
    text = f"table {family} t {{\nchain c {{\ntype filter hook {hook} priority 0; policy accept;\n{what} drop\n}}\n}}\n"
    ruleset, where, facts = parse_ruleset(text, "rule.nft"), read_topology(topology, "ports.toml"), Collector()
    with open_stream([str(FOLDER / "frames.pcapng")]) as stream:
        run(Context(stream, ruleset, program_for(ruleset, where), where, ConntrackConfig(checksum=False), "ignore"), [facts], 1)
    return ["1" if row.said == "drop" and row.rule else "0" if row.decided else "?" for row in facts.rows]


@pytest.mark.parametrize("number", range(len(RULES)), ids=lambda number: " ".join(RULES[number]))
def test_rule_equals_kernel(number):
    """But for the port by which a frame for all leaves: by each of them, which is no one answer."""
    kernel, found = [line[number] for line in KERNEL], answers(*RULES[number])
    differing = [(k + 1, one, other) for k, (one, other) in enumerate(zip(kernel, found, strict=True)) if one != other]
    assert all(other == "?" and "oifname" in RULES[number][1] and frame in (1, 2, 3, 18, 19) for frame, _, other in differing), differing


def test_goldens_show_both_answers():
    """They would prove little otherwise."""
    for number, (hook, what) in enumerate(RULES):
        assert {line[number] for line in KERNEL} == {"0", "1"} or what == "ip ttl 63", (hook, what)


@pytest.mark.parametrize(("what", "matched"), [('meta ibrname "br0"', "1"), ('meta ibrname "br1"', "0"), ('meta obrname "br*"', "1")])
def test_name_of_the_bridge(what, matched):
    """That of the topology."""
    assert set(answers("forward", what)) == {matched}


def test_connections_on_a_bridge():
    """Are tracked, if rules ask for them."""
    assert answers("forward", "ct state established")[4:6] == ["1", "1"]
    assert answers("forward", "ct state new")[3:5] == ["1", "0"]


def test_without_a_bridge_its_tables_are_not_evaluated():
    """Nor are those of IP with one; a note says why."""
    router = PORTS.replace('bridge = "br0"', "")
    assert set(answers("forward", "meta l4proto udp", router)) == {"0"}
    assert "1" in answers("forward", "meta l4proto udp", router, "inet")
    assert set(answers("forward", "meta l4proto udp", PORTS, "inet")) == {"0"}
