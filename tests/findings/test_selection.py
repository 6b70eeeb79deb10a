"""Which findings are reported: rules by length, suppressions by day and address."""

from __future__ import annotations

from datetime import UTC, date, datetime
from ipaddress import ip_network

import pytest

from pcapaudit.findings.selection import Selection, Suppression, choose, fits
from pcapaudit.findings.violation import Severity, Violation

CODES = ("land", "tcp-invalid-flags", "tcp-out-of-window", "udp-hole-punch", "udp-hole-punch-failed")
NOON = int(datetime(2026, 6, 15, 12, tzinfo=UTC).timestamp()) * 1_000_000_000


def finding(code, message="192.0.2.1:80 did it."):
    """A finding of a kind."""
    return Violation(code, Severity.LOW, 0, 1, 1, 1, message)


def reported(**selection):
    """The codes that are reported of one finding each."""
    return [each.code for each in choose([finding(code) for code in CODES], Selection(**selection), NOON).violations]


CASES = {
    "everything": ({}, CODES),
    "a code": ({"select": ("land",)}, ("land",)),
    "a beginning": ({"select": ("tcp",)}, ("tcp-invalid-flags", "tcp-out-of-window")),
    "a beginning ends at a hyphen": ({"select": ("tc",)}, ()),
    "ignored": ({"ignore": ("tcp", "land")}, ("udp-hole-punch", "udp-hole-punch-failed")),
    "the longer wins": ({"select": ("tcp-invalid-flags", "udp"), "ignore": ("tcp",)}, ("tcp-invalid-flags", *CODES[3:])),
    "ignored among selected": ({"select": ("udp",), "ignore": ("udp-hole-punch-failed",)}, ("udp-hole-punch",)),
    "of two as long the one to ignore": ({"select": ("land",), "ignore": ("land",)}, ()),
    "all of both": ({"ignore": ("ALL",)}, ()),
}


@pytest.mark.parametrize(("selection", "codes"), CASES.values(), ids=CASES)
def test_rules(selection, codes):
    """As in ruff: the longest that fits decides."""
    assert tuple(reported(**selection)) == codes


def test_left_out_is_counted():
    """How many were not selected."""
    assert choose([finding(code) for code in CODES], Selection(select=("tcp",)), NOON).unselected == 3


def suppress(**changes):
    """What becomes of a finding that names 192.0.2.1."""
    given = {"code": "land", "reason": "a reason", "expires": date(2026, 6, 15), **changes}
    return choose([finding("land")], Selection(suppressions=(Suppression(**given),)), NOON)


def test_suppressed():
    """On its last day, with the count."""
    chosen = suppress()
    assert (list(chosen.violations), chosen.suppressed_count, list(chosen.expired)) == ([], 1, [])


def test_expired_suppression_is_named_and_takes_nothing():
    """The capture ends on the day after."""
    chosen = suppress(expires=date(2026, 6, 14))
    assert ([each.code for each in chosen.violations], chosen.suppressed_count) == (["land"], 0)
    assert [each.reason for each in chosen.expired] == ["a reason"]


def test_expired_suppression_without_a_finding_is_not_named():
    """It would not have taken anything."""
    assert not suppress(code="udp", expires=date(2026, 6, 14)).expired


@pytest.mark.parametrize(("network", "count"), [("192.0.2.0/24", 1), ("192.0.2.1/32", 1), ("198.51.100.0/24", 0), ("2001:db8::/32", 0)])
def test_suppressed_by_address(network, count):
    """An address that the message names."""
    assert suppress(address=ip_network(network)).suppressed_count == count


@pytest.mark.parametrize("message", ["[2001:db8::7]:53 sent it.", "From 2001:db8::7, port 53.", "2001:db8::7 did it."])
def test_address_in_a_message(message):
    """IPv6 with and without brackets."""
    one = Suppression("land", "r", date(2027, 1, 1), ip_network("2001:db8::/64"))
    assert one.takes(finding("land", message))
    assert not one.takes(finding("land", "at 12:30:45 the version 1.2.3.4.5 of a::b::c"))


def test_fits():
    """Codes, beginnings, everything."""
    assert fits("ALL", "land")
    assert fits("udp-hole-punch", "udp-hole-punch-failed")
    assert not fits("udp-hole-punch-failed", "udp-hole-punch")
