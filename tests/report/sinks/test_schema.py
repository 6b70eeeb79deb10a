"""The tables are what docs/formats.md says."""

from __future__ import annotations

import re

import pytest
from checkout import ROOT

from pcapaudit.report.sinks.rows import KINDS
from pcapaudit.report.sinks.schema import SCHEMA_VERSION, TABLES

DOCS = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
TYPES = {
    "number": "integer",
    "signed": "integer",
    "code": "name",
    "mask": "names",
    "address": "address",
    "time": "time",
    "letters": "text",
    "text": "text",
    "json": "object",
}


def section(name):
    """The text under a heading."""
    return DOCS.split(f"## `{name}`\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_docs_list_the_columns(table):
    """Name, type and meaning of every column, in order."""
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", section(table.name), re.M)
    assert listed == [
        (column.name, "boolean" if column.names == "booleans" else TYPES[column.kind], column.meaning) for column in table.columns
    ]
    assert table.meaning in section(table.name).replace("One row", "one row")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_are_sound(table):
    """Names are unique snake_case, kinds known, numbers typed."""
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    for column in table.columns:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
        assert column.kind in {*KINDS, "text", "json"}
        assert bool(column.dtype) == (column.kind in {"number", "signed"}), column.name


def test_docs_name_the_schema_version():
    """The number in the docs is the one in the files."""
    assert f"`schema_version` is {SCHEMA_VERSION};" in DOCS
