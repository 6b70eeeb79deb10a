"""Questions to a ruleset: who may open a connection to whom."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import INSIDE_OUT, context_for, icmp, tcp, udp

from pcapaudit.core.columns import PacketBatch
from pcapaudit.replay.permissions import Permissions
from pcapaudit.replay.topology import Topology
from pcapaudit.replay.vantage import Vantage
from pcapaudit.wire.decode import Decoder

IN, OUT = "10.0.0.1:40000", "192.0.2.1:443"
WEB = """table inet t { chain c { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "inside" tcp dport 443 ct state new accept
    iifname "inside" icmp type echo-request accept } }"""


def asked(packets, rules=INSIDE_OUT, *, turned=False, most=1000):
    """The answer for each packet."""
    context = context_for([(n, packet) for n, packet in enumerate(packets)], rules)
    batch = PacketBatch()
    assert context.stream.read_into(batch)
    Decoder(batch, "ignore").decode()
    Vantage(context.topology, batch, context.stream.interfaces).place()
    return Permissions(context, most).ask(batch, np.arange(batch.count), turned=turned).tolist()


@pytest.mark.parametrize(
    ("packet", "may", "receiver_may"),
    [
        (tcp(IN, OUT, "S"), True, False),
        (tcp(OUT, IN, "SA"), False, True),
        (tcp(IN, OUT, "A"), True, False),
        (tcp(OUT, IN, "R"), False, True),
        (udp(IN, "192.0.2.1:53"), False, False),
        (icmp("10.0.0.1", "192.0.2.1", 8), True, False),
        (icmp("192.0.2.1", "10.0.0.1", 0), False, True),
        (icmp("192.0.2.1", "10.0.0.1", 8), False, False),
        (icmp("10.0.0.1", "192.0.2.1", 0), False, False),
    ],
)
def test_tuple_decides(packet, may, receiver_may):
    """Whatever the flags, and whether it is a request or an answer."""
    assert asked([packet], WEB) == [may]
    assert asked([packet], WEB, turned=True) == [receiver_may]


def test_answers_do_not_hang_on_questions_before():
    """A question leaves no connection behind: what would be its answer is asked about anew."""
    packets = [tcp(IN, OUT, "S"), tcp(OUT, IN, "SA"), tcp(IN, OUT, "A"), tcp(OUT, IN, "A")] * 3
    assert asked(packets, WEB) == [True, False, True, False] * 3
    assert asked(packets, WEB, turned=True) == [False, True, False, True] * 3


def test_answers_are_remembered_and_forgotten():
    """The same with a memory of one."""
    packets = [udp(f"10.0.0.1:{port}", f"192.0.2.1:{port % 7 + 440}") for port in range(1000, 1100)] * 2
    assert asked(packets, most=1) == asked(packets) == [True] * 200


def test_way_through_the_firewall_is_turned_too():
    """What came in to the firewall itself would go out from it."""
    rules = """table inet t { chain i { type filter hook input priority 0; policy drop; }
        chain o { type filter hook output priority 0; policy accept; } }"""
    topology = Topology.from_options(local=["10.0.0.0/8"], own=["10.0.0.254"])
    context = context_for([(0, udp("192.0.2.1:53", "10.0.0.254:5000"))], rules, topology=topology)
    batch = PacketBatch()
    context.stream.read_into(batch)
    Decoder(batch, "ignore").decode()
    Vantage(context.topology, batch, context.stream.interfaces).place()
    permissions = Permissions(context)
    assert permissions.ask(batch, np.arange(1), turned=False).tolist() == [False]
    assert permissions.ask(batch, np.arange(1), turned=True).tolist() == [True]


def test_rule_on_the_frame_sees_the_frame():
    """A TTL, say: that of the packet that was asked about, less one when it has come so far."""
    rules = 'table inet t { chain c { type filter hook forward priority 0; policy drop; iifname "inside" ip ttl 63 accept } }'
    assert asked([udp(IN, OUT)], rules) == [True]
