"""The office capture under the office's policy, audited once: a run with all kinds of packets."""

from __future__ import annotations

from functools import cache

from checkout import ROOT

import pcapaudit

CAPTURE = str(ROOT / "captures" / "office.pcapng")
RULES = str(ROOT / "rulesets" / "office.policy.toml")


@cache
def office():
    """Its run."""
    return pcapaudit.audit(CAPTURE, rules=RULES, seed=1)


@cache
def packet_rows():
    """Every packet as a dictionary of the verdicts table."""
    return office().packets.to_pylist()


@cache
def flow_rows():
    """Every flow as a dictionary of the flows table."""
    return office().flows.to_pylist()
