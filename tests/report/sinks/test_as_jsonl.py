"""JSON Lines say what CSV says."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from sample_run import batch, flows, names

from pcapaudit.report.sinks import as_csv, as_jsonl
from pcapaudit.report.sinks.files import PartFile
from pcapaudit.report.sinks.schema import FLOWS, VERDICTS, VIOLATIONS
from pcapaudit.report.sinks.values import flow_block, verdict_block

BLOCKS = {
    VERDICTS: verdict_block(*batch(8), place_of_chain=names().place_of_chain),
    FLOWS: flow_block(flows(), np.array([b"1:" + b"a" * 27 + b"=", b""])),
}


def lines(folder, module, table):
    """The lines of a table's file."""
    file = PartFile(folder / "table")
    writer = module.open_table(table, names(), file)
    writer.write(BLOCKS[table])
    writer.finish()
    file.commit()
    return (folder / "table").read_text().splitlines()


def as_csv_text(value):
    """A JSON value as CSV has it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return "|".join(value)
        case _:
            return str(value)


@pytest.mark.parametrize("table", [VERDICTS, FLOWS], ids=lambda table: table.name)
def test_same_values_as_csv(tmp_path, table):
    """Every key in every line, in the order of the columns."""
    parsed = [json.loads(line) for line in lines(tmp_path, as_jsonl, table)]
    assert {tuple(row) for row in parsed} == {tuple(column.name for column in table.columns)}
    assert [[as_csv_text(value) for value in row.values()] for row in parsed] == list(csv.reader(lines(tmp_path, as_csv, table)[1:]))


def test_types(tmp_path):
    """Numbers are numbers, absent values null, several names arrays, the rest strings."""
    first, second, _, last = [json.loads(line) for line in lines(tmp_path, as_jsonl, VERDICTS)][:4]
    assert (first["frame"], first["ts_ns"], first["decided"]) == (1, 1_700_000_000_123_456_789, True)
    assert first["ct_status"] == ["assured", "confirmed"]
    assert second["anomalies"] == ["l4-checksum", "port-zero"]
    assert (last["src"], last["sport"], last["proto"], last["anomalies"]) == (None, None, None, [])


def test_records_keep_evidence_as_an_object(tmp_path):
    """No text in a text here."""
    record = dict.fromkeys((column.name for column in VIOLATIONS.columns), None) | {"evidence": {"low": 1}}
    file = PartFile(tmp_path / "violations.jsonl")
    as_jsonl.write_records(VIOLATIONS, [record, record], file)
    file.commit()
    rows = [json.loads(line) for line in (tmp_path / "violations.jsonl").read_text().splitlines()]
    assert [row["evidence"] for row in rows] == [{"low": 1}] * 2
    assert list(rows[0]) == [column.name for column in VIOLATIONS.columns]
