"""Thresholds: each belongs to a detector, and a changed one changes what is found."""

from __future__ import annotations

from findings_of import findings_of

from pcapaudit.findings.registry import DETECTORS
from pcapaudit.findings.thresholds import THRESHOLDS, with_defaults


def test_thresholds_belong_to_codes():
    """None is left over when a detector goes; shares are shares."""
    assert set(THRESHOLDS) <= {each.code for each in DETECTORS}
    assert all(0 <= default <= 1 for names in THRESHOLDS.values() for name, (default, _) in names.items() if name.endswith("share"))


def test_changed_ones_take_the_place_of_defaults():
    """The others stay."""
    made = with_defaults({("port-scan", "ports"): 99.0})
    assert made["port-scan", "ports"] == 99.0
    assert made["port-scan", "share"] == 0.8


def test_detector_asks_for_its_thresholds():
    """The scan of the capture has 70 packets to fewer than 1000 ports."""
    kinds = lambda thresholds: {each.evidence["kind"] for each in findings_of("scan-refused.pcap", thresholds=thresholds)}  # noqa: E731
    assert kinds({}) == {"scan"}
    assert kinds({("unsolicited-inbound", "ports"): 1000.0, ("unsolicited-inbound", "hosts"): 1000.0}) != {"scan"}
