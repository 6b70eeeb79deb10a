"""Addresses and endpoints as text."""

from __future__ import annotations

import pytest

from pcapaudit.core.addresses import address_text, endpoint_text


@pytest.mark.parametrize(
    ("high", "low", "l3", "text"),
    [(0, 0x0A000001, 4, "10.0.0.1"), (0x20010DB8 << 32, 1, 6, "2001:db8::1"), (0, 1, 6, "::1")],
)
def test_address_of_two_halves(high, low, l3, text):
    """IPv4 stands in the lowest 32 bits."""
    assert address_text(high, low, l3) == text


@pytest.mark.parametrize(
    ("address", "port", "text"),
    [("10.0.0.1", 80, "10.0.0.1:80"), ("10.0.0.1", 0, "10.0.0.1"), ("::1", 80, "[::1]:80"), ("::1", 0, "::1")],
)
def test_endpoint(address, port, text):
    """An IPv6 address with a port stands in brackets."""
    assert endpoint_text(address, port) == text
