"""Tables as lines of text: what CSV and JSON Lines have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pcapaudit.report.sinks.files import PartFile
from pcapaudit.report.sinks.rows import ROWS, FieldPlan, RowFormatter
from pcapaudit.report.sinks.values import Block

__all__ = ["TextWriter", "fill_cells", "letter_words"]


def letter_words(letters: Any, words: int) -> Any:
    """An array of byte strings as 64-bit words, first byte lowest: shape (rows, words)."""
    padded = np.ascontiguousarray(letters.astype(f"S{8 * words}"))
    return padded.view("<u8").reshape(len(letters), words)


def fill_cells(cells: Any, fields: Sequence[tuple[str, FieldPlan]], block: Block, start: int, stop: int) -> None:
    """Put rows ``start``..``stop`` - 1 of a block into the first columns of a formatter's cells."""
    at = 0
    for name, field in fields:
        values = block.values[name]
        if field.kind == "letters":
            cells[at : at + field.words, : stop - start] = letter_words(values[0][start:stop], field.words).T
        else:
            for word, value in enumerate(values):
                cells[at + word, : stop - start] = value[start:stop]
        at += field.cells


class TextWriter:
    """Writes blocks through the compiled row formatter."""

    def __init__(self, fields: Sequence[tuple[str, FieldPlan]], row_end: bytes, file: PartFile) -> None:
        self._fields = fields
        self._file = file
        self._formatter = RowFormatter([field for _, field in fields], row_end)

    def write(self, block: Block) -> None:
        """Append the rows of a block."""
        for start in range(0, block.count, ROWS):
            stop = min(start + ROWS, block.count)
            fill_cells(self._formatter.cells, self._fields, block, start, stop)
            self._file.write(self._formatter.format(stop - start))

    def finish(self) -> None:
        """Nothing is held back."""
