"""A topology as a sorted list of address ranges, each with one code: what ``vantage`` searches.

A code holds the index of the zone whose longest prefix covers the range (NOWHERE if there is none), and the flags OWN (an address of the
firewall itself) and GROUP (multicast, the broadcast address of a network, IPv6 link-local: a router takes it in or it is none of its
business, and it never forwards it).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from ipaddress import ip_network

from pcapaudit.core.ranges import flatten
from pcapaudit.replay.topology import Network, Topology

__all__ = ["GROUP", "GROUPS", "MIXED", "NOWHERE", "OWN", "ZONE_BITS", "segments", "upper_table"]

# The numbers are repeated in vantage.pxd.
#: Bits of a code that hold the zone.
ZONE_BITS = 0x1FFF
#: The zone of an address that no prefix covers.
NOWHERE = 0x1FFF
#: An own address.
OWN = 0x2000
#: A multicast, broadcast or IPv6 link-local address.
GROUP = 0x4000
#: In the upper table: not one code; the other fifteen bits say which span of segments to search.
MIXED = 0x8000

#: RFC 5771, RFC 919, RFC 4291 2.7 and 2.5.6.
GROUPS: tuple[Network, ...] = tuple(map(ip_network, ("224.0.0.0/4", "255.255.255.255/32", "ff00::/8", "fe80::/10")))

#: Numbers that fit into the fifteen bits beside MIXED.
_MAX_SPANS = 0x8000

Segments = list[tuple[int, int]]


def segments(topology: Topology, version: int) -> Segments:
    """(first address, code) of every range of one IP version, ascending; the first begins at address 0, neighbours differ."""
    # A router takes in what is for the first address of an IPv6 network of its own (RFC 4291, 2.6.1).
    anycast = [ip_network(each.network_address) for each in topology.connected if each.version == 6 and each.prefixlen < 127]
    layers = [
        _longest([(prefix, index) for index, zone in enumerate(topology.zones) for prefix in zone.prefixes], version, NOWHERE),
        _longest([(prefix, OWN) for prefix in topology.own], version, 0),
        _longest([(prefix, GROUP) for prefix in (*GROUPS, *map(ip_network, topology.broadcasts), *anycast)], version, 0),
    ]
    starts = [[start for start, _ in layer] for layer in layers]
    merged: Segments = []
    for start in sorted({each for layer in starts for each in layer}):
        code = sum(layer[bisect_right(at, start) - 1][1] for layer, at in zip(layers, starts, strict=True))
        if not merged or merged[-1][1] != code:
            merged.append((start, code))
    return merged


def _longest(prefixes: Iterable[tuple[Network, int]], version: int, otherwise: int) -> Segments:
    """Ranges by the longest prefix that covers them; ``otherwise`` where none does."""
    ranges = [(int(net.network_address), int(net.broadcast_address), code) for net, code in prefixes if net.version == version]
    return flatten(ranges, 32 if version == 4 else 128, otherwise)


def upper_table(ranges: Segments, bits: int, base: int) -> tuple[array[int], list[tuple[int, int]]]:
    """For each value of the upper sixteen of ``bits`` address bits: its code, or MIXED and the number of a span.

    Returns the table and the spans: pairs of the first segment and the one after the last, to which ``base`` is added. The last possible
    span stands for the whole list.
    """
    shift = bits - 16
    starts = [start for start, _ in ranges]
    table = array("H", bytes(2 << 16))
    for (start, code), stop in zip(ranges, [*starts[1:], 1 << bits], strict=True):
        first, last = -(-start >> shift), stop >> shift
        if first < last:
            table[first:last] = array("H", [code]) * (last - first)
    spans: list[tuple[int, int]] = []
    for upper in sorted({start >> shift for start in starts if start & (1 << shift) - 1}):
        if len(spans) == _MAX_SPANS - 1:
            spans.append((base, base + len(ranges)))
        elif len(spans) < _MAX_SPANS:
            spans.append((base + bisect_right(starts, upper << shift) - 1, base + bisect_left(starts, upper + 1 << shift)))
        table[upper] = MIXED | len(spans) - 1
    return table, spans
