"""Occurrences of one cause."""

from __future__ import annotations

import numpy as np
import pytest
from packets import packets
from sample_run import context

from pcapaudit.core import consts
from pcapaudit.findings.causes import Cause, Kind, Sightings, is_padding, merge, plural
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity

KIND = Kind("some-code", Severity.LOW, "RFC 1", "do something")


def made(*rows, first_frame=1):
    """A cause with these packets."""
    cause = Cause()
    cause.add(Scene(context()).view(*packets(*rows, first_frame=first_frame)), np.arange(len(rows)))
    return cause


def test_cause_counts():
    """First and last, verdicts, time also where it goes backwards."""
    cause = made({"flow": 4, "at": 2, "sport": 1, "dport": 2}, {"verdict": consts.VERDICT_DROP, "rule": 2, "at": 1})
    violation = cause.violation(KIND, "it happened", more=5)
    assert (violation.code, violation.severity, violation.source, violation.advice) == ("some-code", Severity.LOW, "RFC 1", "do something")
    assert (violation.flow, violation.first_frame, violation.last_frame, violation.count, violation.rule) == (4, 1, 2, 2, 2)
    first = {"frame": 1, "source": "198.51.100.7:1", "destination": "192.168.10.20:2", "protocol": "tcp"}
    assert violation.evidence == {"more": 5, "accepted": 1, "seconds": 1.0, "first": first}
    assert cause.fate == "1 of them refused"


def test_rule_is_that_of_the_first_refused_packet():
    """Also if it is a policy, and others were refused by rules; and whatever the batches are."""
    rows = [{}, {"verdict": consts.VERDICT_DROP, "rule": 0}, {"verdict": consts.VERDICT_DROP, "rule": 7}]
    assert made(*rows).rule == 0
    cause, scene = Cause(), Scene(context())
    for frame, row in enumerate(rows, 1):
        cause.add(scene.view(*packets(row, first_frame=frame)), np.array([0]))
    assert cause.rule == 0
    assert made(rows[0], rows[2], rows[1]).rule == 7


def test_sightings_are_one_finding():
    """Counted together, told by their sentence, claimed if nobody else is to explain them."""
    scene = Scene(context())
    seen = Sightings(KIND, lambda cause: f"{cause.count} of them")
    assert seen.violations() == []
    view = scene.view(*packets({}, {}, {}))
    seen.add(view, np.array([0], np.int64), claimed=True)
    seen.add(view, np.array([2], np.int64), claimed=False)
    seen.add(view, np.zeros(0, np.int64), claimed=True)
    (violation,) = seen.violations()
    assert (violation.message, violation.count, view.claimed.tolist()) == ("2 of them", 2, [True, False, False])


def test_fates():
    """All or nothing."""
    assert made({}).fate == "accepted"
    assert made({"verdict": consts.VERDICT_REJECT}).fate == "refused"


def test_merge():
    """The earliest is the example."""
    total = merge([made({"flow": 9}, first_frame=7), made({"flow": 3}, {"verdict": consts.VERDICT_DROP}, first_frame=2)])
    assert (total.count, total.accepted, total.flow, total.first["frame"], total.last_frame) == (3, 2, 3, 2, 7)


def test_plural():
    """One, and more."""
    assert (plural(1, "packet"), plural(2, "packet")) == ("1 packet", "2 packets")


@pytest.mark.parametrize(
    ("data", "wire_len", "padding"),
    [(bytes(6), 6, True), (bytes(2), 2, True), (bytes(7), 7, False), (b"\0\1", 2, False), (b"", 4, False), (bytes(4), 100, False)],
)
def test_padding(data, wire_len, padding):
    """Six zeros at most, all of them captured; a byte that is not zero is data."""
    assert is_padding(data, wire_len) is padding
