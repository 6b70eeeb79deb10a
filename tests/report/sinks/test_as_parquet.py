"""Parquet, read back, says what JSON Lines say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sample_run import batch, flows, names

from pcapaudit.report.sinks import as_jsonl
from pcapaudit.report.sinks.files import PartFile
from pcapaudit.report.sinks.schema import FLOWS, VERDICTS, VIOLATIONS
from pcapaudit.report.sinks.values import flow_block, verdict_block

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
as_parquet = pytest.importorskip("pcapaudit.report.sinks.as_parquet")

BLOCKS = {
    VERDICTS: verdict_block(*batch(1100), place_of_chain=names().place_of_chain),
    FLOWS: flow_block(flows(), np.array([b"1:" + b"a" * 27 + b"=", b""])),
}


def written(folder, module, table, times=1):
    """A table's file, with its block so many times."""
    file = PartFile(folder / module.__name__)
    writer = module.open_table(table, names(), file)
    for _ in range(times):
        writer.write(BLOCKS[table])
    writer.finish()
    file.commit()
    return folder / module.__name__


def plain(table):
    """A Parquet table as JSON Lines would have it: time stamps as text."""
    for k, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            text = [f"{np.datetime64(value, 'ns')}Z" for value in table.column(k).cast(pa.int64()).to_pylist()]
            table = table.set_column(k, field.name, pa.array(text))
    return table.to_pylist()


@pytest.mark.parametrize("table", [VERDICTS, FLOWS], ids=lambda table: table.name)
def test_same_values_as_json_lines(tmp_path, table):
    """Column by column, nulls included."""
    expected = [json.loads(line) for line in written(tmp_path, as_jsonl, table).read_text().splitlines()]
    assert plain(pq.read_table(written(tmp_path, as_parquet, table))) == expected


def test_row_groups_hold_many_batches(tmp_path, monkeypatch):
    """Memory is bounded by a row group; no row is lost between two."""
    monkeypatch.setattr(as_parquet, "GROUP_ROWS", 2000)
    file = pq.ParquetFile(written(tmp_path, as_parquet, VERDICTS, times=5))
    assert [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)] == [2200, 2200, 1100]


def test_types_are_those_of_the_schema(tmp_path):
    """Small integers stay small, names are dictionaries, several names a list, and the schema version is in the file."""
    schema = pq.read_schema(written(tmp_path, as_parquet, VERDICTS))
    assert schema.field("sport").type == pa.uint16()
    assert schema.field("verdict").type == pa.dictionary(pa.int32(), pa.string())
    assert pa.types.is_list(schema.field("anomalies").type)
    assert schema.field("decided").type == pa.bool_()
    assert schema.metadata[b"pcapaudit.schema_version"] == b"1"


def test_no_rows(tmp_path):
    """A capture without frames makes a file that can be read."""
    assert pq.read_table(written(tmp_path, as_parquet, VERDICTS, times=0)).num_rows == 0


def test_records(tmp_path):
    """Violations: evidence as JSON text, missing numbers null."""
    record = dict.fromkeys((column.name for column in VIOLATIONS.columns), None) | {"code": "x", "count": 2, "evidence": {"low": 1}}
    file = PartFile(tmp_path / "violations.parquet")
    as_parquet.write_records(VIOLATIONS, [record], file)
    file.commit()
    (row,) = pq.read_table(tmp_path / "violations.parquet").to_pylist()
    assert row == record | {"evidence": '{"low": 1}'}
