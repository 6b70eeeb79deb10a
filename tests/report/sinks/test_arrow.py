"""Arrow tables: what becomes of blocks and records. That values are right is tested through Parquet and the library."""

from __future__ import annotations

import pytest
from sample_run import batch, names

from pcapaudit.report.sinks.schema import VERDICTS, VIOLATIONS
from pcapaudit.report.sinks.values import verdict_block

pa = pytest.importorskip("pyarrow")
arrow = pytest.importorskip("pcapaudit.report.sinks.arrow")


def test_batches_keep_their_values_when_columns_are_reused():
    """A batch's columns are overwritten by the next: nothing in a table may refer to them."""
    packets, verdicts = batch(4)
    made = arrow.ArrowTable(VERDICTS, names()).whole([verdict_block(packets, verdicts, names().place_of_chain)])
    before = made.to_pylist()
    for array in (*packets.arrays.values(), *verdicts.arrays.values()):
        array[:] = 0
    assert made.to_pylist() == before


def test_no_blocks_make_an_empty_table():
    """With all columns."""
    made = arrow.ArrowTable(VERDICTS, names()).whole([])
    assert (made.num_rows, made.column_names) == (0, [column.name for column in VERDICTS.columns])


def test_no_records_make_an_empty_table():
    """Likewise."""
    assert arrow.record_table(VIOLATIONS, []).column_names == [column.name for column in VIOLATIONS.columns]
