"""All files of a run."""

from __future__ import annotations

import json

import pytest
from sample_run import batch, flows, names

from pcapaudit.core.errors import OutputError
from pcapaudit.report.sinks.files import OutputFolder
from pcapaudit.report.sinks.run_files import RunFiles


def run(folder, formats):
    """A run of two batches, with flows after the first."""
    with OutputFolder(folder) as output:
        files = RunFiles(output, formats, names())
        for consumer in files.consumers:
            consumer.on_batch(*batch(8))
            consumer.on_flows(flows())
            consumer.on_batch(*batch(4))
            consumer.on_end()
        files.write_results([], {"schema_version": 1, "note": "größer"})
        return [path.name for path in output.commit()]


def test_every_table_in_every_format(tmp_path):
    """The summary comes last: who finds it finds all."""
    assert run(tmp_path, ["csv", "jsonl", "csv"]) == [
        "verdicts.csv",
        "verdicts.jsonl",
        "flows.csv",
        "flows.jsonl",
        "violations.csv",
        "violations.jsonl",
        "summary.json",
    ]
    assert len((tmp_path / "verdicts.jsonl").read_text().splitlines()) == 12
    assert len((tmp_path / "flows.csv").read_text().splitlines()) == 3
    assert json.loads((tmp_path / "summary.json").read_text()) == {"schema_version": 1, "note": "größer"}


def test_same_run_same_bytes(tmp_path):
    """All formats, Parquet too."""
    pytest.importorskip("pyarrow")
    formats = ["csv", "jsonl", "parquet"]
    made = run(tmp_path / "one", formats)
    assert run(tmp_path / "two", formats) == made
    assert {name for name in made if (tmp_path / "one" / name).read_bytes() != (tmp_path / "two" / name).read_bytes()} == set()


def test_full_disk_during_parquet_is_an_output_error(tmp_path, monkeypatch):
    """An error that pyarrow carries through is still ours."""
    pytest.importorskip("pyarrow")
    from pcapaudit.report.sinks import files as module

    def full(self, data):
        raise OutputError(f"{self.path}: cannot write: No space left on device")

    monkeypatch.setattr(module.PartFile, "write", full)
    with pytest.raises(OutputError, match="No space left"):
        run(tmp_path / "out", ["parquet"])
    assert list((tmp_path / "out").iterdir()) == []
