"""Time that goes backwards."""

from __future__ import annotations

import pytest
from packets import found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.out_of_order_capture import OutOfOrderCapture
from pcapaudit.findings.violation import Severity

LATE = {"anomalies": 1 << consts.ANOM_TIME_BACKWARDS}


def test_steps_back_are_measured():
    """Over the end of a batch too."""
    violation = only(found(OutOfOrderCapture, packets({"at": 5}, {**LATE, "at": 4}), packets({**LATE, "at": 2}, {"at": 6}, first_frame=3)))
    assert violation.message == "2 frames came earlier than a frame before them, by up to 3 s; the first is frame 2."
    assert (violation.severity, violation.evidence["longest_step_seconds"]) == (Severity.LOW, pytest.approx(3))


def test_a_small_step_is_a_fact():
    """Receive queues of one card."""
    assert only(found(OutOfOrderCapture, packets({"at": 5}, {**LATE, "at": 4.999}))).severity == Severity.INFO


def test_order():
    """Nothing to report."""
    assert not found(OutOfOrderCapture, packets({}, {}))
