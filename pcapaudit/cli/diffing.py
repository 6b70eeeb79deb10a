"""The work behind ``pcapaudit diff``: two sides over one capture, and the report. Imported when it is needed."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcapaudit.api.ahead import open_source
from pcapaudit.api.session import DEFAULT_RULES, open_sessions
from pcapaudit.cli.output import note, plain_text, print_report
from pcapaudit.cli.progress import RunProgress
from pcapaudit.cli.reporting import hand_out, wanted_reports, write_text
from pcapaudit.core.errors import ConfigError
from pcapaudit.regress.changes import Kind
from pcapaudit.regress.diff import Comparison, compare
from pcapaudit.regress.ledger import Ledger
from pcapaudit.regress.record import DEFAULT_ALLOWED, SideInfo, record_of
from pcapaudit.regress.saved import SavedSide, saved_table
from pcapaudit.regress.sides import EngineSide
from pcapaudit.report.ci.notice import of_diff
from pcapaudit.report.diff import render_json
from pcapaudit.report.diff_markdown import render_markdown
from pcapaudit.report.diff_terminal import render_diff

if TYPE_CHECKING:
    from pcapaudit.cli.diff import DiffOptions
    from pcapaudit.cli.options import EngineOptions

__all__ = ["Extra", "run_diff"]

#: The word for the built-in ruleset.
BUILT_IN = "default"


@dataclass(frozen=True, slots=True)
class Extra:
    """Settings that only one side has."""

    #: NAME=DURATION and NAME=VALUE texts.
    timeout: tuple[str, ...] = ()
    sysctl: tuple[str, ...] = ()
    #: In place of those of both sides; None for these.
    profile: str | None = None
    topology: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """As reports tell them."""
        named = (("profile", self.profile), ("topology", self.topology))
        return (*self.timeout, *self.sysctl, *(f"{name}={value}" for name, value in named if value is not None))

    def applied(self, engine: EngineOptions) -> EngineOptions:
        """The settings of both sides, and over them these."""
        made = replace(engine, timeout=engine.timeout + self.timeout, sysctl=engine.sysctl + self.sysctl)
        if self.profile is not None:
            made = replace(made, profile=self.profile)
        return made if self.topology is None else replace(made, topology=self.topology, local=(), zone=(), own=())


def run_diff(given: tuple[str, str], captures: Sequence[str], engine: EngineOptions, options: DiffOptions) -> bool:
    """Compare, and print or write the report. Returns whether something changed that is not allowed. Raises PcapauditError."""
    reports = wanted_reports(options.report)
    record = _compared(given, captures, engine, options)
    printed = hand_out(reports, of_diff(record), options.quiet) if reports else False
    if options.output is not None:
        write_text(Path(options.output), _text(record, options.form))
        if not options.quiet:
            note(f"wrote {options.output}")
    elif not (options.quiet or printed):
        if options.form == "text":
            print_report(lambda console: render_diff(record, console), options.color)
        else:
            sys.stdout.write(_text(record, options.form))
    return bool(record["failed"])


def _compared(given: tuple[str, str], captures: Sequence[str], engine: EngineOptions, options: DiffOptions) -> dict[str, Any]:
    extra = (
        Extra(options.old_timeout, options.old_sysctl, options.old_profile, options.old_topology),
        Extra(options.new_timeout, options.new_sysctl, options.new_profile, options.new_topology),
    )
    sides = [replace(each.applied(engine), rules=_ruleset(path)) for path, each in zip(given, extra, strict=True)]
    tables = [saved_table(path) for path in given]
    infos = [_info(*each) for each in zip(given, tables, extra, strict=True)]
    seed = secrets.randbits(63) if engine.seed is None else engine.seed
    with contextlib.ExitStack() as stack:
        stream, contexts = stack.enter_context(
            open_sessions(captures, engine, [side for side, table in zip(sides, tables, strict=True) if not table])
        )
        source = stack.enter_context(open_source(stream, engine.checksum))
        engines = iter(contexts)
        old, new = (
            stack.enter_context(SavedSide(table, source.batch)) if table else EngineSide(next(engines), source, seed) for table in tables
        )
        comparison = Comparison(old, new, Ledger(engine.mode == "observed"), options.max_examples)
        progress = stack.enter_context(RunProgress(stream, wanted=options.progress and not options.quiet))
        found = compare(source, comparison, (old, new), progress)
        return record_of(found, stream, (infos[0], infos[1]), _allowed(options), contexts[0].topology if contexts else None)


def _info(path: str, table: Path | None, extra: Extra) -> SideInfo:
    """What a side was given. Raises ConfigError."""
    if table is None:
        return SideInfo("ruleset", "".join(_ruleset(path)) or DEFAULT_RULES, extra.texts)
    if extra.texts:
        raise ConfigError(f"{path}: is a saved run, {', '.join(extra.texts)} cannot change it: give a ruleset, or leave the setting away")
    return SideInfo("saved-run", path)


def _ruleset(path: str) -> tuple[str, ...]:
    """The path of a ruleset, nothing for the built-in one."""
    return () if path == BUILT_IN and not Path(path).exists() else (path,)


def _allowed(options: DiffOptions) -> frozenset[Kind]:
    given = frozenset(kind for kind in Kind if kind.code in options.allow)
    return given if options.same_rules else given | DEFAULT_ALLOWED


def _text(record: dict[str, Any], form: str) -> str:
    """The report as a file holds it."""
    if form == "json":
        return render_json(record)
    return render_markdown(record) if form == "markdown" else plain_text(lambda console: render_diff(record, console))
