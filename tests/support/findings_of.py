"""What the detectors find in a capture of the repository."""

from __future__ import annotations

from dataclasses import replace

from checkout import ROOT
from scenes import INSIDE_OUT, context_for

from pcapaudit.api.session import open_session
from pcapaudit.cli.options import EngineOptions
from pcapaudit.findings.registry import make_detectors
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.run import run
from pcapaudit.rules import parse_ruleset

__all__ = ["findings_in", "findings_of"]


def findings_of(name, local=(), thresholds=None, helper=(), rules=None):
    """The violations of ``captures/NAME`` under the default ruleset or these rules; ``local`` and ``helper`` as the options."""
    options = EngineOptions(
        rules=(),
        helper=tuple(helper),
        local=tuple(local),
        zone=(),
        own=(),
        path="auto",
        profile="linux",
        kernel=None,
        sysctl_file=None,
        mode="what-if",
        checksum="auto",
        timeout=(),
        sysctl=(),
        strict=False,
        reorder_window=0.0,
        seed=1,
    )
    with open_session([str(ROOT / "captures" / name)], options) as opened:
        context = opened
        if rules is not None:
            ruleset = parse_ruleset(rules)
            context = replace(opened, ruleset=ruleset, program=program_for(ruleset, opened.topology))
        detectors = make_detectors(context, thresholds)
        run(context, [detectors], seed=1)
        return detectors.violations()


def findings_in(packets, rules=INSIDE_OUT, *, thresholds=None, **options):
    """The violations in packets [(seconds, IP bytes)] of ``scenes``; by default the inside, 10/8, may open connections and nobody else."""
    context = context_for(packets, rules, **options)
    detectors = make_detectors(context, thresholds)
    run(context, [detectors], seed=1)
    return detectors.violations()
