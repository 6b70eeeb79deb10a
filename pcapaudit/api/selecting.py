"""From options and configuration file to a selection of findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pcapaudit.core.errors import ConfigError
from pcapaudit.findings.registry import DETECTORS
from pcapaudit.findings.selection import Selection
from pcapaudit.findings.settings import check_rule, read_settings

if TYPE_CHECKING:
    from pcapaudit.api.options import FindingOptions

__all__ = ["CONFIG_FILES", "selection_of"]

#: Files that are looked for in the working directory; the first with a table for findings counts.
CONFIG_FILES = ("pcapaudit.toml", "pyproject.toml")


def selection_of(options: FindingOptions) -> Selection:
    """What the configuration file says, and over it the options: --select takes the place of both lists of the file, --ignore adds to them.

    Raises ConfigError.
    """
    codes = sorted(detector.code for detector in DETECTORS)
    selection = _of_file(options.config, codes)
    select, ignore = _rules(options.select, "--select", codes), _rules(options.ignore, "--ignore", codes)
    if select:
        return replace(selection, select=select, ignore=ignore)
    return replace(selection, ignore=(*selection.ignore, *ignore))


def _of_file(given: str | None, codes: list[str]) -> Selection:
    if given is not None:
        selection = read_settings(_text(given, f"--config {given}"), given, codes)
        if selection is None:
            name = "[tool.pcapaudit.findings]" if Path(given).name == "pyproject.toml" else "[findings]"
            raise ConfigError(f"--config {given}: it has no table {name}; expected one, with select, ignore, thresholds or suppress")
        return selection
    for name in CONFIG_FILES:
        if Path(name).is_file():
            selection = read_settings(_text(name, name), name, codes)
            if selection is not None:
                return selection
    return Selection()


def _text(path: str, what: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{what}: cannot be read: {error.strerror}; expected a TOML file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{what}: byte {error.start} is not UTF-8 text; expected a TOML file") from None


def _rules(texts: Iterable[str], option: str, codes: list[str]) -> tuple[str, ...]:
    rules = tuple(rule.strip() for text in texts for rule in text.split(","))
    for rule in rules:
        check_rule(rule, codes, option)
    return rules
