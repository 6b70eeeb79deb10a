"""The files of a run, fed while it goes: verdicts and flows as consumers, violations and the summary at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.report.community import community_ids
from pcapaudit.report.sinks.files import OutputFolder
from pcapaudit.report.sinks.names import Names
from pcapaudit.report.sinks.schema import FLOWS, VERDICTS, VIOLATIONS, Table
from pcapaudit.report.sinks.values import flow_block, verdict_block
from pcapaudit.report.sinks.writer import TableWriter, load_format

__all__ = ["FlowSink", "RunFiles", "VerdictSink"]


class VerdictSink:
    """Writes a verdict row for every frame."""

    def __init__(self, writers: Sequence[TableWriter], names: Names) -> None:
        self._writers = writers
        self._names = names

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Write the batch's rows."""
        block = verdict_block(batch, verdicts, self._names.place_of_chain)
        for writer in self._writers:
            writer.write(block)

    def on_flows(self, flows: Any) -> None:
        """Flows are another sink's."""

    def on_end(self) -> None:
        """Write what is held back."""
        for writer in self._writers:
            writer.finish()


class FlowSink:
    """Writes a row for every flow that ended."""

    def __init__(self, writers: Sequence[TableWriter]) -> None:
        self._writers = writers

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets are another sink's."""

    def on_flows(self, flows: Any) -> None:
        """Write the flows' rows."""
        block = flow_block(flows, community_ids(flows))
        for writer in self._writers:
            writer.write(block)

    def on_end(self) -> None:
        """Write what is held back."""
        for writer in self._writers:
            writer.finish()


class RunFiles:
    """All files of a run, in every format asked for. ``consumers`` take part in the run; ``write_results`` follows it."""

    def __init__(self, folder: OutputFolder, formats: Sequence[str], names: Names) -> None:
        self._folder = folder
        self._formats = {name: load_format(name) for name in dict.fromkeys(formats)}
        self._names = names
        self.consumers = (VerdictSink(self._open(VERDICTS), names), FlowSink(self._open(FLOWS)))

    def _open(self, table: Table) -> list[TableWriter]:
        return [each.open_table(table, self._names, self._folder.open(f"{table.name}.{name}")) for name, each in self._formats.items()]

    def write_results(self, violations: Sequence[Mapping[str, object]], summary: Mapping[str, object]) -> None:
        """Write the violations (records with the columns of the table) and, last of all, ``summary.json``."""
        for name, each in self._formats.items():
            each.write_records(VIOLATIONS, violations, self._folder.open(f"{VIOLATIONS.name}.{name}"))
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        self._folder.open("summary.json").write(text.encode() + b"\n")
