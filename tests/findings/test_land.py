"""Source equals destination."""

from __future__ import annotations

from packets import found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.land import Land

SELF = {"src": "192.0.2.1", "dst": "192.0.2.1", "sport": 80, "dport": 80, "anomalies": 1 << consts.ANOM_SAME_ENDPOINTS}


def test_land():
    """Counted, with the first and what became of it."""
    violation = only(found(Land, packets({}, {**SELF, "verdict": consts.VERDICT_DROP}), packets(SELF, first_frame=3)))
    assert violation.message == "2 packets with the same source and destination, the first 192.0.2.1:80; 1 of them refused."
    assert (violation.first_frame, violation.last_frame) == (2, 3)


def test_other_anomalies_are_not_land():
    """Another bit."""
    assert not found(Land, packets({"anomalies": 1 << consts.ANOM_PORT_ZERO}))
