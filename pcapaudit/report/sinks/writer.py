"""What every format can do, and how to find the one that was asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from pcapaudit.core.errors import OutputError
from pcapaudit.report.sinks.files import PartFile
from pcapaudit.report.sinks.names import Names
from pcapaudit.report.sinks.schema import Table

if TYPE_CHECKING:
    from pcapaudit.report.sinks.values import Block

__all__ = ["FORMATS", "Format", "TableWriter", "load_format"]

#: Name of a format (and ending of its files) → the module that writes it.
FORMATS = {
    "csv": "pcapaudit.report.sinks.as_csv",
    "jsonl": "pcapaudit.report.sinks.as_jsonl",
    "parquet": "pcapaudit.report.sinks.as_parquet",
}


class TableWriter(Protocol):
    """Writes one table, block by block."""

    def write(self, block: Block) -> None:
        """Append the rows of a block; its arrays are the caller's again afterwards."""

    def finish(self) -> None:
        """No more rows: write what is held back."""


class Format(Protocol):
    """What the module of a format offers."""

    def open_table(self, table: Table, names: Names, file: PartFile) -> TableWriter:
        """Begin a table of numbers (verdicts, flows)."""

    def write_records(self, table: Table, records: Sequence[Mapping[str, object]], file: PartFile) -> None:
        """Write a whole table of records (violations): column name to text, number, None, or a dictionary (kind ``json``)."""


def load_format(name: str) -> Format:
    """The format of that name. Raises OutputError if a package that it needs is not installed."""
    try:
        return cast("Format", importlib.import_module(FORMATS[name]))
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("pcapaudit"):
            raise
        raise OutputError(
            f"--format {name} needs the package {error.name}, which is not installed: pip install 'pcapaudit[{name}]'"
        ) from None
