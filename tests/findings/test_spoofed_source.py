"""Sources on the wrong side, where the topology knows the links."""

from __future__ import annotations

import pytest
from findings_of import findings_in
from packets import LAN, WAN, only, packets
from sample_run import context
from scenes import tcp

from pcapaudit.core import consts
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.spoofed_source import INWARD, MAX_ROWS_A_BATCH, OUTWARD, SpoofedSource
from pcapaudit.findings.violation import Severity
from pcapaudit.replay.topology_file import read_topology

TOPOLOGY = """
[zones.lan]
prefixes = ["10.0.0.0/8", "fd00::/8"]
vlans = [30]
inside = true
[zones.wan]
prefixes = ["any"]
vlans = [7]
"""
SYN = {"ct_state": consts.CT_NEW, "tcp_flags": consts.TCP_SYN}
INSIDE, OUTSIDE = "10.1.2.3", "203.0.113.9"


def found(*rows, topology=TOPOLOGY):
    """What is found in a batch."""
    detector = SpoofedSource(Scene(context(topology=read_topology(topology, "t.toml"))))
    detector.on_batch(*packets(*rows))
    return detector.violations()


@pytest.mark.parametrize("verdict", [consts.VERDICT_ACCEPT, consts.VERDICT_DROP])
def test_inside_address_from_outside(verdict):
    """The worse of the two where it got in."""
    violation = only(found({**SYN, "src": INSIDE, "dst": "10.9.9.9", "iif": WAN, "oif": LAN, "verdict": verdict}))
    assert (violation.evidence["kind"], violation.evidence["senders"]) == (INWARD, 1)
    assert violation.severity == (Severity.HIGH if verdict == consts.VERDICT_ACCEPT else Severity.MEDIUM)


def test_foreign_address_from_inside():
    """A host inside that forges."""
    violation = only(found({**SYN, "src": OUTSIDE, "dst": "198.51.100.1", "iif": LAN, "oif": WAN}))
    assert violation.evidence["kind"] == OUTWARD
    assert violation.message.startswith(
        "1 packet with an address from elsewhere came from inside, from 1 senders, the first from 203.0.113.9"
    )


LOOKALIKES = {
    "from its own side": {"src": OUTSIDE, "iif": WAN, "oif": LAN},
    "out of its own side": {"src": INSIDE, "iif": LAN, "oif": WAN},
    "link-local": {"src": "169.254.1.2", "iif": LAN, "oif": WAN},
    "link-local, IPv6": {"src": "fe80::1", "dst": "ff02::1", "iif": LAN, "oif": WAN},
    "no address yet": {"src": "0.0.0.0", "iif": LAN, "oif": WAN},
    "established": {"src": OUTSIDE, "iif": LAN, "oif": WAN, "ct_state": consts.CT_ESTABLISHED},
    "from nowhere known": {"src": OUTSIDE, "iif": consts.IFACE_UNKNOWN},
}


@pytest.mark.parametrize("row", LOOKALIKES.values(), ids=LOOKALIKES)
def test_lookalikes(row):
    """Nothing is forged."""
    assert not found({**SYN, **row})


def test_without_links_nothing_can_be_said():
    """Zones by address alone."""
    plain = TOPOLOGY.replace("vlans = [30]", "").replace("vlans = [7]", "")
    assert not found({**SYN, "src": OUTSIDE, "iif": LAN, "oif": WAN}, topology=plain)
    assert not [each for each in findings_in([(0, tcp("10.0.0.1:1", "198.51.100.1:80", "S"))]) if each.code == "spoofed-source"]


def test_flood_is_bounded_and_said():
    """More first packets in a batch than are looked at."""
    rows = [{**SYN, "src": f"203.0.{k >> 8}.{k & 255}", "iif": LAN, "oif": WAN} for k in range(MAX_ROWS_A_BATCH + 100)]
    violation = only(found(*rows))
    assert (violation.count, violation.evidence["not_looked_at"]) == (MAX_ROWS_A_BATCH, 100)
    assert "100 first packets were too many to be looked at" in violation.message
