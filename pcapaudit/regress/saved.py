"""A saved run as a side of a comparison: the verdicts table that ``pcapaudit audit -o`` wrote, read beside the capture, frame by frame.

With ``summary.json`` beside the table, rules are known by their words; without it, by file and line. A table that is not about these
frames (another number of them, other time stamps) is an error, not a difference.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from pcapaudit.core import consts, vocab
from pcapaudit.core.columns import VerdictBatch
from pcapaudit.core.errors import ConfigError
from pcapaudit.regress.deciders import NOBODY, Decider

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch
    from pcapaudit.replay.reassembly import Reassembly

__all__ = ["SavedSide", "saved_table"]

#: Columns that are read, in this order.
_COLUMNS = ("ts_ns", "verdict", "decided", "reason", "rule", "rule_at", "chain", "ct_state", "ct_status", "flow")
#: Columns of verdicts that are filled from them.
_FILLED = ("verdict", "decided", "reason", "ct_state", "ct_status", "flow", "rule")
_VERDICTS = {name: number for number, name in vocab.VERDICTS.items()}
_REASONS = {name: number for number, name in vocab.REASONS.items()}
_CT_STATES = {name: number for number, name in vocab.CT_STATES.items()}
#: What broken files raise while they are read.
_BROKEN = (OSError, ValueError, KeyError, TypeError, IndexError, csv.Error)
#: One frame's values, by _COLUMNS; None for no value.
Row = Sequence[Any]


def saved_table(path: str) -> Path | None:
    """The verdicts table that a path means: the file itself, or the one in a run's folder; None for what is no saved run."""
    given = Path(path)
    if given.suffix in _READERS:
        return given
    found = [given / f"verdicts{suffix}" for suffix in _READERS] if given.is_dir() else []
    return next((each for each in found if each.is_file()), None)


class SavedSide:
    """Says what the table says; a context, since it keeps the table open."""

    def __init__(self, path: Path, batch: PacketBatch) -> None:
        self.deciders: list[Decider] = [NOBODY]
        self.verdicts = VerdictBatch()
        self.reassembly: Reassembly | None = None
        self._path = path
        self._batch = batch
        self._frames = 0
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._words = _rule_words(path.with_name("summary.json"))
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}; give the verdicts table of a saved run") from None
        self._rows = _READERS[path.suffix](self._file)

    def __enter__(self) -> SavedSide:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def judge(self) -> list[int]:
        """See ``sides.Side``; a table of verdicts does not tell which flows ended. Raises ConfigError."""
        try:
            self._read(self._batch.count)
        except _BROKEN as error:
            place = f"{self._path}: after frame {self._frames}"
            raise ConfigError(f"{place}: no verdicts table as audit -o writes it ({type(error).__name__}: {error})") from None
        return []

    def columns(self, verdicts: VerdictBatch, count: int) -> dict[str, Any]:
        """See ``sides.Side``: the decider stands where an engine has the rule."""
        columns = {name: verdicts.arrays[name][:count] for name in _FILLED}
        return {**columns, "decided_by": columns["rule"]}

    def finish(self) -> None:
        """See ``sides.Side``. Raises ConfigError."""
        with suppress(*_BROKEN):
            if next(self._rows, None) is None:
                return
        raise ConfigError(f"{self._path}: has more frames than the capture ({self._frames}): give the captures that it was made of")

    def _read(self, count: int) -> None:
        rows = list(islice(self._rows, count))
        if len(rows) < count:
            frames = self._frames + len(rows)
            raise ConfigError(f"{self._path}: ends after {frames} frames, the capture has more: give the captures that it was made of")
        times, verdicts, decided, reasons, rules, places, chains, states, status, flows = zip(*rows, strict=True)
        self._check_times(np.array([int(each) for each in times], dtype=np.int64))
        keys = zip(rules, places, chains, verdicts, strict=True)
        found: dict[str, Sequence[int]] = {
            "verdict": [_VERDICTS[each] for each in verdicts],
            "decided": [each in ("true", True) for each in decided],
            "reason": [_REASONS[each or ""] for each in reasons],
            "ct_state": [_CT_STATES[each or ""] for each in states],
            # Which bits there are plays no part, only that there is an entry.
            "ct_status": [consts.STATUS_CONFIRMED if each else 0 for each in status],
            "flow": [int(each or 0) for each in flows],
            "rule": [self._number(key) for key in keys],
        }
        for name, values in found.items():
            self.verdicts.arrays[name][:count] = values
        self._frames += count

    def _check_times(self, times: Any) -> None:
        wrong = np.flatnonzero(times != self._batch.arrays["ts_ns"][: len(times)])
        if len(wrong):
            frame = self._batch.first_frame + int(wrong[0])
            raise ConfigError(
                f"{self._path}: frame {frame} has another time stamp than in the capture: give the captures that it was made of"
            )

    def _number(self, key: tuple[Any, ...]) -> int:
        """The decider's number, given when it is first seen."""
        number = self._numbers.get(key)
        if number is None:
            rule, place, chain, verdict = key
            number = 0
            if place:
                words = (chain or "", f"policy {verdict}") if rule in (None, "", 0) else self._words.get(int(rule), (chain or "", ""))
                self.deciders.append(Decider(place, *words))
                number = len(self.deciders) - 1
            self._numbers[key] = number
        return number


def _rule_words(path: Path) -> dict[int, tuple[str, str]]:
    """Rule id → chain and words, as a run's summary has them; empty where there is none that can be read."""
    try:
        rules: list[Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rules"]
        return {int(rule["rule"]): (str(rule["chain"]), str(rule["text"])) for rule in rules}
    except _BROKEN:
        return {}


def _csv_rows(file: IO[bytes]) -> Iterator[Row]:
    lines = csv.reader(line.decode() for line in file)
    header = next(lines, [])
    places = [header.index(name) for name in _COLUMNS]
    for line in lines:
        yield [line[place] or None for place in places]


def _jsonl_rows(file: IO[bytes]) -> Iterator[Row]:
    for line in file:
        values = json.loads(line)
        yield [values[name] for name in _COLUMNS]


def _parquet_rows(file: IO[bytes]) -> Iterator[Row]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigError("Parquet needs pyarrow: pip install 'pcapaudit[parquet]'") from None
    try:
        for batch in pyarrow.parquet.ParquetFile(file).iter_batches(consts.BATCH_FRAMES, columns=list(_COLUMNS)):
            yield from zip(*(batch.column(name).to_pylist() for name in _COLUMNS), strict=True)
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from None


#: Suffix → reader; where a folder holds several tables, the first is taken.
_READERS: dict[str, Callable[[IO[bytes]], Iterator[Row]]] = {".parquet": _parquet_rows, ".jsonl": _jsonl_rows, ".csv": _csv_rows}
