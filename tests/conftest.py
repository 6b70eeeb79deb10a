"""What holds for every test: the time zone, which pcapaudit child processes import, and that nothing is skipped on a CI server.

Properties have no deadline: a busy machine is not a failure, and a hang is caught by pytest-timeout.

A child process imports the same pcapaudit as the tests do, installed or built in place, whatever its working directory: otherwise
``python -m pcapaudit`` in the checkout would take the sources beside it and not what is installed.

With PCAPAUDIT_REQUIRE_TOOLS=1 (``.ci/run`` sets it on a CI server) a skipped test is a failure, so that a missing tshark does not
look like a passed comparison. A reason that begins with ``build:`` is excepted: the test belongs to the other build.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import settings

import pcapaudit

settings.register_profile("pcapaudit", deadline=None, print_blob=True)
settings.load_profile("pcapaudit")
os.environ["TZ"] = "UTC"
time.tzset()
os.environ["PYTHONSAFEPATH"] = "1"
os.environ["PYTHONPATH"] = str(Path(pcapaudit.__file__).parents[1])


def _must_run(reason: str) -> bool:
    return os.environ.get("PCAPAUDIT_REQUIRE_TOOLS") == "1" and not reason.removeprefix("Skipped: ").startswith("build:")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip into a failure where every tool is required."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if _must_run(reason):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} must not be skipped with PCAPAUDIT_REQUIRE_TOOLS=1: {reason}"
    return report
