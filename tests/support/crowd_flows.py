"""Many flows with something in common, for detectors of scans and floods."""

from __future__ import annotations

from packets import flow_rows
from sample_run import START_NS, context

from pcapaudit.findings.scene import Scene

__all__ = ["judged", "many"]


def many(count, row, *, step_ns=1_000_000, first=1, **cycles):
    """So many flows; ``cycles`` are functions from a flow's place to the value of a field."""
    return [
        {
            "flow": first + i,
            "first_frame": first + i,
            "last_frame": first + i,
            "first_ns": START_NS + i * step_ns,
            "last_ns": START_NS + i * step_ns,
            "ttl": 57,
            **row,
            **{name: value(i) for name, value in cycles.items()},
        }
        for i in range(count)
    ]


def judged(detector, *rows, thresholds=None, portion=4096):
    """(violations, scene) after these flows, handed out in portions."""
    scene = Scene(context(), thresholds)
    made = detector(scene)
    for start in range(0, len(rows), portion):
        made.on_flows(flow_rows(*rows[start : start + portion]))
    made.on_end()
    return list(made.violations()), scene
