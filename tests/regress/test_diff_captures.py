"""Comparisons over the captures of the repository."""

import pytest
from checkout import ROOT, relative

from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.regress.diff import Comparison, compare
from pcapaudit.regress.sides import EngineSide
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.run import Source
from pcapaudit.replay.topology import Topology
from pcapaudit.rules import load_ruleset

CAPTURES = sorted((ROOT / "captures").glob("*.pcap*"))


@pytest.mark.parametrize("path", CAPTURES, ids=relative)
def test_two_engines_do_not_disturb_each_other(path):
    """What one writes into the shared batch (fragments put together, anomalies) changes nothing for the other."""
    topology = Topology.from_options(local=["192.168.0.0/16", "fd00::/8"])
    ruleset = load_ruleset(ROOT / "rulesets" / "default.nft")
    program = program_for(ruleset, topology)
    with open_stream([str(path)]) as stream:
        source = Source(stream)
        context = Context(stream, ruleset, program, topology, ConntrackConfig())
        sides = EngineSide(context, source, 1), EngineSide(context, source, 2)
        found = compare(source, Comparison(*sides), sides)
    assert found.changes == []
