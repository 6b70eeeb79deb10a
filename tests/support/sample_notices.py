"""A report with every kind of notice, made by hand: at a rule, at a capture, at nothing, and with text that wants escaping everywhere."""

from __future__ import annotations

from dataclasses import replace

from pcapaudit.report.ci.notice import Check, Notice, Report

CHECKS = (
    Check("land", "Packets with the same source and destination.", "medium"),
    Check("tcp-out-of-window", "TCP data where none is expected.", "high", "**What it does**\n\nLooks at windows.", "RFC 9293"),
    Check("udp-hole-punch", "A path through the firewall.", "low", "Help.", "RFC 5389"),
)
AT_RULE = Notice(
    "tcp-out-of-window",
    "high",
    "192.0.2.1:443 sent 10.0.0.5:40000 data: 12 packets, 50 % beyond; refused.",
    "Look for a second path: a, b.",
    "fire, wall/my fw.nft",
    12,
    True,
    7,
    90,
    12,
    ((7, "frame 7: tcp 192.0.2.1:443 > 10.0.0.5:40000"), (9, "frame 9: the next")),
    {"low": 1, "high": 2},
    "ct state invalid drop",
)
AT_CAPTURE = Notice(
    "udp-hole-punch", "low", "A path\nwas | opened <b>by</b> \x07 `x` & ::error::y ]]>.", "", "office.pcap", 0, False, 3, 3, 1
)
NOWHERE = Notice("udp-hole-punch", "info", "Another.", "Nothing to do.", "", 0, False, 0, 0, 1)


def report(*notices, **changes):
    """A report of an audit of one capture."""
    given = notices or (AT_RULE, AT_CAPTURE, NOWHERE)
    values = {
        "command": "audit",
        "subject": "office.pcap",
        "headline": f"{len(given)} findings.",
        "checks": CHECKS,
        "notices": given,
        "captures": ["office.pcap"],
        "failed": any(each.failing for each in given),
        "version": "1.2.3",
        "counts": {"Verdict": {"accept": 3, "drop": 1}, "Nothing": {}},
    }
    return Report(**{**values, **changes})


def nothing():
    """A report of an audit that found nothing."""
    return replace(report(), headline="No findings.", notices=(), failed=False)
