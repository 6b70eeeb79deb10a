"""Random topologies, and what a plain look at all their prefixes says of an address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hypothesis import strategies as st

from pcapaudit.replay.segments import GROUP, NOWHERE, OWN
from pcapaudit.replay.topology import PATHS, Topology

BITS = {4: 32, 6: 128}

#: Addresses that are close to each other, so that prefixes nest and touch.
ADDRESSES = st.one_of(
    st.sampled_from(["0.0.0.0", "10.0.0.0", "10.0.0.255", "10.0.1.0", "10.255.255.255", "224.0.0.1", "255.255.255.255"]),
    st.sampled_from(["::", "::1", "2001:db8::", "2001:db8:0:1::", "2001:db8::ffff", "ff02::1", "ffff:" * 7 + "ffff"]),
    st.integers(0, 2**32 - 1).map(lambda number: str(IPv4Address(number))),
    st.integers(0, 2**128 - 1).map(lambda number: str(IPv6Address(number))),
)


@st.composite
def networks(draw):
    """A network of any length around such an address."""
    address = ip_address(draw(ADDRESSES))
    return str(ip_network((address, draw(st.integers(0, BITS[address.version]))), strict=False))


@st.composite
def topologies(draw):
    """Up to six zones with distinct prefixes, and own addresses."""
    prefixes = draw(st.lists(networks(), min_size=1, max_size=12, unique=True))
    zone = [f"z{k % 6}=eth{k % 6}:{prefix}" for k, prefix in enumerate(prefixes)]
    own = draw(st.lists(st.one_of(networks(), st.just("10.0.0.1/24")), max_size=3))
    return Topology.from_options(zone, own=own, path=draw(st.sampled_from(PATHS)))


def expected_code(topology, address):
    """Zone by a plain look at all prefixes, and the flags."""
    found = [(prefix.prefixlen, index) for index, zone in enumerate(topology.zones) for prefix in zone.prefixes if address in prefix]
    code = max(found)[1] if found else NOWHERE
    code |= OWN if any(address in prefix for prefix in topology.own) else 0
    group = (
        address.is_multicast
        or (address.version == 6 and address.is_link_local)
        or address == ip_address("255.255.255.255")
        or address in topology.broadcasts
    )
    return code | (GROUP if group else 0)
