"""Runs suites: finds their files, replays what they name, and says how every test came out. What is wrong with one suite stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcapaudit.api.library import Options, engine_of
from pcapaudit.api.replaying import replay
from pcapaudit.api.session import open_session
from pcapaudit.core.errors import CaptureError, ConfigError, Diagnostic, PcapauditError, RulesetError
from pcapaudit.findings.selection import Selection
from pcapaudit.regress.suites.baseline import HEAD, Fates, baseline_lines, difference
from pcapaudit.regress.suites.reader import Suite, Text, read_suites
from pcapaudit.regress.suites.watch import Outcome, Watch
from pcapaudit.replay.openings import Openings
from pcapaudit.report.sinks.files import PartFile

if TYPE_CHECKING:
    from pcapaudit.replay.consumer import Consumer, Context
    from pcapaudit.replay.run import Totals
    from pcapaudit.replay.topology import Topology

__all__ = ["BASELINE_PATTERN", "PATTERN", "Tested", "chosen", "find_suites", "load_suites", "run_suite", "unused_baselines"]

#: Makes consumers for a run.
Watchers = Callable[["Context"], "Sequence[Consumer]"]
#: Names of suite files, and of baselines where unused ones are looked for.
PATTERN = "*.audit.yaml"
BASELINE_PATTERN = "*.baseline.txt"
#: Options that suites may set: those of the replay.
_OPTIONS = tuple(name for name in Options.__annotations__ if name not in {"rules", "select", "ignore", "config"})
#: Options that name files, which are relative to the suite's.
_PATHS = {"topology", "sysctl_file"}
_NUMBERS = {"seed": int, "reorder_window": float}


@dataclass(slots=True)
class Tested:
    """What a suite came to."""

    suite: Suite
    outcomes: list[Outcome]
    #: Baselines written because they were asked for.
    updated: list[str] = field(default_factory=list)
    #: Frames and times, and what each rule met; None where the suite could not be run.
    totals: Totals | None = None
    #: Where the capture was made, said or inferred; None where the suite could not be run.
    topology: Topology | None = None


def find_suites(paths: Sequence[str]) -> list[Path]:
    """The suite files that paths mean: files themselves, and all below folders, sorted. Raises ConfigError."""
    found: list[Path] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            below = sorted(
                each for each in path.rglob(PATTERN) if each.is_file() and not any(part.startswith(".") for part in each.parts[1:])
            )
            if not below:
                raise ConfigError(f"{text}: holds no suite: expected files named {PATTERN}; 'pcapaudit init CAPTURE' writes a first one")
            found += below
        elif path.is_file():
            found.append(path)
        else:
            raise ConfigError(f"{text}: there is no such file or folder: expected a suite ({PATTERN}) or a folder of suites")
    return list(dict.fromkeys(found))


def load_suites(path: Path, shown: str = "") -> tuple[list[Suite], list[str]]:
    """The suites of a file and its lines; ``shown`` is what messages call the file. One that cannot be read is one suite with a problem."""
    shown = shown or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return [_unreadable(shown, f"cannot be read: {error.strerror}")], []
    except UnicodeDecodeError as error:
        return [_unreadable(shown, f"byte {error.start} is not UTF-8 text")], []
    return read_suites(text, shown, _OPTIONS), text.splitlines()


def chosen(suite: Suite, words: Sequence[str]) -> Suite | None:
    """The suite with those of its tests that have one of the words in their own name, their suite's or its path; None where none has.

    No words choose all. A suite that cannot be read is a test named ``suite``.
    """

    def holds(name: str) -> bool:
        return not words or any(word in f"{suite.path} {suite.name} {name}" for word in words)

    if suite.problems:
        return suite if holds("suite") else None
    baseline = suite.baseline if suite.baseline is not None and holds(f"baseline {suite.baseline.value}") else None
    expectations = [each for each in suite.expectations if holds(each.name)]
    return replace(suite, expectations=expectations, baseline=baseline) if expectations or baseline else None


def run_suite(
    suite: Suite, lines: Sequence[str], update: bool = False, folder: Path | None = None, watchers: Watchers | None = None
) -> Tested:
    """Replay a suite and look at what it expects; ``lines`` are those of its file, ``update`` writes its baseline anew.

    ``folder``: what paths are relative to, where it is not the suite's as shown. ``watchers`` makes consumers for a covered run.
    Raises OutputError where a baseline cannot be written.
    """
    if suite.problems:
        return Tested(suite, [_error(suite, problem.line, str(problem)) for problem in suite.problems])
    folder = Path(suite.path).parent if folder is None else folder
    try:
        engine, _ = engine_of(_options(suite, folder))
        fates, openings = Fates(), Openings()
        with open_session([_beside(folder, each.value) for each in suite.captures], engine, covered=watchers is not None) as context:
            watch = Watch(suite, context.program, lines)
            results = replay(context, engine, Selection(), (watch, fates, openings, *(watchers(context) if watchers else ())))
        flows = openings.flows()
        outcomes = watch.outcomes(flows, results.violations)
    except PcapauditError as error:
        return Tested(suite, [_error(suite, *_told(suite, lines, error))])
    tested = Tested(suite, outcomes, totals=results.totals, topology=context.topology)
    if suite.baseline is not None:
        found = baseline_lines(fates, flows, results.violations, context.program)
        tested.outcomes.append(_compare(suite, suite.baseline, folder, found, tested.updated if update else None))
    return tested


def unused_baselines(paths: Sequence[str], suites: Iterable[Suite]) -> list[str]:
    """Baselines in tested folders that no suite names, sorted."""
    used = {(Path(suite.path).parent / suite.baseline.value).resolve() for suite in suites if suite.baseline}
    found = {each for path in paths if Path(path).is_dir() for each in Path(path).rglob(BASELINE_PATTERN)}
    return sorted(str(each) for each in found if each.resolve() not in used)


def _options(suite: Suite, folder: Path) -> dict[str, Any]:
    """A suite's options as the library takes them. Raises ConfigError."""
    given: dict[str, Any] = {"seed": 0}
    if suite.rules:
        given["rules"] = [_beside(folder, each.value) for each in suite.rules]
    for name, texts in suite.options.items():
        values = [each.value for each in texts]
        given[name] = (
            values if name in {"local", "zone", "own", "timeout", "sysctl", "helper", "helper_param"} else _one(name, values, folder)
        )
    return given


def _one(name: str, values: Sequence[str], folder: Path) -> Any:
    if len(values) != 1:
        raise ConfigError(f"--{name.replace('_', '-')}: expected one value, found {len(values)}")
    value = values[0]
    if name in _PATHS:
        return _beside(folder, value)
    if name == "strict":
        if value not in {"true", "false"}:
            raise ConfigError(f"--strict {value}: expected true or false")
        return value == "true"
    if name in _NUMBERS:
        try:
            number = _NUMBERS[name](value)
        except ValueError:
            number = -1
        if number < 0:
            raise ConfigError(f"--{name.replace('_', '-')} {value}: expected a number that is not negative")
        return number
    return value


def _beside(folder: Path, text: str) -> str:
    """A path relative to the suite's folder, shown as short as it was given."""
    return text if Path(text).is_absolute() else str(_plain(folder / text))


def _plain(path: Path) -> Path:
    """Without ``x/..``, which would hide what is meant in messages."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] not in {"..", "/"}:
            parts.pop()
        else:
            parts.append(part)
    return Path(*parts)


def _told(suite: Suite, lines: Sequence[str], error: PcapauditError) -> tuple[int, str]:
    """An error of the whole suite, at the line of what caused it."""
    at = Text("", suite.line, 1)
    if isinstance(error, CaptureError):
        at = suite.captures[0]
        at = next((each for each in suite.captures if Path(each.value).name in str(error)), at)
    elif isinstance(error, RulesetError) and suite.rules:
        at = next((each for each in suite.rules if Path(each.value).name in str(error)), suite.rules[0])
    else:
        for name, texts in suite.options.items():
            told = (f"--{name.replace('_', '-')}", f"{name}=", *(repr(text.value.partition("=")[0]) for text in texts))
            if any(word in str(error) for word in told):
                at = texts[0]
    source = lines[at.line - 1].strip() if at.line <= len(lines) else ""
    return at.line, f"{suite.path}:{at.line}: {error}" + (f"\n    (asked for by: {source})" if source else "")


def _error(suite: Suite, line: int, text: str) -> Outcome:
    return Outcome(suite.name or "suite", suite.path, line, "error", tuple(text.splitlines()))


def _unreadable(path: str, message: str) -> Suite:
    return Suite(path, 1, problems=[Diagnostic(path, 0, 0, message)])


def _compare(suite: Suite, named: Text, folder: Path, found: Sequence[str], updated: list[str] | None) -> Outcome:
    """The baseline's test; ``updated`` takes its path where it is to be written anew, and is None where it is not."""
    path = Path(_beside(folder, named.value))

    def made(status: str, *lines: str) -> Outcome:
        return Outcome(f"baseline {named.value}", suite.path, named.line, status, lines)

    try:
        old = path.read_text(encoding="utf-8").splitlines() if path.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        return made("error", f"{suite.path}:{named.line}: {path}: cannot be read as text: {error}")
    if old is not None and old[:1] != [HEAD]:
        return made(
            "error", f"{suite.path}:{named.line}: {path}: is no baseline: expected its first line to be {HEAD!r}; give another name"
        )
    if updated is not None:
        if old != list(found):
            _write(path, found)
            updated.append(str(path))
        return made("passed")
    if old is None:
        return made("failed", f"{path} is not there yet: pcapaudit test --update {suite.path} writes it")
    changed = difference(old, found)
    if not changed:
        return made("passed")
    return made("failed", f"the run differs from {path} (- expected, + found; --update accepts it):", *(f"  {line}" for line in changed))


def _write(path: Path, lines: Sequence[str]) -> None:
    """Put the file in its place whole. Raises OutputError."""
    file = PartFile(path)
    try:
        file.write("".join(f"{line}\n" for line in lines).encode())
        file.commit()
    except BaseException:
        file.discard()
        raise
