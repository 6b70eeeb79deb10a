"""CSV as in RFC 4180, but for line ends (a single line feed): a header line, no value as an empty field, several names joined by ``|``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

from pcapaudit.report.sinks.files import PartFile
from pcapaudit.report.sinks.names import Names
from pcapaudit.report.sinks.rows import FieldPlan
from pcapaudit.report.sinks.schema import Column, Table
from pcapaudit.report.sinks.text import TextWriter
from pcapaudit.report.sinks.values import LETTER_WORDS

__all__ = ["open_table", "write_records"]


def open_table(table: Table, names: Names, file: PartFile) -> TextWriter:
    """Begin a table of numbers."""
    file.write(",".join(column.name for column in table.columns).encode() + b"\n")
    fields = [(column.name, _plan(column, names, b"," if k else b"")) for k, column in enumerate(table.columns)]
    return TextWriter(fields, b"\n", file)


def write_records(table: Table, records: Sequence[Mapping[str, object]], file: PartFile) -> None:
    """Write a whole table of records."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([column.name for column in table.columns])
    lines.writerows([_value(column, record[column.name]) for column in table.columns] for record in records)
    file.write(text.getvalue().encode())


def _value(column: Column, value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if column.kind == "json" and value is not None else value


def _plan(column: Column, names: Names, comma: bytes) -> FieldPlan:
    texts = getattr(names, column.names) if column.names else ()
    return FieldPlan(
        kind=column.kind,
        before=comma,
        after=b"",
        null=comma,
        texts=[None if text is None else _quoted(text) for text in texts],
        between=b"|",
        words=LETTER_WORDS.get(column.name, 0),
    )


def _quoted(text: str) -> bytes:
    """A field's text, in quotes where it needs them."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([text])
    return line.getvalue().encode()
