"""The work behind ``pcapaudit reduce``: what must be shown, the frames that show it, their substitutes, the file. Imported when needed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pcapaudit.capture.inputs import STDIN
from pcapaudit.capture.write import PcapWriter
from pcapaudit.cli.anonymizing import anonymized
from pcapaudit.cli.output import note, tell_place
from pcapaudit.cli.trials import Cut, Trials, read_cut, write_pcapng
from pcapaudit.core.errors import ConfigError, OutputError
from pcapaudit.regress.keep import parse_keep, target_of
from pcapaudit.report.sinks.files import PartFile

if TYPE_CHECKING:
    from pcapaudit.cli.options import EngineOptions
    from pcapaudit.cli.reduce import ReduceOptions

__all__ = ["run_reduce"]

#: The word for the built-in ruleset.
BUILT_IN = "default"


def run_reduce(captures: Sequence[str], engine: EngineOptions, options: ReduceOptions) -> None:
    """Reduce, replace, prove, write. Raises PcapauditError."""
    key = _checked(captures, options)
    target = None
    numbers: tuple[int, ...] | None = None
    with TemporaryDirectory(prefix="pcapaudit-") as folder:
        trials = Trials(_sides(engine, options), Path(folder) / "trial.pcapng")
        if options.keep is not None:
            keep = parse_keep(options.keep)
            whole = trials.run(captures, findings=keep.kind == "finding")
            if trials.topology is not None and not options.quiet:
                tell_place(trials.topology)
            target = target_of(keep, whole)
            found = trials.reduce(captures, whole, target, options.max_trials)
            if found is None:
                raise ConfigError(f"--keep {options.keep!r}: not shown again in {options.max_trials} runs: give more with --max-trials")
            numbers = found.frames
            if not (found.minimal or options.quiet):
                note(f"after {found.trials} runs (--max-trials) not every frame was tried alone: fewer may do")
        cut = read_cut(captures, numbers)
        if options.anonymize:
            cut = anonymized(trials, cut, key, target, keep_payload=options.keep_payload)
    _write(Path(options.output), cut)
    if not options.quiet:
        proven = ", other addresses, the same verdicts and states" if options.anonymize else ""
        note(f"wrote {options.output}: {len(cut.frames)} frame{'' if len(cut.frames) == 1 else 's'}{proven}")


def _checked(captures: Sequence[str], options: ReduceOptions) -> bytes:
    """The key of the substitutes. Raises ConfigError for what makes no sense together."""
    if STDIN in captures:
        raise ConfigError("-: reduce reads the capture more than once: save standard input to a file first")
    if options.keep is None and not options.anonymize:
        raise ConfigError("nothing to do: say what the capture must still show (--keep), or --anonymize it")
    for given, option in ((options.key is not None, "--key"), (options.keep_payload, "--keep-payload")):
        if given and not options.anonymize:
            raise ConfigError(f"{option} goes with --anonymize: add it, or leave {option} away")
    if options.keep is not None:
        parse_keep(options.keep)
    try:
        key = secrets.token_bytes(32) if options.key is None else bytes.fromhex(options.key)
    except ValueError:
        key = b""
    if not 1 <= len(key) <= 64:
        raise ConfigError(f"--key {options.key}: expected 1 to 64 bytes as hexadecimal digits, such as {secrets.token_hex(16)}")
    return key


def _sides(engine: EngineOptions, options: ReduceOptions) -> tuple[EngineOptions, ...]:
    """The settings of each engine; with one seed, so that no two runs differ."""
    fixed = replace(engine, seed=engine.seed or 0)
    if not options.against:
        return (fixed,)
    built_in = options.against == (BUILT_IN,) and not Path(BUILT_IN).exists()
    return fixed, replace(fixed, rules=() if built_in else options.against)


def _write(path: Path, cut: Cut) -> None:
    """Put the capture in its place whole. Raises OutputError."""
    file = PartFile(path)
    try:
        if path.suffix == ".pcap":
            _write_pcap(file, cut)
        else:
            write_pcapng(file, cut, cut.frames)  # type: ignore[arg-type]  # it writes, and nothing else is asked of it
        file.commit()
    except BaseException:
        file.discard()
        raise


def _write_pcap(file: PartFile, cut: Cut) -> None:
    kinds = sorted({cut.interfaces[frame.interface][0] for frame in cut.frames.values()})
    if len(kinds) > 1:
        raise OutputError(f"{file.path}: pcap holds one link type, the frames have {', '.join(map(str, kinds))}: write pcapng")
    writer = PcapWriter(file, kinds[0] if kinds else 1)  # type: ignore[arg-type]  # as above
    for frame in cut.frames.values():
        writer.write(frame)
