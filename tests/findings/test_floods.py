"""What floods of packets have in common: the numbers, the words, and whom they name."""

from __future__ import annotations

import numpy as np
from crowd_flows import many
from packets import flow_rows
from sample_run import context

from pcapaudit.findings.floods import FloodKind, PacketFloods
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity

KIND = FloodKind("udp-flood", "things", "somewhere", "Do something.")
ROW = {"proto": 17, "dst": "192.168.10.20", "sport": 4000, "dport": 80, "packets": (1, 0), "bytes": (100, 0)}


def judged(*rows, hits=None, thresholds=None):
    """(violations, hosts flooded)."""
    scene = Scene(context(), thresholds)
    floods = PacketFloods(scene, KIND)
    flows = scene.flows(flow_rows(*rows))
    floods.add(flows, np.arange(len(rows)), np.ones(len(rows), np.bool_) if hits is None else hits)
    return floods.violations(), scene.flooded


def test_kind_gives_code_and_words():
    """Thresholds are those of the code."""
    (violation,), flooded = judged(*many(2000, ROW, step_ns=1000))
    assert violation.message == "192.168.10.20, port 80: 2000 things in 0.002 s from 1 source, 2000 a second; 0 of 2000 flows were refused."
    assert (violation.code, violation.severity, violation.source, violation.advice) == (
        "udp-flood",
        Severity.MEDIUM,
        "somewhere",
        "Do something.",
    )
    assert flooded == {"192.168.10.20"}
    assert judged(*many(2000, ROW, step_ns=1000), thresholds={("udp-flood", "packets"): 2001.0}) == ([], set())


def test_only_hits_count():
    """What does not speak for a flood counts against it."""
    rows = many(2000, ROW, step_ns=1000)
    assert judged(*rows, hits=np.arange(2000) % 4 == 0) == ([], set())
    assert judged(*rows, hits=np.zeros(2000, np.bool_)) == ([], set())


def test_no_flows():
    """Nothing at all."""
    assert judged() == ([], set())
