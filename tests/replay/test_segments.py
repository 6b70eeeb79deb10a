"""The ranges say what a look at every prefix says."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay_topologies import ADDRESSES, BITS, expected_code, topologies

from pcapaudit.replay import segments as module
from pcapaudit.replay.segments import GROUP, MIXED, ZONE_BITS, segments, upper_table
from pcapaudit.replay.topology import Topology


def code_at(ranges, number):
    """The code of an address number in a list of ranges."""
    return [code for start, code in ranges if start <= number][-1]


@given(topologies(), st.lists(ADDRESSES.map(ip_address), min_size=1, max_size=20))
def test_ranges_equal_longest_prefix_match(topology, addresses):
    """For the edges of every prefix, their neighbours, and other addresses."""
    prefixes = [prefix for zone in topology.zones for prefix in zone.prefixes] + list(topology.own)
    for version, kind in ((4, IPv4Address), (6, IPv6Address)):
        ranges = segments(topology, version)
        assert ranges[0][0] == 0
        assert all(a[0] < b[0] and a[1] != b[1] for a, b in pairwise(ranges))
        edges = [int(edge) + step for net in prefixes if net.version == version for edge in (net[0], net[-1]) for step in (-1, 0, 1)]
        for number in {*edges, *(int(each) for each in addresses if each.version == version)}:
            if 0 <= number < 1 << BITS[version]:
                assert code_at(ranges, number) == expected_code(topology, kind(number))


@pytest.mark.parametrize("spans_possible", [2, 0x8000])
@given(topology=topologies())
def test_upper_table_leads_to_the_same_code(spans_possible, topology):
    """Directly or through a span; also where spans run out and the last stands for all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MAX_SPANS", spans_possible)
        for version in (4, 6):
            ranges = segments(topology, version)
            shift = BITS[version] - 16
            table, spans = upper_table(ranges, BITS[version], 0)
            assert len(table) == 1 << 16
            assert len(spans) <= spans_possible
            for start in {each for first, _ in ranges for each in (first, first - 1, first + 1, (first >> shift) + 1 << shift)}:
                if not 0 <= start < 1 << BITS[version]:
                    continue
                code = table[start >> shift]
                if code & MIXED:
                    first, stop = spans[code ^ MIXED]
                    assert ranges[first][0] <= start
                    code = code_at(ranges[first:stop], start)
                assert code == code_at(ranges, start)


def test_assumed_topology_needs_few_searches():
    """The private ranges end at sixteen bits or before; only the limited broadcast, :: and ::1 do not."""
    topology = Topology.from_options()
    table4, spans4 = upper_table(segments(topology, 4), 32, 0)
    table6, spans6 = upper_table(segments(topology, 6), 128, 7)
    assert [upper for upper, code in enumerate(table4) if code & MIXED] == [0xFFFF]
    assert [upper for upper, code in enumerate(table6) if code & MIXED] == [0]
    assert (len(spans4), spans6) == (1, [(7, 9)])
    assert [table4[upper] & ZONE_BITS for upper in (0x0A00, 0x0AFF, 0x0B00, 0xC0A8, 0x6440)] == [0, 0, 1, 0, 1]


def test_first_address_of_an_own_ipv6_network():
    """A router takes in what is for it; IPv4 has no such address."""
    ranges = segments(Topology.from_options(own=["2001:db8::7/64", "192.0.2.7/24"]), 6)
    assert dict(ranges)[0x20010DB8 << 96] & GROUP
    assert not any(code & GROUP for start, code in segments(Topology.from_options(own=["192.0.2.7/24"]), 4) if start == 0xC0000200)
