"""The pytest plugin: collects ``*.audit.yaml`` as tests, and offers the fixture ``audit``.

Every pytest run on a machine with pcapaudit imports this module: nothing but pytest may be imported before there is a suite to run.
Suites are run when the first of their tests is, so that collecting is cheap and xdist's workers share them out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pcapaudit.api.library import Run
    from pcapaudit.regress.suites.reader import Suite
    from pcapaudit.regress.suites.watch import Outcome

__all__ = ["SuiteError", "SuiteFile", "SuiteItem", "audit", "pytest_addoption", "pytest_collect_file"]

_ENDING = ".audit.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one option of the plugin."""
    group = parser.getgroup("pcapaudit")
    group.addoption("--pcapaudit-update", action="store_true", default=False, help="Write the baselines of audit suites anew.")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Suites are collected."""
    if not file_path.name.endswith(_ENDING):
        return None
    return SuiteFile.from_parent(parent, path=file_path)


class SuiteFile(pytest.File):
    """A file of suites."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test for each expectation and baseline; one for a suite that cannot be read."""
        from pcapaudit.api.suites import load_suites

        shown = self.path.relative_to(self.config.rootpath) if self.path.is_relative_to(self.config.rootpath) else self.path
        suites, lines = load_suites(self.path, str(shown))
        for number, suite in enumerate(suites, 1):
            shared = _Shared(suite, lines, self.config.getoption("--pcapaudit-update"), self.path.parent)
            lead = f"{suite.name or number}: " if len(suites) > 1 else ""
            names = [each.name for each in suite.expectations] + ([f"baseline {suite.baseline.value}"] if suite.baseline else [])
            if suite.problems:
                names = ["suite"]
            for at, name in enumerate(names):
                yield SuiteItem.from_parent(self, name=f"{lead}{name}", shared=shared, at=at)


class _Shared:
    """A suite, run when the first of its tests is."""

    def __init__(self, suite: Suite, lines: list[str], update: bool, folder: Path) -> None:
        self.suite, self._lines, self._update, self._folder = suite, lines, update, folder
        self._outcomes: list[Outcome] | None = None

    def outcome(self, at: int) -> Outcome:
        """How the test of that number came out; where the whole suite could not be run, why not."""
        from pcapaudit.api.suites import run_suite

        if self._outcomes is None:
            self._outcomes = run_suite(self.suite, self._lines, self._update, folder=self._folder).outcomes
        return self._outcomes[at] if at < len(self._outcomes) and not self._is_broken() else self._outcomes[0]

    def _is_broken(self) -> bool:
        return bool(self._outcomes) and self._outcomes is not None and len(self._outcomes) == 1 and self._outcomes[0].status == "error"


class SuiteError(AssertionError):
    """A test of a suite did not pass; the text is what there is to say."""


class SuiteItem(pytest.Item):
    """One test."""

    def __init__(self, *, shared: _Shared, at: int, **rest: Any) -> None:
        super().__init__(**rest)
        self._shared, self._at = shared, at

    def runtest(self) -> None:
        """Pass, or raise what is wrong."""
        outcome = self._shared.outcome(self._at)
        if outcome.frame:
            self.user_properties.append(("frame", outcome.frame))
        if outcome.rule:
            self.user_properties.append(("rule", outcome.rule))
        if outcome.status != "passed":
            raise SuiteError("\n".join(outcome.lines))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What differs, without a traceback of ours."""
        if isinstance(excinfo.value, SuiteError):
            return f"{self.location[0]}:{self._line()}: {self.name}\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The test's line, counted from 0."""
        return self.path, self._line() - 1, self.name

    def _line(self) -> int:
        suite = self._shared.suite
        if self._at < len(suite.expectations):
            return suite.expectations[self._at].line
        return suite.baseline.line if suite.baseline else suite.line


@pytest.fixture(scope="session")
def _pcapaudit_runs() -> dict[Any, Run]:
    """Runs of this session, by what they were asked for."""
    return {}


@pytest.fixture
def audit(request: pytest.FixtureRequest, _pcapaudit_runs: dict[Any, Run]) -> Callable[..., Run]:
    """``pcapaudit.audit`` with paths relative to the test's file; equal calls share one run."""
    folder = request.path.parent

    def run(captures: Any, **options: Any) -> Run:
        import pcapaudit

        given = {
            name: _beside(folder, value) if name in {"rules", "topology", "sysctl_file", "config"} else value
            for name, value in options.items()
        }
        paths = _beside(folder, captures)
        key = repr((paths, sorted(given.items())))
        if key not in _pcapaudit_runs:
            _pcapaudit_runs[key] = pcapaudit.audit(paths, **{"seed": 0, **given})
        return _pcapaudit_runs[key]

    return run


def _beside(folder: Path, value: Any) -> Any:
    """Paths relative to a folder, where they are not absolute."""
    if value is None:
        return None
    return str(folder / value) if isinstance(value, (str, Path)) else [str(folder / each) for each in value]
