"""``--coverage FORM[=FILE]`` and ``--fail-under``: shared by audit and test. Imported when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pcapaudit.cli.output import note
from pcapaudit.cli.reporting import write_text
from pcapaudit.core.errors import ConfigError
from pcapaudit.regress.coverage import Coverage, RuleHits
from pcapaudit.report.coverage import FORMS, render

if TYPE_CHECKING:
    from pcapaudit.cli.options import CoverageOptions
    from pcapaudit.replay.consumer import Consumer, Context
    from pcapaudit.replay.run import Totals

__all__ = ["Covering"]


class Covering:
    """Counts over the runs of a command, if that was asked for. Raises ConfigError where a form makes no sense."""

    def __init__(self, options: CoverageOptions) -> None:
        self._options = options
        self._reports = [_wanted(text) for text in options.coverage]
        self._coverage = Coverage()
        self._hits: RuleHits | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody has to count."""
        return self._options.wanted

    def watch(self, context: Context) -> Sequence[Consumer]:
        """The consumers of a run that begins."""
        self._hits = RuleHits(context.program) if self.wanted else None
        return [self._hits] if self._hits else []

    def add(self, totals: Totals | None) -> None:
        """The run is over; None where it could not be run."""
        if self._hits and totals:
            self._coverage.add(self._hits, (totals.frames, totals.first_ns, totals.last_ns))

    def show(self, quiet: bool) -> bool:
        """Write the reports; returns whether too few rules were reached. Raises OutputError."""
        if not self.wanted:
            return False
        record = self._coverage.record()
        sources = {path: lines for path in record["files"] if (lines := _source(path)) is not None}
        for form, path in self._reports:
            text = render(form, record, sources)
            if path is not None:
                write_text(Path(path), text)
                if not quiet:
                    note(f"wrote {path}")
            elif not quiet:
                sys.stdout.write(text)
        least = self._options.fail_under
        failed = least is not None and self._coverage.percent < least
        if failed and not quiet:
            note(f"{self._coverage.percent:.1f} % of the rules were reached, --fail-under asks for {least:g} %")
        return failed


def _wanted(text: str) -> tuple[str, str | None]:
    """A form, and the file for it. Raises ConfigError."""
    form, equals, path = text.partition("=")
    if form not in FORMS:
        raise ConfigError(f"--coverage {text}: expected FORM or FORM=FILE, where FORM is one of {', '.join(FORMS)}")
    if equals and not path:
        raise ConfigError(f"--coverage {text}: expected a file behind '='; leave it away for stdout")
    return form, path or None


def _source(path: str) -> list[str] | None:
    """A ruleset's lines; None for what is no file here, such as the built-in ruleset."""
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
