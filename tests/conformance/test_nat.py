"""NAT against the real Linux kernel, packet for packet: verdict, state, direction, status and the rule that decided.

``make_nat.py`` says how the captures and the kernel's lines in ``nat/`` were made.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from scenes import Collector

from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import vocab
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.run import run
from pcapaudit.replay.topology import Topology
from pcapaudit.rules import load_ruleset

GOLDENS = sorted((Path(__file__).parent / "nat").glob("*.txt"))
LETTERS = {"seen_reply": "S", "assured": "A", "confirmed": "C", "src_nat": "s", "dst_nat": "d"}


def lines(golden):
    """What the engine says of the capture, in the form of the golden lines."""
    topology = Topology.from_options(zone=["one=one:any"])
    ruleset = load_ruleset(str(golden.with_suffix("").with_suffix(".nft")))
    program, facts = program_for(ruleset, topology), Collector()
    with open_stream([str(golden.with_suffix(""))]) as stream:
        run(Context(stream, ruleset, program, topology, ConntrackConfig(checksum=False), "ignore"), [facts], 1)
    for number, row in enumerate(facts.rows, 1):
        status = "".join(letter for name, letter in LETTERS.items() if name in row.status) or "-"
        rule = program.rules[row.rule]
        if row.said == "drop" and vocab.HOOKS[row.hook] == "postrouting":
            yield f"{number} lost {row.state} {row.way} - -"
            continue
        yield f"{number} {row.said} {row.state or '-'} {row.way or '-'} {status} {rule.comment if rule and rule.comment else '-'}"
        assert row.decided


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda path: path.name.partition(".")[0])
def test_nat_equals_kernel(golden):
    """Every packet of a thousand; the kernel shows no entry of a packet that it dropped."""
    kernel = golden.read_text().splitlines()
    differing = [f"kernel {one}  engine {other}" for one, other in zip(kernel, lines(golden), strict=True) if one != other]
    assert not differing


def test_goldens_show_translations():
    """They would prove little otherwise."""
    for golden in GOLDENS:
        found = [line.split() for line in golden.read_text().splitlines()]
        for letter in "sd":
            assert sum(letter in line[4] and line[2] == "established" for line in found) > 30
