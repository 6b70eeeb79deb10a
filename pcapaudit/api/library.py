"""``pcapaudit.audit`` and the ``Run`` that it returns.

Stability: what ``pcapaudit.__all__`` names, the fields of ``Run``, ``Flow`` and ``Packet``, the columns of the tables and the keys of the
summary keep their names and meanings; new ones may be added. Other modules may change at any time.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

import numpy as np

from pcapaudit.api.options import EngineOptions, FindingOptions
from pcapaudit.api.replaying import replay
from pcapaudit.api.selecting import selection_of
from pcapaudit.api.session import open_session
from pcapaudit.core.errors import CaptureError, ConfigError, OutputError, SelectorError
from pcapaudit.replay.matcher import Matcher, packet_columns
from pcapaudit.replay.openings import Flows, Openings
from pcapaudit.replay.run import Engine, Source
from pcapaudit.replay.selector import parse_selector
from pcapaudit.replay.views import Flow, Packet, flow_view, packet_view
from pcapaudit.report.community import community_ids
from pcapaudit.report.sinks.names import Names
from pcapaudit.report.sinks.schema import FLOWS, VERDICTS, VIOLATIONS
from pcapaudit.report.sinks.values import flow_block, verdict_block
from pcapaudit.report.summary import Results, summarize, violation_records

if TYPE_CHECKING:
    import pyarrow

    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.report.sinks.values import Block
    from pcapaudit.rules.compile import Program

__all__ = ["Options", "Run", "audit", "engine_of"]

StrPath = str | PathLike[str]
#: One text, or several; of settings (NAME=VALUE) a mapping, too.
Texts = StrPath | Iterable[StrPath]
Settings = str | Iterable[str] | Mapping[str, object]

View = TypeVar("View", Flow, Packet)

#: How many packets or flows an error names.
_SHOWN = 5
_CHOICES = {
    "path": ("auto", "forward", "input", "output"),
    "checksum": ("auto", "verify", "ignore"),
    "mode": ("what-if", "observed"),
    "ct_zone": ("none", "vlan", "outer-vlan", "interface"),
    "helpers": ("rules", "auto"),
    "infer": ("auto", "none"),
}


class Options(TypedDict, total=False):
    """What ``audit`` takes by keyword: the options of ``pcapaudit audit``, with the same names and meanings (docs/commands.md)."""

    rules: Texts
    unsupported: str
    local: Texts
    zone: Texts
    own: Texts
    topology: StrPath | None
    path: str
    infer: str
    captured: str
    ct_zone: str
    profile: str
    kernel: str | None
    sysctl_file: StrPath | None
    timeout: Settings
    sysctl: Settings
    helper: Texts
    helpers: str
    helper_param: Settings
    checksum: str
    mode: str
    seed: int | None
    reorder_window: float
    strict: bool
    select: Texts
    ignore: Texts
    config: StrPath | None


def audit(captures: Texts, **options: Unpack[Options]) -> Run:
    """Replay captures (files, folders, patterns; ``-`` for standard input) through a firewall.

    ``options`` are those of ``pcapaudit audit``: ``rules="fw.nft"``, ``local=["10.0.0.0/8"]``, ``timeout={"udp.stream": "5m"}`` … Where
    the command takes an option several times, one text or several are given here.

    Raises PcapauditError: CaptureError, RulesetError, ConfigError; TypeError for a keyword that there is not.
    """
    given = _texts(captures)
    if not given:
        raise ConfigError("audit(): no capture was given: expected the path of a pcap or pcapng file, or several")
    engine, findings = engine_of(options)
    selection = selection_of(findings)
    openings = Openings()
    with open_session(given, engine) as context:
        results = replay(context, engine, selection, (openings,))
    return Run(given, engine, results, openings)


def engine_of(options: Mapping[str, Any]) -> tuple[EngineOptions, FindingOptions]:
    """Keywords as the options that commands have. Raises TypeError and ConfigError."""
    known = list(Options.__annotations__)
    for name in options:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            raise TypeError(f"audit() has no keyword {name!r}{f': {close[0]!r} was meant?' if close else ''}; it has {', '.join(known)}")
    for name, choices in _CHOICES.items():
        if options.get(name, choices[0]) not in choices:
            raise ConfigError(f"{name}={options[name]!r}: expected one of {', '.join(choices)}")
    values = {name: _value(name, value) for name, value in options.items()}
    findings = FindingOptions(**{name: values.pop(name) for name in ("select", "ignore", "config") if name in values})
    return replace(EngineOptions(), **values), findings


def _value(name: str, value: Any) -> Any:
    """An option's value as the dataclass has it."""
    if name in {"rules", "local", "zone", "own", "helper", "select", "ignore"}:
        return _texts(value)
    if name in {"timeout", "sysctl", "helper_param"}:
        return tuple(f"{key}={each}" for key, each in value.items()) if isinstance(value, Mapping) else _texts(value)
    if name in {"topology", "sysctl_file", "config"}:
        return None if value is None else fspath(value)
    return value


def _texts(value: Texts) -> tuple[str, ...]:
    return (fspath(value),) if isinstance(value, (str, PathLike)) else tuple(fspath(each) for each in value)


class Run:
    """What an audit came to. ``summary`` and flows are there at once; tables are made when they are asked for, and kept."""

    def __init__(self, captures: Sequence[str], engine: EngineOptions, results: Results, openings: Openings) -> None:
        self._captures, self._engine, self._results = tuple(captures), engine, results
        self._names = Names.of_run(results.context)
        self._openings = openings

    def __repr__(self) -> str:
        totals, found = self._results.totals, len(self._results.violations)
        return f"<pcapaudit.Run of {', '.join(self._captures)}: {totals.frames} frames, {totals.flows} flows, {found} findings>"

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` holds, with counts by verdict, rule, zone …, and the findings as records."""
        return summarize(self._results)

    @cached_property
    def findings(self) -> pyarrow.Table:
        """The findings, most severe first, as an Arrow table with the columns of ``violations`` (docs/formats.md)."""
        return _arrow().record_table(VIOLATIONS, violation_records(self._results.violations, self._results.context))

    @cached_property
    def flows(self) -> pyarrow.Table:
        """The flows, in order of first sight, as an Arrow table with the columns of ``flows``."""
        rows = self._flows.rows
        return _arrow().ArrowTable(FLOWS, self._names).whole([flow_block(rows, community_ids(rows))] if len(rows) else [])

    @cached_property
    def packets(self) -> pyarrow.Table:
        """Every frame as an Arrow table with the columns of ``verdicts``; the captures are replayed for it, as a run keeps no packets."""
        return _arrow().ArrowTable(VERDICTS, self._names).whole(self._blocks())

    def flow(self, selector: str) -> Flow:
        """The one flow that a selector means. Raises SelectorError if there is none, or more than one."""
        return self._one(self.select_flows(selector), selector, "flow")

    def select_flows(self, selector: str) -> list[Flow]:
        """All flows that a selector means, in order of first sight. Raises SelectorError."""
        matcher = Matcher(parse_selector(selector, "flow"), self._program)
        rows = np.flatnonzero(matcher.mask(self._flows, self._openings.start_ns or 0))
        return [flow_view(self._flows, int(row), self._program) for row in rows]

    def packet(self, selector: str | int) -> Packet:
        """The one packet that a selector means, or the frame of that number. Raises SelectorError if there is none, or more than one."""
        text = f"frame {selector}" if isinstance(selector, int) else selector
        return self._one(self.select_packets(text), text, "packet")

    def select_packets(self, selector: str) -> list[Packet]:
        """All packets that a selector means, in the order of the capture; the captures are replayed. Raises SelectorError."""
        matcher = Matcher(parse_selector(selector, "packet"), self._program)
        found: list[Packet] = []
        for batch, verdicts in self._again():
            columns = packet_columns(batch, verdicts)
            rows = np.flatnonzero(matcher.mask(columns, self._openings.start_ns or 0))
            found += [packet_view(columns, int(row), self._program) for row in rows]
        return found

    @property
    def _program(self) -> Program:
        return self._results.context.program

    @cached_property
    def _flows(self) -> Flows:
        return self._openings.flows()

    def _blocks(self) -> Iterator[Block]:
        for batch, verdicts in self._again():
            yield verdict_block(batch, verdicts, self._names.place_of_chain)

    def _again(self) -> Iterator[tuple[PacketBatch, VerdictBatch]]:
        """The same run once more, batch by batch. Raises CaptureError, ConfigError."""
        if "-" in self._captures:
            raise ConfigError("packets of a capture from standard input are gone when it has been read: write it to a file and give that")
        with open_session(self._captures, self._engine) as context:
            source = Source(context.stream, context.checksum)
            engine = Engine(context, source, self._engine.seed or 0)
            while source.read():
                for judged in engine.decide():
                    yield judged.batch, judged.verdicts[0]
            for judged in engine.rest():
                yield judged.batch, judged.verdicts[0]
            frames = engine.finish(()).frames
        if frames != self._results.totals.frames:
            expected = f"{self._results.totals.frames} as when it was audited"
            raise CaptureError(self._captures[0], None, f"{frames} frames", expected, "It has changed since: audit it again.")

    def _one(self, found: Sequence[View], text: str, kind: str) -> View:
        if len(found) == 1:
            return found[0]
        shown = "".join(f"\n    {_line(each)}" for each in found[:_SHOWN]) + ("\n    …" if len(found) > _SHOWN else "")
        method = f"select_{kind}s() returns all of them" if found else f"the run has {self._results.totals.frames} frames"
        if not found and kind == "flow":
            shown = "".join(f"\n    {_line(flow_view(self._flows, row, self._program))}" for row in range(min(_SHOWN, len(self._flows))))
            method = f"the run has {len(self._flows)} flows{', the first are' if shown else ''}"
        raise SelectorError(text, 1, len(text), f"{len(found) or 'no'} {kind}s are meant where one was expected; {method}{shown}")


def _line(view: Flow | Packet) -> str:
    number = f"frame {view.frame}" if isinstance(view, Packet) else f"flow {view.number}"
    return f"{number}: {view.text} {view.verdict}"


def _arrow() -> Any:
    """The module that makes Arrow tables. Raises OutputError without pyarrow."""
    try:
        from pcapaudit.report.sinks import arrow
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("pcapaudit"):
            raise
        raise OutputError(f"tables need the package {error.name}, which is not installed: pip install 'pcapaudit[parquet]'") from None
    return arrow
