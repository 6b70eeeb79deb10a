"""The engine against the real Linux kernel, packet for packet, on every capture of the repository.

``kernel/*.txt`` holds what Linux made of each frame (``make_goldens.py`` says how it was asked). Everything arrives at a host that accepts
everything, with checksums verified as the kernel verifies them. What the kernel never showed to conntrack is not compared.
``pcapaudit/conntrack/DIFFERENCES.md`` lists what is known to differ; here nothing may.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from checkout import ROOT
from scenes import Collector

from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import consts, vocab
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.run import run
from pcapaudit.replay.topology import Topology
from pcapaudit.rules import compile_ruleset, parse_ruleset

GOLDENS = sorted((Path(__file__).parent / "kernel").glob("*.txt"))
#: Random sequences that stand beside their golden lines; their checksums are 0 and not looked at.
SEQUENCES = sorted((Path(__file__).parent / "sequences").glob("*.txt"))
ACCEPT = "table inet t { chain c { type filter hook input priority 0; policy accept; } }"
#: Names of the states of protocols other than TCP.
STATES = {consts.PROTO_SCTP: vocab.SCTP_STATES, consts.PROTO_DCCP: vocab.DCCP_STATES}


class Facts(Collector):
    """Collects rows, and the protocol of each flow: an ICMP error shows the state of the flow that it is about."""

    def __init__(self):
        super().__init__()
        self.protocols = {}

    def on_batch(self, batch, verdicts):
        """Note the protocols of flows."""
        super().on_batch(batch, verdicts)
        for i in range(batch.count):
            self.protocols.setdefault(int(verdicts.arrays["flow"][i]), int(batch.arrays["proto"][i]))

    def line(self, number):
        """What the engine says of a frame, in the form of the golden lines."""
        row = self.rows[number - 1]
        if row.why in ("fragment-queued", "fragment-dropped"):
            return f"{number} frag-queued"
        names = STATES.get(self.protocols[row.flow], vocab.TCP_STATES)
        state = names[row.tcp_state] if row.ct_status else ""
        status = "".join(name[0].upper() for name in ("seen_reply", "assured", "confirmed") if name in row.status)
        left = row.timeout_ns // 1_000_000_000 if row.ct_status else "-"
        return f"{number} {row.state or '-'} {row.way or '-'} {state or '-'} {left} {status or '-'}"


def replayed(capture, check_sums):
    """The facts of a capture."""
    topology, ruleset = Topology.from_options(path="input"), parse_ruleset(ACCEPT)
    program, facts = compile_ruleset(ruleset, topology.interfaces, topology.assumed), Facts()
    with open_stream([str(capture)]) as stream:
        run(
            Context(stream, ruleset, program, topology, ConntrackConfig(checksum=check_sums), "verify" if check_sums else "ignore"), [facts]
        )
    return facts


def equal(kernel, engine):
    """Whether two lines say the same; the kernel's seconds are rounded down from jiffies."""
    one, other = kernel.split(), engine.split()
    if len(one) != len(other) or len(one) < 6:
        return one == other
    near = one[4] == other[4] or (one[4].isdigit() and other[4].isdigit() and abs(int(one[4]) - int(other[4])) <= 1)
    return near and one[:4] + one[5:] == other[:4] + other[5:]


@pytest.mark.parametrize("golden", GOLDENS + SEQUENCES, ids=lambda path: path.stem)
def test_engine_equals_kernel(golden):
    """ct state, direction, state, time-out and status of every packet."""
    is_sequence = golden in SEQUENCES
    facts = replayed(golden.with_suffix("") if is_sequence else ROOT / "captures" / golden.stem, not is_sequence)
    differing = []
    for kernel in golden.read_text().splitlines():
        number = int(kernel.split()[0])
        if kernel.split()[1] in ("kernel-drop", "non-ip", "truncated"):
            continue
        engine = facts.line(number)
        if not equal(kernel, engine):
            differing.append(f"kernel {kernel}  engine {engine}  {facts.rows[number - 1].why}")
    assert not differing


def test_every_capture_has_its_golden():
    """A new capture is shown to the kernel, too; the two that a snap length cut off cannot be."""
    names = {path.name for path in (ROOT / "captures").glob("*.pcap*") if path.suffix != ".gz"}
    assert {path.stem for path in GOLDENS} | {"offload.pcap", "snaplen.pcap"} == names


def test_sequences_reach_every_state():
    """Otherwise they would prove little."""
    for proto, names in STATES.items():
        files = [path.read_text() for path in SEQUENCES if path.name.startswith(vocab.PROTOCOLS[proto])]
        reached = {text.split()[3] for lines in files for text in lines.splitlines()}
        assert {name for name in names.values() if name} <= reached
