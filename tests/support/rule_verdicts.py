"""What the engine decides about each frame of a capture, named so that a kernel's answer can be compared with it.

An answer is ``accept|drop|reject WHERE``: WHERE is ``table/chain#N`` for the N-th rule (from 1) of a chain, ``table/chain`` for its
policy. As reports do, the last rule that accepted counts, of the chains behind conntrack and outside NAT; if none did, the last policy.
"""

from __future__ import annotations

from datagrams import WAITING
from scenes import Collector

from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import consts, vocab
from pcapaudit.replay import run as replay_run
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.topology import Topology

#: Frames that no rule of the kernel sees.
NOT_SEEN = ("kernel-drop", "non-ip", "truncated", "frag-queued", "oracle-lost", "ct-drop")
#: What lies behind the inner of the two links; and the link by which everything leaves that is forwarded.
INSIDE = "10.0.0.0/8,fd00::/8"
OUT = "oracle-out"


class Answers(Collector):
    """Collects one answer a frame."""

    def __init__(self, program):
        super().__init__()
        self.program, self.answers, self.undecided, self.versions = program, [], {}, {}
        self.numbers = rule_numbers(program)

    def on_batch(self, batch, verdicts):
        """Note what became of the frames."""
        columns = verdicts.arrays
        for i in range(batch.count):
            said = vocab.VERDICTS[int(columns["verdict"][i])]
            if int(columns["reason"][i]) in WAITING:
                said = "frag-queued"
            rule, chain = int(columns["rule"][i]), int(columns["chain"][i])
            where = self.numbers[rule] if rule else ""
            if not rule and chain:
                info = self.program.chains[chain]
                where = f"{info.table}/{info.name}"
            self.answers.append(f"{said} {where}".strip())
            self.versions[len(self.answers)] = int(batch.arrays["l3"][i])
            if not columns["decided"][i]:
                self.undecided[len(self.answers)] = int(columns["cause"][i])


def rule_numbers(program):
    """Rule id → ``table/chain#N``."""
    counts, names = {}, {}
    for info in program.rules[1:]:
        key = info.family, info.table, info.chain
        # Rules that one line of iptables-save became are one to the kernel.
        counts[key] = counts.get(key, 0) + (not info.rule.continues)
        names[info.id] = f"{info.table}/{info.chain}#{counts[key]}"
    return names


def engine_answers(capture, ruleset, topology, out_interface="", check_sums=False):
    """The answers for a capture; ``out_interface``: every packet leaves by this zone's interface."""
    program = program_for(ruleset, topology)
    answers = Answers(program)
    with open_stream([str(capture)]) as stream:
        config = ConntrackConfig(checksum=check_sums)
        context = Context(stream, ruleset, program, topology, config, "verify" if check_sums else "ignore")
        source = replay_run.Source(stream, context.checksum)
        engine = replay_run.Engine(context, source, 1)
        if out_interface:
            engine._vantage = _OneWayOut(engine._vantage, source.batch, topology.interfaces.index(out_interface))
            engine.reassembly._vantage = engine._vantage
        while source.read():
            engine.judge([answers])
        engine.finish([answers])
    return answers


def two_links(hook, inside="lan", outside="wan"):
    """The engine's view of what the oracle sets up."""
    zones = [f"{inside}={inside}:{INSIDE}", f"{outside}={outside}:any"]
    if hook == "forward":
        zones.append(f"{OUT}={OUT}:192.88.99.0/32")
    return Topology.from_options(zones, path=hook)


class _OneWayOut:
    """The vantage of a router that sends everything to one link."""

    def __init__(self, vantage, batch, index):
        self.vantage, self.batch, self.index = vantage, batch, index

    def place(self):
        """Fill the columns, then correct one."""
        self.vantage.place()
        found = self.batch.arrays["oif"][: self.batch.count]
        found[found != consts.IFACE_NONE] = self.index

    def place_row(self, i):
        """The same for a reassembled datagram."""
        self.vantage.place_row(i)
        self.batch.arrays["oif"][i] = self.index


def is_same(kernel, engine, path):
    """Whether the answers are the same. The kernel's trace of a rule of iptables that rejects says drop."""
    return kernel == engine or (path.suffix != ".nft" and kernel.replace("drop ", "reject ") == engine)


def grouped(answers):
    """Answers by frame number → lines ``answer: 1-4,7``, in the order of their first frames."""
    groups = {}
    for number, answer in answers.items():
        groups.setdefault(answer, []).append(number)
    return "".join(f"{answer}: {_ranges(numbers)}\n" for answer, numbers in groups.items())


def ungrouped(text):
    """The lines of ``grouped`` → answers by frame number."""
    found = {}
    for line in text.splitlines():
        answer, _, ranges = line.rpartition(": ")
        for part in ranges.split(","):
            first, _, last = part.partition("-")
            found.update(dict.fromkeys(range(int(first), int(last or first) + 1), answer))
    return dict(sorted(found.items()))


def _ranges(numbers):
    spans = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
