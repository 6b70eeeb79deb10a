"""What a kernel and the engine say of the packets of a capture, in one form: a golden line a frame.

Line: frame, verdict, ct state, direction, state, seconds left, status letters (E expected, S seen reply, A assured, C confirmed), flow
(and behind ``<`` the flow that announced it);
``-`` for nothing. The kernel numbers flows as they are confirmed, the engine as they are seen: the numbers must map one to one, no more.
A golden file begins with ``#`` lines: the command, the kernel, and the ``Setup`` that engine and kernel are given.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from datagrams import WAITING, as_frames

from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import consts, vocab
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.run import run
from pcapaudit.replay.topology import Topology
from pcapaudit.rules import compile_ruleset, parse_ruleset

__all__ = ["Difference", "Fact", "Setup", "compare", "engine_facts", "kernel_facts", "read_golden", "read_note", "write_golden"]

#: What the kernel's conntrack never saw: there is nothing to compare.
UNSEEN = frozenset({"kernel-drop", "non-ip", "truncated"})
QUEUED = "frag-queued"
#: Accepted by the rules, and not confirmed behind them.
LOST = "lost"
#: The address of the link where rules translate.
OWN = "203.0.113.254"
#: Names of the states of protocols other than TCP.
STATES = {consts.PROTO_SCTP: vocab.SCTP_STATES, consts.PROTO_DCCP: vocab.DCCP_STATES}
_LETTERS = (
    *(("EXPECTED", "E"), ("SEEN_REPLY", "S"), ("ASSURED", "A"), ("CONFIRMED", "C")),
    *(("SRC_NAT", "s"), ("DST_NAT", "d")),
)
_BITS = {
    bits: "".join(
        letter
        for bit, letter in (
            (consts.STATUS_EXPECTED, "E"),
            (consts.STATUS_SEEN_REPLY, "S"),
            (consts.STATUS_ASSURED, "A"),
            (consts.STATUS_CONFIRMED, "C"),
            (consts.STATUS_SRC_NAT, "s"),
            (consts.STATUS_DST_NAT, "d"),
        )
        if bits & bit
    )
    or "-"
    for bits in range(512)
}
_ERRORS = (consts.PROTO_ICMP, consts.PROTO_ICMPV6)
_TOLERANCE = 1


class Fact(NamedTuple):
    """One side's answer about one frame; ``-`` where it says nothing."""

    verdict: str
    ct_state: str = "-"
    direction: str = "-"
    state: str = "-"
    left: str = "-"
    status: str = "-"
    flow: str = "-"


class Difference(NamedTuple):
    """A frame of which the two say different things."""

    frame: int
    #: Name of the first field that differs.
    field: str
    kernel: Fact
    engine: Fact

    def kind(self) -> tuple[str, str, str]:
        """What is the same in differences of one cause: the field and both values (a time-out's to the second)."""
        return self.field, getattr(self.kernel, self.field), getattr(self.engine, self.field)


@dataclass(frozen=True)
class Setup:
    """What both sides are told."""

    #: Rules of a chain at the hook input, or a ruleset of one line; empty: everything is accepted.
    rules: str = ""
    #: NAME=VALUE, names without nf_conntrack_.
    sysctls: tuple[str, ...] = ()
    #: NAME or NAME=PROTOCOL:PORT: helpers, assigned by port.
    helpers: tuple[str, ...] = ()
    #: Where packets go: ``input`` or ``forward``; with NAT they come and leave by one link whose address is OWN.
    hook: str = "input"

    @property
    def is_nat(self) -> bool:
        """Whether the rules translate."""
        return "type nat" in self.rules

    def topology(self) -> Topology:
        """The engine's view of the links."""
        if not self.is_nat:
            return Topology.from_options(path=self.hook)
        return Topology.from_options(zone=["one=one:any"], own=[OWN], path=self.hook)

    def config(self) -> ConntrackConfig:
        """The same for the engine."""
        config = ConntrackConfig()
        for each in self.sysctls:
            name, _, value = each.partition("=")
            config = config.with_sysctl(name, value)
        for each in self.helpers:
            name, _, where = each.partition("=")
            config = config.with_helper(f"{name}={where.partition(':')[2]}" if where else name)
        return config

    def ruleset(self) -> str:
        """The ruleset, whole: one that begins with ``table`` is that already."""
        if self.rules.startswith("table"):
            return f"{self.rules}\n"
        lines = "\n".join(["type filter hook input priority 0; policy accept;", *self.rules.split("; ")])
        return f"table inet t {{\nchain c {{\n{lines}\n}}\n}}\n"


# The kernel -----------------------------------------------------------------------------------------------------------------------------


def kernel_facts(oracle: str, capture: Path, setup: Setup, *more: str) -> list[Fact]:
    """Ask the program ``oracle`` (see make_goldens.py) about a capture."""
    with tempfile.TemporaryDirectory() as folder:
        rules, out = Path(folder) / "rules.nft", Path(folder) / "out.jsonl"
        rules.write_text(setup.ruleset())
        command = [sys.executable, oracle, str(capture), "-r", str(rules), "-o", str(out), *more]
        for each in setup.sysctls:
            command += ["-s", each]
        if setup.hook != "input":
            command += ["--hook", setup.hook]
        if setup.is_nat:
            command += ["--address", f"{'oracle-out' if setup.hook == 'forward' else 'oracle0'}={OWN}"]
        for each in setup.helpers:
            command += ["--helper", each]
        subprocess.run(command, check=True)
        return _with_first_masters([_kernel_fact(json.loads(line), nat=setup.is_nat) for line in out.read_text().splitlines()])


def _with_first_masters(facts: list[Fact]) -> list[Fact]:
    """The kernel tells a master's tuple, which may be another connection's by now: the master that was told first stays."""
    masters: dict[str, str] = {}
    found = []
    for fact in facts:
        flow, expected, master = fact.flow.partition("<")
        found.append(fact._replace(flow=f"{flow}<{masters.setdefault(flow, master)}") if expected else fact)
    return found


def _kernel_fact(entry: dict, *, nat: bool) -> Fact:
    """One of the oracle's objects. Without ``nat`` what is not confirmed behind the rules was dropped by a helper."""
    verdict = entry["verdict"]
    if verdict in UNSEEN or verdict == QUEUED:
        return Fact(verdict)
    if nat and verdict == "accept" and entry.get("unconfirmed"):
        return Fact(LOST)
    state = next((entry[name]["state"].lower() for name in ("tcp", "sctp", "dccp") if isinstance(entry.get(name), dict)), "-")
    status = "".join(letter for name, letter in _LETTERS if name in entry.get("status", ())) or "-"
    ct_state = entry.get("ctstate") or "-"
    direction = entry.get("dir", "-") if ct_state not in ("invalid", "untracked") else "-"
    left, flow = (str(entry.get(name, "-")) for name in ("timeout", "flow"))
    if "EXPECTED" in entry.get("status", ()):
        flow += f"<{entry['master']}"
    return Fact(verdict if verdict != "ct-drop" else "drop", ct_state, direction, state, left, status, flow if status != "-" else "-")


# The engine -----------------------------------------------------------------------------------------------------------------------------


class _Facts:
    """Collects facts, and the protocol of each flow: an ICMP error shows the state of the flow that it is about."""

    def __init__(self, *, routed: bool) -> None:
        self.routed = routed
        self.facts: list[Fact] = []
        self.reasons: list[str] = []
        self.protocols: dict[int, int] = {}
        #: First frame of the datagram of each frame.
        self.datagrams: list[int] = []

    def on_batch(self, batch, verdicts) -> None:
        """Keep the batch's facts."""
        names = ("verdict", "reason", "ct_state", "direction", "tcp_state", "ct_status", "timeout_ns", "flow", "parent", "hook")
        columns = [verdicts.arrays[name][: batch.count].tolist() for name in names]
        self.datagrams += verdicts.arrays["datagram"][: batch.count].tolist()
        protocols = batch.arrays["proto"][: batch.count].tolist()
        for row, proto in zip(zip(*columns, strict=True), protocols, strict=True):
            self.facts.append(self._fact(row, proto))
            self.reasons.append(vocab.REASONS[row[1]])

    def _fact(self, row, proto) -> Fact:
        verdict, reason, ct_state, direction, state, status, left, flow, parent, hook = row
        if verdict == consts.VERDICT_DROP and hook == consts.HOOK_POSTROUTING and reason == consts.REASON_CLASH:
            return Fact(LOST)
        if verdict == consts.VERDICT_DROP and hook == consts.HOOK_POSTROUTING and reason == consts.REASON_ICMP_QUOTE_SHORT and self.routed:
            # NAT drops it behind the last hook at which a verdict can be seen.
            verdict = consts.VERDICT_ACCEPT
        if reason in WAITING:
            return Fact(QUEUED)
        if reason == consts.REASON_HELPER:
            # The kernel's helper drops it behind the last hook at which a verdict can be seen.
            verdict = consts.VERDICT_ACCEPT
        if flow:
            proto = self.protocols.setdefault(flow, proto)
        names = STATES.get(proto, vocab.TCP_STATES)
        name = (names.get(state) if status else None) or "-"
        seconds = str(left // 1_000_000_000) if status else "-"
        says = (vocab.VERDICTS[verdict], vocab.CT_STATES[ct_state] or "-", vocab.DIRECTIONS[direction] or "-")
        number = f"{flow}<{parent}" if status & consts.STATUS_EXPECTED else str(flow)
        return Fact(*says, name, seconds, _BITS[status & 511], number if status & consts.STATUS_CONFIRMED else "-")

    def on_flows(self, flows) -> None:
        """Rows of flows are not compared."""

    def on_end(self) -> None:
        """Nothing is left."""


def engine_facts(capture: Path, setup: Setup, seed: int = 0) -> tuple[list[Fact], list[str]]:
    """The engine's facts, and why it did not accept."""
    topology, ruleset, facts = setup.topology(), parse_ruleset(setup.ruleset()), _Facts(routed=setup.hook == "forward")
    program = compile_ruleset(ruleset, topology.interfaces, topology.assumed)
    with open_stream([str(capture)]) as stream:
        run(Context(stream, ruleset, program, topology, setup.config(), "verify"), [facts], seed)
    return [each or Fact("parts-differ") for each in as_frames(facts.facts, facts.datagrams, Fact(QUEUED))], facts.reasons


# Both -----------------------------------------------------------------------------------------------------------------------------------


def compare(kernel: Iterable[Fact], engine: Iterable[Fact]) -> Iterator[Difference]:
    """The frames that differ. Frames that the kernel's conntrack did not see are passed over."""
    forth: dict[str, str] = {}
    back: dict[str, str] = {}
    for frame, (one, other) in enumerate(zip(kernel, engine, strict=True), 1):
        if one.verdict in UNSEEN:
            continue
        name = next(
            (name for name, x, y in zip(Fact._fields[:-1], one, other, strict=False) if x != y and not _near(name, x, y, one)), None
        )
        pairs = list(zip(one.flow.split("<"), other.flow.split("<"), strict=False))
        if name is None and (
            one.flow.count("<") != other.flow.count("<") or any(forth.get(x, y) != y or back.get(y, x) != x for x, y in pairs)
        ):
            name = "flow"
        if name is not None:
            yield Difference(frame, name, one, other)
        for x, y in pairs:
            forth[x], back[y] = y, x


def _near(name: str, kernel: str, engine: str, fact: Fact) -> bool:
    """Whether two unequal values are not a difference: seconds, rounded from jiffies; the state of what an ICMP error quotes."""
    if name == "left":
        return kernel.isdigit() and engine.isdigit() and abs(int(kernel) - int(engine)) <= _TOLERANCE
    return name == "state" and engine == "-" and fact.ct_state == "related"


# Files ----------------------------------------------------------------------------------------------------------------------------------


def write_golden(path: Path, setup: Setup, facts: Iterable[Fact], note: str) -> None:
    """Write a golden file; ``note`` tells who was asked and how."""
    head = [f"# {note}"]
    if setup.rules:
        head.append(f"# rules {setup.rules}")
    if setup.sysctls:
        head.append(f"# sysctl {' '.join(setup.sysctls)}")
    if setup.hook != "input":
        head.append(f"# hook {setup.hook}")
    if setup.helpers:
        head.append(f"# helpers {' '.join(setup.helpers)}")
    lines = [
        " ".join([str(frame), *(fact if fact.verdict not in (*UNSEEN, QUEUED) else [fact.verdict])]) for frame, fact in enumerate(facts, 1)
    ]
    path.write_text("\n".join([*head, *lines]) + "\n")


def read_note(path: Path) -> str:
    """The note of a golden file."""
    return path.read_text().partition("\n")[0].removeprefix("# ")


def read_golden(path: Path) -> tuple[Setup, list[Fact]]:
    """What ``write_golden`` wrote."""
    setup, facts = Setup(), []
    for line in path.read_text().splitlines():
        if line.startswith("# rules "):
            setup = replace(setup, rules=line.removeprefix("# rules "))
        elif line.startswith("# sysctl "):
            setup = replace(setup, sysctls=tuple(line.split()[2:]))
        elif line.startswith("# hook "):
            setup = replace(setup, hook=line.removeprefix("# hook "))
        elif line.startswith("# helpers "):
            setup = replace(setup, helpers=tuple(line.split()[2:]))
        elif not line.startswith("#"):
            facts.append(Fact(*line.split()[1:]))
    return setup, facts
