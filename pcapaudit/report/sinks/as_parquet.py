"""Parquet (extra ``parquet``): the tables as ``arrow`` makes them, in row groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pcapaudit.report.sinks.arrow import ArrowTable, record_table
from pcapaudit.report.sinks.files import PartFile
from pcapaudit.report.sinks.names import Names
from pcapaudit.report.sinks.schema import Table
from pcapaudit.report.sinks.values import Block

__all__ = ["ParquetWriter", "open_table", "write_records"]

#: Rows of a row group: enough for columns to compress, few enough to hold in memory (some 20 MB).
GROUP_ROWS = 131072
#: Columns that grow steadily: their differences are what is stored.
_STEADY = {"frame", "file_frame", "ts_ns", "first_ns", "last_ns", "end_ns", "first_frame", "last_frame"}


def open_table(table: Table, names: Names, file: PartFile) -> ParquetWriter:
    """Begin a table of numbers."""
    return ParquetWriter(table, names, file)


def write_records(table: Table, records: Sequence[Mapping[str, object]], file: PartFile) -> None:
    """Write a whole table of records."""
    rows = record_table(table, records)
    with pq.ParquetWriter(file, rows.schema, compression="zstd", compression_level=1) as writer:
        writer.write_table(rows)


class ParquetWriter:
    """Writes blocks as row groups."""

    def __init__(self, table: Table, names: Names, file: PartFile) -> None:
        self._arrow = ArrowTable(table, names)
        self._held: list[Any] = []
        self._held_rows = 0
        steady = [column.name for column in table.columns if column.name in _STEADY]
        coded = [column.name for column in table.columns if column.names and column.names != "booleans" and column.kind == "code"]
        coded += [f"{column.name}.list.element" for column in table.columns if column.kind == "mask"]
        coded += [column.name for column in table.columns if column.kind == "address"]
        self._writer = pq.ParquetWriter(
            file,
            self._arrow.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=coded,
            column_encoding=dict.fromkeys(steady, "DELTA_BINARY_PACKED"),
        )

    def write(self, block: Block) -> None:
        """Append the rows of a block."""
        self._held.append(self._arrow.batch(block))
        self._held_rows += block.count
        if self._held_rows >= GROUP_ROWS:
            self._flush()

    def finish(self) -> None:
        """Write the last row group and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._held_rows:
            self._writer.write_table(pa.Table.from_batches(self._held, self._arrow.schema), row_group_size=self._held_rows)
        self._held.clear()
        self._held_rows = 0
