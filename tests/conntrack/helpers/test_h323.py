"""H.323 is not read: what may have been announced is undecidable."""

import pytest
from control_channels import Talk
from scenes import INSIDE_OUT, replay, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core.errors import ConfigError

RULES = """table inet h { ct helper q { type "Q.931" protocol tcp; }
    chain p { type filter hook prerouting priority 0; tcp dport 1720 ct helper set "q" } }
"""


@pytest.mark.parametrize(
    ("rules", "config"), [(RULES + INSIDE_OUT, ConntrackConfig()), (INSIDE_OUT, ConntrackConfig().with_helper("Q.931"))]
)
def test_what_follows_is_undecidable(rules, config):
    """Between the same hosts, TCP or UDP, until four minutes after; other hosts are strangers."""
    talk = Talk("10.0.0.1:3000", "192.0.2.1:1720").open().send(0, b"\3\0\0\5x")
    later = [
        (1, tcp("192.0.2.1:9", "10.0.0.1:5000", "S")),
        (2, udp("192.0.2.1:9", "10.0.0.1:5000")),
        (3, udp("192.0.2.9:9", "10.0.0.1:5000")),
    ]
    rows = replay([*talk.packets, *later, (400, udp("192.0.2.1:10", "10.0.0.1:5000"))], rules, config=config).rows
    assert "helper-blind" in rows[len(talk.packets) - 1].anomalies
    assert [(row.said, row.decided) for row in rows[-4:]] == [("drop", 0), ("drop", 0), ("drop", 1), ("drop", 1)]


def test_ras_over_udp_and_no_port_for_h245():
    """Linux assigns H.245 to what Q.931 announces, never by port."""
    packets = [(0, udp("10.0.0.1:4000", "192.0.2.1:1719", b"x")), (1, udp("192.0.2.1:9", "10.0.0.1:5000"))]
    assert replay(packets, INSIDE_OUT, config=ConntrackConfig().with_helper("RAS")).rows[-1].decided == 0
    with pytest.raises(ConfigError, match=r"H\.245"):
        ConntrackConfig().with_helper("H.245")
