"""Arrow tables (extra ``parquet``): arrays straight from the columns, names dictionary-encoded, several names as a list.

Numbers keep their NumPy types, times written as text elsewhere are time stamps (ns, UTC) here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pcapaudit.report.sinks.names import Names
from pcapaudit.report.sinks.rows import NOTHING, ROWS, FieldPlan, RowFormatter
from pcapaudit.report.sinks.schema import SCHEMA_VERSION, Column, Table
from pcapaudit.report.sinks.text import fill_cells
from pcapaudit.report.sinks.values import LETTER_WORDS, Block

__all__ = ["ArrowTable", "record_table"]

_NAMES_TYPE = pa.dictionary(pa.int32(), pa.string())
_TIME_TYPE = pa.timestamp("ns", tz="UTC")


def record_table(table: Table, records: Sequence[Mapping[str, object]]) -> Any:
    """A whole table of records (violations)."""
    rows = [{column.name: _value(column, record[column.name]) for column in table.columns} for record in records]
    return pa.Table.from_pylist(rows, schema=_schema(table))


def _value(column: Column, value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if column.kind == "json" and value is not None else value


class ArrowTable:
    """Makes record batches of a table's blocks; the arrays are copies, or hold no reference to the block's."""

    def __init__(self, table: Table, names: Names) -> None:
        self._table = table
        self.schema = _schema(table)
        self._codes = {
            column.name: _Dictionary(getattr(names, column.names))
            for column in table.columns
            if column.names and column.names != "booleans"
        }
        plain = [column for column in table.columns if column.kind in {"address", "letters"}]
        self._formatters = {column.name: _TextColumn(column) for column in plain}

    def batch(self, block: Block) -> Any:
        """The rows of a block as a record batch."""
        arrays = [self._array(column, block) for column in self._table.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def whole(self, blocks: Iterable[Block]) -> Any:
        """The rows of all blocks as one table."""
        return pa.Table.from_batches([self.batch(block) for block in blocks], self.schema)

    def _array(self, column: Column, block: Block) -> Any:
        values = block.values[column.name]
        if column.kind in {"address", "letters"}:
            return self._formatters[column.name].array(block)
        if column.kind == "time":
            return pa.array(values[0].astype("i8"), pa.int64()).cast(_TIME_TYPE)
        if column.kind == "mask":
            return self._codes[column.name].lists(values[0])
        if column.names == "booleans":
            return pa.array(values[0] != 0)
        if column.kind == "code":
            return self._codes[column.name].array(values[0])
        absent = values[0] == NOTHING if values[0].dtype == np.uint64 else None
        return pa.array(values[0].astype(column.dtype), mask=absent)


class _Dictionary:
    """The texts of a code or mask column, each once (Parquet writers give up on dictionaries that repeat), and the way to them."""

    def __init__(self, texts: Sequence[str | None]) -> None:
        unique = list(dict.fromkeys(text for text in texts if text))
        self._texts = pa.array(unique, pa.string())
        place = {text: k for k, text in enumerate(unique)}
        #: By number: place in the dictionary, -1 for no value; the last stands for all numbers beyond the table.
        self._places = np.array([place.get(text or "", -1) for text in texts] + [-1], np.int32)

    def array(self, numbers: Any) -> Any:
        """The texts of numbers."""
        places = self._places[np.minimum(numbers.astype(np.uint64), np.uint64(len(self._places) - 1)).astype(np.intp)]
        return pa.DictionaryArray.from_arrays(pa.array(places, mask=places < 0), self._texts)

    def lists(self, masks: Any) -> Any:
        """Lists of the texts of the bits that are set, lowest first."""
        masks = masks.astype(np.uint64)
        some = np.flatnonzero(masks)
        bits = (masks[some, None] >> np.arange(len(self._places) - 1, dtype=np.uint64)) & np.uint64(1)
        row, bit = np.nonzero(bits)
        offsets = np.zeros(len(masks) + 1, np.int32)
        np.cumsum(np.bincount(some[row], minlength=len(masks)), out=offsets[1:])
        return pa.ListArray.from_arrays(offsets, pa.DictionaryArray.from_arrays(self._places[bit], self._texts))


class _TextColumn:
    """Makes a column of texts with the row formatter: no Python string per row."""

    def __init__(self, column: Column) -> None:
        plan = FieldPlan(column.kind, b"", b"", b"", words=LETTER_WORDS.get(column.name, 0))
        self._fields = [(column.name, plan)]
        self._formatter = RowFormatter([plan], b"\n")

    def array(self, block: Block) -> Any:
        """The column's texts; an empty one is no value."""
        pieces = []
        for start in range(0, block.count, ROWS):
            stop = min(start + ROWS, block.count)
            fill_cells(self._formatter.cells, self._fields, block, start, stop)
            pieces.append(np.frombuffer(self._formatter.format(stop - start), np.uint8).copy())
        data = np.concatenate(pieces) if pieces else np.zeros(0, np.uint8)
        ends = np.flatnonzero(data == ord("\n")) - np.arange(block.count)
        offsets = np.concatenate([np.zeros(1, np.int32), ends.astype(np.int32)])
        absent = np.diff(offsets) == 0
        valid = pa.py_buffer(np.packbits(~absent, bitorder="little"))
        text = pa.py_buffer(np.ascontiguousarray(data[data != ord("\n")]))
        return pa.StringArray.from_buffers(block.count, pa.py_buffer(offsets), text, valid, int(absent.sum()))


def _schema(table: Table) -> Any:
    types = {
        "code": _NAMES_TYPE,
        "mask": pa.list_(_NAMES_TYPE),
        "address": pa.string(),
        "letters": pa.string(),
        "time": _TIME_TYPE,
        "text": pa.string(),
        "json": pa.string(),
    }
    fields = [pa.field(column.name, _type(column, types), metadata={"meaning": column.meaning}) for column in table.columns]
    return pa.schema(fields, metadata={"pcapaudit.table": table.name, "pcapaudit.schema_version": str(SCHEMA_VERSION)})


def _type(column: Column, types: dict[str, Any]) -> Any:
    if column.names == "booleans":
        return pa.bool_()
    return pa.from_numpy_dtype(np.dtype(column.dtype)) if column.dtype else types[column.kind]
