"""JSON Lines: an object a line with every key in every line, no value as null, several names as an array."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pcapaudit.report.sinks.files import PartFile
from pcapaudit.report.sinks.names import Names
from pcapaudit.report.sinks.rows import FieldPlan
from pcapaudit.report.sinks.schema import Column, Table
from pcapaudit.report.sinks.text import TextWriter
from pcapaudit.report.sinks.values import LETTER_WORDS

__all__ = ["open_table", "write_records"]

#: kind → what stands around a value. The texts of codes and masks bring their own quotes.
_AROUND = {"mask": (b"[", b"]"), "address": (b'"', b'"'), "time": (b'"', b'"'), "letters": (b'"', b'"')}


def open_table(table: Table, names: Names, file: PartFile) -> TextWriter:
    """Begin a table of numbers."""
    fields = [(column.name, _plan(column, names, b"," if k else b"{")) for k, column in enumerate(table.columns)]
    return TextWriter(fields, b"}\n", file)


def write_records(table: Table, records: Sequence[Mapping[str, object]], file: PartFile) -> None:
    """Write a whole table of records."""
    for record in records:
        line = {column.name: record[column.name] for column in table.columns}
        file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def _plan(column: Column, names: Names, lead: bytes) -> FieldPlan:
    texts = getattr(names, column.names) if column.names else ()
    key = lead + json.dumps(column.name).encode() + b":"
    opening, closing = _AROUND.get(column.kind, (b"", b""))
    return FieldPlan(
        kind=column.kind,
        before=key + opening,
        after=closing,
        null=key + b"null",
        texts=[None if text is None else _encoded(column, text) for text in texts],
        between=b",",
        words=LETTER_WORDS.get(column.name, 0),
    )


def _encoded(column: Column, text: str) -> bytes:
    return text.encode() if column.names == "booleans" else json.dumps(text, ensure_ascii=False).encode()
