"""The work behind ``pcapaudit rules trace``. Imported when it is needed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pcapaudit.api.session import conntrack_config, ruleset_of, topology_of
from pcapaudit.cli.output import note, print_report
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.made import MadeStream, frames_of, topology_for, trace_made
from pcapaudit.replay.packet_text import parse_packets
from pcapaudit.replay.routing import program_for
from pcapaudit.report.phases import render_phases
from pcapaudit.report.trace import trace_document
from pcapaudit.rules.load import load_zones

if TYPE_CHECKING:
    from rich.console import Console

    from pcapaudit.api.options import EngineOptions
    from pcapaudit.replay.packet_text import PacketText
    from pcapaudit.replay.topology import Topology

__all__ = ["RuleTraceOptions", "run_rule_trace"]


@dataclass(frozen=True, slots=True)
class RuleTraceOptions:
    """What is traced, and how it is told."""

    #: The packets.
    packet: str
    #: Verdict that the last packet must get; None for any.
    expect: str | None
    #: No rule is left out.
    everything: bool
    #: ``text`` or ``json``.
    form: str
    #: ``auto``, ``always`` or ``never``.
    color: str


def run_rule_trace(engine: EngineOptions, options: RuleTraceOptions) -> bool:
    """Trace and print. Returns whether the last packet's verdict is the expected one. Raises PcapauditError."""
    packets = parse_packets(options.packet)
    topology = _topology(engine, packets)
    ruleset = ruleset_of(engine, topology)
    program = program_for(ruleset, topology)
    stream: Any = MadeStream(frames_of(packets))
    context = Context(stream, ruleset, program, topology, conntrack_config(engine), "ignore", engine.mode)
    document = trace_document(trace_made(context, packets), context)
    for record, packet in zip(document["traces"], packets, strict=True):
        record["packet"]["asked"] = packet.text
    if options.form == "json":
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        for each in program.notes:
            note(each)
        print_report(lambda console: _draw(document["traces"], console, everything=options.everything), options.color)
    last = document["traces"][-1]["verdict"]
    return options.expect is None or (last["verdict"] == options.expect and last["decided"])


def _topology(engine: EngineOptions, packets: Sequence[PacketText]) -> Topology:
    """That of the options or of a policy file; without either, what the packets name."""
    if engine.topology or engine.zone or engine.local or engine.own or load_zones(*engine.rules)[0]:
        return topology_of(engine)
    return topology_for(packets)


def _draw(records: Sequence[dict[str, Any]], console: Console, *, everything: bool) -> None:
    for number, record in enumerate(records):
        if number:
            console.print()
        render_phases(record, console, everything=everything)
