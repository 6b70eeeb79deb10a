"""The two short cuts of a packet change nothing: the row that is guessed, and the rules' answer that its row remembers.

Both can be turned off: ``Table.guesses`` and ``Evaluator.remembers``. Every column of verdicts, every flow and every counter of a rule must
be the same with them and without.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from checkout import ROOT, TESTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_rules import rulesets
from scenes import context_for, tcp, udp

from pcapaudit import builds
from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core.columns import VERDICT_COLUMNS
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.run import Engine, Source
from pcapaudit.replay.topology import Topology
from pcapaudit.rules import compile_ruleset, parse_ruleset

sys.path.insert(0, str(TESTS / "conformance"))
import traffic

sys.path.remove(str(TESTS / "conformance"))

FRAMES = 1500 if builds.core_in_use() == "compiled" else 250
QUICK = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
CAPTURES = sorted(path.name for path in (ROOT / "captures").iterdir() if path.suffix in (".pcap", ".pcapng"))
#: Rules that must look at addresses before they ask for the state; rules of which some answers may be remembered and some may not.
ADDRESSES_FIRST = """table inet t { chain c { type filter hook forward priority 0; policy drop;
    ip saddr 10.0.0.7 counter drop
    ip daddr { 192.0.2.1, 192.0.2.3 } tcp dport 22 counter reject with tcp reset
    ip6 saddr 2001:db8::2 udp dport 53 drop
    ip saddr . tcp dport { 10.0.0.3 . 80 } counter
    ct state invalid drop
    ct state established,related counter accept
    ct state new accept } }"""
MIXED = """table inet t {
    chain pre { type filter hook prerouting priority raw; ip saddr 10.0.0.2 udp dport 53 notrack; ip saddr 10.0.0.4 meta mark set 4; }
    chain few { ip saddr 10.0.0.1 limit rate 1/second burst 2 packets accept; tcp flags & (fin | rst) != 0 counter accept; return; }
    chain c { type filter hook forward priority 0; policy accept;
    ip saddr 10.0.0.1 jump few
    tcp dport 443 ct direction reply counter
    ip daddr 192.0.2.2 ip length > 100 drop
    ip saddr 192.0.2.4 ct direction reply drop
    udp sport 53 accept
    ip saddr 10.0.0.5 meta skuid 0 drop
    ct status assured ip saddr 10.0.0.6 counter } }"""
MARKS = """table inet t { chain c { type filter hook forward priority 0;
    ct mark 0 ip saddr 10.0.0.1 ct mark set 1 accept
    ct mark 1 tcp dport 80 drop
    ip saddr 10.0.0.2 counter accept } }"""
NAT = """table ip t { chain n { type nat hook postrouting priority srcnat; ip saddr 10.0.0.1 masquerade; }
    chain c { type filter hook forward priority 0; ip saddr 10.0.0.9 drop; ct state established accept; } }"""
#: What changes from packet to packet of a connection, asked for behind an address.
CHANGING = """table inet t { chain c { type filter hook forward priority 0;
    ip saddr 10.0.0.9 drop
    ip saddr { 10.0.0.1, 10.0.0.2 } tcp flags & (fin | psh) != 0 counter drop
    ip saddr { 10.0.0.3, 10.0.0.4 } meta length > 60 counter drop
    ip daddr { 10.0.0.1, 10.0.0.2 } ct status assured counter
    ip daddr { 10.0.0.3, 10.0.0.4 } ip ttl 63 counter
    ip saddr 192.0.2.4 limit rate 3/second burst 1 packets counter drop
    counter } }"""
RULES = (ADDRESSES_FIRST, MIXED, CHANGING, MARKS, NAT)


class Everything:
    """Keeps all that the engine says."""

    def __init__(self):
        self.columns, self.anomalies, self.flows = [], [], []

    def on_batch(self, batch, verdicts):
        # Rows are the table's own business.
        self.columns.append([verdicts.arrays[name][: batch.count].copy() for name, _, _, _ in VERDICT_COLUMNS if name != "row"])
        self.anomalies.append(batch.arrays["anomalies"][: batch.count].copy())

    def on_flows(self, flows):
        self.flows.append(flows.copy())

    def on_end(self):
        pass


def said(context, *, guesses=True, remembers=True):
    """Everything that is said, as lists of numbers and bytes; and how many outcomes rows remember in the end."""
    source = Source(context.stream, context.checksum)
    engine = Engine(context, source, 1)
    evaluator = engine._loop.evaluator
    engine.tracker.table.guesses = guesses
    evaluator.remembers = evaluator.remembers and remembers
    kept = Everything()
    while source.read():
        engine.judge([kept])
    words = np.frombuffer(engine.tracker.table.memory, np.uint32, 32 * (engine.tracker.table.top + 1)).reshape(-1, 32)
    remembered = int(np.count_nonzero(words[:, [20, 25]] >> 16))
    totals = engine.finish([kept])
    columns = [np.concatenate(each).tolist() for each in zip(*kept.columns, strict=True)]
    flows = [{name: each[name].tolist() for name in each.dtype.names} for each in kept.flows]
    return (columns, np.concatenate(kept.anomalies).tolist(), flows, totals, list(evaluator.rule_bytes)), remembered


def same_in_every_way(make):
    """Compare the four ways to run a context; returns how many outcomes were remembered."""
    found = {ways: said(make(), guesses=ways[0], remembers=ways[1]) for ways in product((True, False), repeat=2)}
    plain, nothing = found[False, False]
    assert nothing == 0
    for ways, (everything, _) in found.items():
        for mine, other in zip(everything, plain, strict=True):
            assert mine == other, ways
    return found[True, True][1]


def stream_of(seed, frames=FRAMES, **style):
    """Random traffic: (seconds, packet)."""
    return [(at / 1000, packet) for at, packet in traffic.packets(traffic.Style(seed, frames, **style))]


@QUICK
@given(rulesets(with_limits=True), st.integers(0, 1000), st.booleans())
def test_random_rules_on_random_traffic(ruleset, seed, assumed):
    """Whatever rules look at, and whatever packets do."""
    packets = stream_of(seed, FRAMES // 2)
    topology = Topology.from_options(local=["10.0.0.0/8", "2001:db8::/48"])

    def make():
        context = context_for(packets, topology=topology)
        program = compile_ruleset(ruleset, topology.interfaces, assumed)
        return Context(context.stream, ruleset, program, topology, ConntrackConfig(), "ignore", "what-if")

    same_in_every_way(make)


@pytest.mark.parametrize("gaps", ["none", "short", "long", "edges"])
@pytest.mark.parametrize("rules", RULES, ids=["addresses first", "mixed", "changing", "marks", "nat"])
def test_rules_on_random_traffic(rules, gaps):
    """Rules that make rows remember, and rules that must not, at every pace."""
    packets = stream_of(7, gaps=gaps, flows=10, odd=0.2)
    remembered = same_in_every_way(lambda: context_for(packets, rules, rows=100))
    assert bool(remembered) == (rules in (ADDRESSES_FIRST, MIXED, CHANGING))


@pytest.mark.parametrize("name", CAPTURES)
def test_captures(name):
    """Every capture of ours, with rules that look at addresses first."""
    topology = Topology.from_options(local=["10.0.0.0/8", "192.168.0.0/16", "fd00::/8"])
    ruleset = parse_ruleset(ADDRESSES_FIRST, "test.nft")
    program = compile_ruleset(ruleset, topology.interfaces, topology.assumed)

    with ExitStack() as opened:
        path = str(ROOT / "captures" / name)
        same_in_every_way(lambda: Context(opened.enter_context(open_stream([path])), ruleset, program, topology, ConntrackConfig()))


def test_a_row_remembers_for_each_direction_and_state():
    """The answer of the first packet is not the second's, that of a request not the reply's; a new connection remembers nothing."""
    rules = """table inet t { chain c { type filter hook forward priority 0; policy drop;
        ip saddr 10.0.0.9 drop
        ct direction reply ip saddr 192.0.2.1 udp sport 53 counter drop
        ct state established ip saddr 10.0.0.1 counter reject
        ct state new accept } }"""
    client, server = "10.0.0.1:40000", "192.0.2.1:53"
    talk = [(at, udp(client, server) if at < 3 or at % 3 else udp(server, client)) for at in range(60)]
    later = [(at + 1000, udp(client, server)) for at in range(3)]
    context = partial(context_for, talk + later, rules, rows=8)
    assert same_in_every_way(context) > 0
    verdicts = said(context())[0][0][0]
    assert verdicts == [1, 1, 1] + [2, 3, 3] * 19 + [1, 1, 1]


def test_a_row_that_is_used_again_remembers_nothing():
    """A second connection in the row of the first, of another host, after the first one's time is over."""
    rules = """table inet t { chain c { type filter hook forward priority 0;
        ct state established ip saddr 10.0.0.2 drop
        ct state established ip daddr 10.0.0.2 reject } }"""
    server, talk = "192.0.2.1:53", []
    for number in (1, 2):
        host = f"10.0.0.{number}:40000"
        talk += [(1000 * number + at / 100, udp(host, server) if at % 2 == 0 else udp(server, host)) for at in range(200)]
        # Meanwhile the first one is taken out of the table.
        talk += [(1000 * number + 500, udp("10.0.0.3:1", server))] * 64
    context = partial(context_for, talk, rules, rows=50)
    assert same_in_every_way(context) > 0
    assert said(context())[0][0][0] == [1] * 265 + [3] + [2, 3] * 99 + [1] * 64


def test_a_cut_header_is_asked_about_anew():
    """The row remembers what whole packets got; one whose header the capture does not hold is skipped as ever."""
    a, b = "10.0.0.1:40000", "192.0.2.1:80"
    talk = [(0, tcp(a, b, "S", 1)), (0.1, tcp(b, a, "S.", 9, 2)), (0.2, tcp(a, b, ".", 2, 10))]
    talk += [(1 + at / 50, tcp(a, b, ".", 2, 10)) for at in range(200)]
    talk += [(9, tcp(a, b, ".", 2, 10)[:30]), (9.1, tcp(a, b, ".", 2, 10))]
    assert same_in_every_way(lambda: context_for(talk, ADDRESSES_FIRST)) > 0


def test_traffic_is_found():
    """The generator lies where the fuzzer's tests have it."""
    assert Path(traffic.__file__).parent == TESTS / "conformance"
