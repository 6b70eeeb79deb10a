"""Reads what a configuration file says of findings. An example with every key::

    [findings]                       # in pyproject.toml: [tool.pcapaudit.findings], and so on
    select = ["ALL"]                 # codes, or their beginnings: "tcp" means every tcp-...
    ignore = ["mid-stream-pickup"]

    [findings.thresholds.port-scan]  # docs/findings.md names the thresholds of every code
    ports = 30

    [[findings.suppress]]
    code = "unsolicited-inbound"     # a code, or the beginning of one
    address = "203.0.113.0/24"       # only findings whose message names such an address; optional
    reason = "our own scanner, ticket 4711"
    expires = 2026-12-31             # the last day of a capture for which this holds

An unknown key is an error that names file and line; so is a suppression without a reason or a date.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from ipaddress import ip_network
from typing import Any

from pcapaudit.core.errors import ConfigError
from pcapaudit.findings.selection import ALL, Selection, Suppression, fits
from pcapaudit.findings.thresholds import THRESHOLDS

__all__ = ["check_rule", "read_settings"]

_KEYS = ("select", "ignore", "thresholds", "suppress")
_SUPPRESS_KEYS = ("code", "address", "reason", "expires")
#: Keys of [tool.pcapaudit] in a pyproject.toml; this project's own says there what it compiles.
_TOOL_KEYS = ("findings", "compiled")
_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")


class _File:
    """A configuration file: its text, for finding lines, and the codes that there are."""

    def __init__(self, text: str, path: str, codes: Collection[str]) -> None:
        self._lines = text.splitlines()
        self._path = path
        self.codes = codes

    def error(self, keys: Sequence[str | int], message: str) -> ConfigError:
        """An error about the value at the end of a way through tables; numbers are places in arrays of tables."""
        line = self._line(keys)
        return ConfigError(f"{self._path}:{line}: {message}" if line else f"{self._path}: {message}")

    def place(self, keys: Sequence[str | int]) -> str:
        """File and line of a value."""
        return f"{self._path}:{self._line(keys)}"

    def _line(self, keys: Sequence[str | int]) -> int:
        """Line of the deepest table or key on the way that stands on a line of its own; 0 if there is none."""
        found, depth = 0, 0
        table: list[str | int] = []
        seen: dict[str, int] = {}
        for number, line in enumerate(self._lines, 1):
            header = _HEADER.match(line)
            if header:
                table = _parts(header[1])
                if line.lstrip().startswith("[["):
                    name = header[1]
                    seen[name] = seen.get(name, -1) + 1
                    table.append(seen[name])
                path = table
            elif "=" in line and not line.lstrip().startswith("#"):
                path = [*table, *_parts(line.partition("=")[0])]
            else:
                continue
            if len(path) > depth and list(keys[: len(path)]) == path:
                found, depth = number, len(path)
        return found


def _parts(dotted: str) -> list[str | int]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def read_settings(text: str, path: str, codes: Collection[str]) -> Selection | None:
    """What the file ``path`` says of findings; None if it has no such table. Raises ConfigError, which names file and line.

    In a file called ``pyproject.toml`` the table is ``[tool.pcapaudit.findings]``, elsewhere ``[findings]``.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from None
    file = _File(text, path, codes)
    keys: list[str | int] = []
    known: tuple[str, ...] = ("findings",)
    if path.replace("\\", "/").rsplit("/", 1)[-1] == "pyproject.toml":
        keys, known = ["tool", "pcapaudit"], _TOOL_KEYS
        given = _table(given.get("tool", {}), file, keys[:1]).get("pcapaudit", {})
    _check_keys(_table(given, file, keys), known, file, keys)
    if "findings" not in given:
        return None
    return _selection(_table(given["findings"], file, [*keys, "findings"]), file, [*keys, "findings"])


def check_rule(rule: str, codes: Collection[str], where: str) -> None:
    """Raise ConfigError, which begins with ``where``, unless the rule fits a code."""
    if not any(fits(rule, code) for code in codes):
        close = difflib.get_close_matches(rule, [ALL, *codes], n=1)
        advice = f"did you mean {close[0]}?" if close else "'pcapaudit findings list' shows them all"
        raise ConfigError(f"{where}: {rule or 'nothing'} is no code and no beginning of one; {advice}")


def _selection(table: Mapping[str, Any], file: _File, keys: list[str | int]) -> Selection:
    _check_keys(table, _KEYS, file, keys)
    suppress = table.get("suppress", [])
    if not isinstance(suppress, list):
        raise file.error([*keys, "suppress"], "suppress: expected [[findings.suppress]] with its keys below")
    return Selection(
        select=_rules(table, "select", file, keys) if "select" in table else (ALL,),
        ignore=_rules(table, "ignore", file, keys),
        suppressions=tuple(_suppression(each, file, [*keys, "suppress", number]) for number, each in enumerate(suppress)),
        thresholds=_thresholds(_table(table.get("thresholds", {}), file, [*keys, "thresholds"]), file, [*keys, "thresholds"]),
    )


def _rules(table: Mapping[str, Any], key: str, file: _File, keys: list[str | int]) -> tuple[str, ...]:
    rules = table.get(key, [])
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise file.error([*keys, key], f'{key} = {rules!r}; expected a list of codes in quotes, such as ["tcp", "syn-flood"]')
    for rule in rules:
        check_rule(rule, file.codes, f"{file.place([*keys, key])}: {key}")
    return tuple(rules)


def _thresholds(tables: Mapping[str, Any], file: _File, keys: list[str | int]) -> dict[tuple[str, str], float]:
    made = {}
    _check_keys(tables, tuple(THRESHOLDS), file, keys)
    for code, table in tables.items():
        _check_keys(_table(table, file, [*keys, code]), tuple(THRESHOLDS[code]), file, [*keys, code])
        for name, value in table.items():
            most = 1 if name.endswith("share") else float("inf")
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                wanted = "a share between 0 and 1" if most == 1 else "a number of at least 0"
                raise file.error([*keys, code, name], f"{code}: {name} = {value!r}; expected {wanted}: {THRESHOLDS[code][name][1]}")
            made[code, name] = float(value)
    return made


def _suppression(table: Any, file: _File, keys: list[str | int]) -> Suppression:
    _check_keys(_table(table, file, keys), _SUPPRESS_KEYS, file, keys)
    for key, wanted in (("code", "the code of a finding"), ("reason", "why it is suppressed"), ("expires", "a day such as 2026-12-31")):
        if key not in table:
            raise file.error(keys, f"a suppression without {key}; expected {wanted}")
    code, reason, expires = table["code"], table["reason"], table["expires"]
    if not isinstance(reason, str) or not reason.strip():
        raise file.error([*keys, "reason"], f"reason = {reason!r}; expected a text that says why these findings are suppressed")
    if isinstance(expires, datetime) or not isinstance(expires, date):
        raise file.error([*keys, "expires"], f"expires = {expires!r}; expected a day without quotes, such as 2026-12-31")
    if not isinstance(code, str):
        raise file.error([*keys, "code"], f"code = {code!r}; expected a code in quotes")
    check_rule(code, file.codes, f"{file.place([*keys, 'code'])}: code")
    try:
        address = ip_network(table["address"], strict=False) if "address" in table else None
    except (ValueError, TypeError):
        raise file.error([*keys, "address"], f"address = {table['address']!r}; expected an address or a network in quotes") from None
    return Suppression(code, reason, expires, address, file.place(keys))


def _check_keys(table: Mapping[str, Any], known: Sequence[str], file: _File, keys: list[str | int]) -> None:
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            advice = f"did you mean {close[0]}?" if close else f"possible are {', '.join(known)}"
            raise file.error([*keys, key], f"unknown key {key}; {advice}")


def _table(value: Any, file: _File, keys: list[str | int]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise file.error(keys, f"{keys[-1] if keys else 'the file'}: {value!r} is not a table; expected keys and values below a header")
    return value
