"""What a topology says of routes, as stretches of addresses."""

from __future__ import annotations

from pcapaudit.rules import ops
from pcapaudit.rules.machine import NO_ROUTE, Machine, Route, Row, rows


def test_rows_of_nothing():
    """Nothing is known, or nothing is there."""
    assert rows(Machine(), 4) == ([0], [Row(ops.FIB_VAGUE)])
    assert rows(Machine(complete=frozenset({6})), 6) == ([0], [NO_ROUTE])


def test_rows_of_nested_routes():
    """The shortest range decides; routes of the other version are not looked at."""
    routes = (Route(4, 0, 0xFFFFFFFF, devices=(1,)), Route(4, 256, 511, ops.FIB_BLACKHOLE), Route(6, 0, 5))
    assert rows(Machine(routes), 4) == ([0, 256, 512], [Row(1, (1,)), Row(ops.FIB_BLACKHOLE), Row(1, (1,))])
