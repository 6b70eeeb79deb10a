"""Formats are found by name, and say what they lack."""

from __future__ import annotations

import sys

import pytest

from pcapaudit.core.errors import OutputError
from pcapaudit.report.sinks.writer import FORMATS, load_format


@pytest.mark.parametrize("name", FORMATS)
def test_format_offers_what_is_asked_of_it(name):
    """Both functions of the interface."""
    module = load_format(name)
    assert callable(module.open_table)
    assert callable(module.write_records)


def test_missing_package_names_the_extra(monkeypatch):
    """Without pyarrow the message says what to install."""
    monkeypatch.delitem(sys.modules, FORMATS["parquet"], raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OutputError, match=r"--format parquet needs the package pyarrow.*pip install 'pcapaudit\[parquet\]'"):
        load_format("parquet")


def test_missing_module_of_ours_is_a_bug(monkeypatch):
    """Not a matter of installing something."""
    monkeypatch.setitem(FORMATS, "csv", "pcapaudit.report.sinks.gone")
    with pytest.raises(ModuleNotFoundError):
        load_format("csv")
