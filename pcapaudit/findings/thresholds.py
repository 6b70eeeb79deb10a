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
    "connection-flood": {
        "connections": (500, "completed and empty connections to one target"),
        "rate": (100, "of them a second, over at least a second"),
        "held": (200, "of them that nobody closed"),
        "share": (0.8, "their share of all completed connections to the target"),
    },
    "host-sweep": {
        "hosts": (15, "hosts whose same port one host tries"),
        "share": (0.8, "share of these attempts that come to nothing (of echo requests: half of it)"),
    },
    "icmp-flood": {
        "packets": (500, "ICMP queries to one host"),
        "rate": (100, "of them a second, over at least a second"),
    },
    "incomplete-fragments": {
        "datagrams": (1000, "incomplete datagrams that are more than loss"),
    },
    "offloaded-or-missing-packets": {
        "refused": (10, "refused packets of a connection, or of many, that are more than a hiccup"),
    },
    "port-scan": {
        "ports": (15, "ports of one host that one other tries"),
        "share": (0.8, "share of these attempts that come to nothing"),
    },
    "reflection-amplification": {
        "packets": (100, "answers that were not asked for, or questions in one name"),
        "sources": (5, "servers that they come from; fewer, if as many packets come a second"),
        "ratio": (8, "how many times the bytes of a question its answer has"),
        "share": (0.8, "share of the questions with such an answer"),
    },
    "state-table-exhaustion": {
        "share": (0.8, "most entries as a share of the limit"),
        "entries": (10_000, "entries from which on those without an answer are looked at"),
        "unreplied-share": (0.5, "share of entries without an answer at the busiest moment"),
    },
    "syn-flood": {
        "half-open": (50, "connections to one target that are never completed"),
        "sources": (20, "hosts that they come from"),
        "rate": (10, "of them a second, over at least a second"),
        "rate-of-few": (100, "of them a second, when they come from fewer hosts"),
        "share": (0.8, "their share of all connections to the target"),
    },
    "timeout-too-long": {
        "seconds": (3600, "idle time of an entry that counts"),
        "entries": (5, "such entries of one protocol"),
        "times": (10, "how many times the longest pause survived the longest idle time is"),
    },
    "udp-flood": {
        "packets": (1000, "UDP packets to one host without an answer"),
        "rate": (500, "of them a second, over at least a second"),
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
