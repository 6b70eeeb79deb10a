"""One audit, from a context to its results."""

from __future__ import annotations

from checkout import ROOT

from pcapaudit.api.options import EngineOptions
from pcapaudit.api.replaying import replay
from pcapaudit.api.session import open_session
from pcapaudit.findings.selection import Selection
from pcapaudit.replay.openings import Openings

SCAN = str(ROOT / "captures" / "scan.pcap")


def test_findings_are_ranked_and_consumers_are_fed():
    """Worst first; who takes part sees every flow."""
    openings, engine, calls = Openings(), EngineOptions(seed=1), []
    with open_session([SCAN], engine) as context:
        results = replay(context, engine, Selection(), (openings,), lambda: calls.append(1))
    severities = [str(each.severity) for each in results.violations]
    assert "tcp-invalid-flags" in [each.code for each in results.violations]
    assert severities == sorted(severities, key=["critical", "high", "medium", "low", "info"].index)
    assert len(openings.flows()) == results.totals.flows
    assert calls


def test_selection_applies():
    """What is not selected is counted, not reported."""
    engine = EngineOptions(seed=1)
    with open_session([SCAN], engine) as context:
        results = replay(context, engine, Selection(ignore=("ALL",)))
    assert not results.violations
