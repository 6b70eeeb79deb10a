"""Names of iptables."""

from __future__ import annotations

from pcapaudit.rules.iptables import names


def test_icmp_names_with_codes():
    """Type alone, or type and code."""
    assert names.ICMP_NAMES["echo-request"] == (8, None)
    assert names.ICMP_NAMES["port-unreachable"] == (3, 3)
    assert names.ICMP6_NAMES["no-route"] == (1, 0)


def test_address_types_are_the_kernels():
    """RTN_ numbers."""
    assert [names.ADDRESS_TYPES[name] for name in ("UNICAST", "LOCAL", "BROADCAST", "MULTICAST")] == [1, 2, 3, 5]
