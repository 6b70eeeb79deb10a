"""Second tuples in the table: they lead to their connection, are no entries of their own, and go with it."""

from __future__ import annotations

from scenes import replay, udp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.replay.topology import Topology

RULES = """table ip t {
    chain n { type nat hook postrouting priority 100; ip saddr 10.0.0.0/8 snat to 203.0.113.1; }
    chain f { type filter hook forward priority 0; policy accept; } }"""
SERVER = "198.51.100.7:53"


def run(packets, **more):
    """Replay behind one address."""
    return replay(packets, RULES, topology=Topology.from_options(zone=["lan=lan:10.0.0.0/8", "wan=wan:any"]), **more)


def test_second_tuple_is_no_entry():
    """One connection is one, in the count of the table and in the flows."""
    result = run([(0, udp(f"10.0.0.{host}:{4000 + host}", SERVER)) for host in range(1, 40)])
    assert (result.totals.high_water, result.totals.flows) == (39, 39)
    full = run([(n / 100, udp(f"10.0.0.{n}:{4000 + n}", SERVER)) for n in range(1, 5)], config=ConntrackConfig(max=4))
    assert [row.said for row in full.rows] == ["accept"] * 4


def test_many_connections_come_and_go():
    """Rows and places of the index are given back: replies find the living ones, and no dead one."""
    packets, live = [], []
    for turn in range(40):
        start = 40 * turn
        for host in range(1, 60):
            client, outside = f"10.0.0.{host}:{2000 + turn}", f"203.0.113.1:{2000 + turn}"
            packets.append((start + host / 100, udp(client, f"198.51.100.{host}:53")))
            packets.append((start + 1 + host / 100, udp(f"198.51.100.{host}:53", outside)))
            live.append(outside)
    result = run(sorted(packets, key=lambda each: each[0]))
    assert {(row.state, row.way) for row in result.rows} == {("new", "original"), ("established", "reply")}
    assert result.totals.flows == 40 * 59


def test_expired_connection_takes_its_second_tuple_along():
    """Found by the second tuple alone, it is dead all the same."""
    rows = run([(0, udp("10.0.0.1:4000", SERVER)), (30.5, udp(SERVER, "203.0.113.1:4000"))]).rows
    assert [row.state for row in rows] == ["new", "new"]
