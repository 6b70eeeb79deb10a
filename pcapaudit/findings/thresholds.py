"""The numbers above which detectors speak: code → name → (default, what it counts). A configuration file may change each of them.

``[findings.thresholds.CODE]`` in ``pcapaudit.toml``. A number is at least 0; a share is between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["THRESHOLDS", "Thresholds", "with_defaults"]

#: (code, name) → number.
Thresholds = Mapping[tuple[str, str], float]

THRESHOLDS: dict[str, dict[str, tuple[float, str]]] = {
    "asymmetric-capture": {
        "share": (0.2, "share of TCP connections of which one direction only is there"),
        "packets": (4, "packets of a connection before its other direction can be missed"),
    },
    "incomplete-fragments": {
        "datagrams": (1000, "incomplete datagrams that are more than loss"),
    },
    "port-scan": {
        "ports": (15, "ports of one host that one other tries"),
        "share": (0.8, "share of these attempts that come to nothing"),
    },
    "syn-flood": {
        "half-open": (50, "connections to one target that are never completed"),
        "sources": (20, "hosts that they come from"),
        "rate": (10, "of them a second, over at least a second"),
        "share": (0.8, "their share of all connections to the target"),
    },
    "unsolicited-inbound": {
        "ports": (10, "ports that make a source's attempts a scan"),
        "hosts": (10, "hosts that make a source's attempts a scan"),
    },
}


def with_defaults(changed: Thresholds | None = None) -> dict[tuple[str, str], float]:
    """Every threshold, those of ``changed`` in place of the defaults."""
    made = {(code, name): default for code, names in THRESHOLDS.items() for name, (default, _) in names.items()}
    return {**made, **(changed or {})}
