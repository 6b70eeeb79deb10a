"""The work behind ``pcapaudit init``. Imported when it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from pcapaudit.api.drafting import draft
from pcapaudit.api.library import audit
from pcapaudit.cli.output import note
from pcapaudit.cli.reporting import write_text
from pcapaudit.core.errors import ConfigError

if TYPE_CHECKING:
    from pcapaudit.api.options import EngineOptions

__all__ = ["run_init"]


def run_init(captures: Sequence[str], engine: EngineOptions, output: str | None, force: bool) -> None:
    """Replay the captures and write the suite. Raises PcapauditError."""
    if "-" in captures:
        raise ConfigError("-: a suite names its captures: write what comes from standard input to a file, and give that")
    path = Path(output or f"{Path(captures[0]).name.split('.')[0] or 'capture'}.audit.yaml")
    if path.exists() and not force:
        raise ConfigError(f"{path}: is there already: give --force to overwrite it, or another file with -o")
    run = audit(captures, **{each.name: getattr(engine, each.name) for each in fields(engine)}, select="ALL")
    write_text(path, draft(run, captures, engine, path))
    note(f"wrote {path}: run it with 'pcapaudit test {path}'")
