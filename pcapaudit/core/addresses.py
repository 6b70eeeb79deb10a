"""Addresses and endpoints as text, from the two halves in which columns hold them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

__all__ = ["address_text", "endpoint_text"]


def address_text(high: int, low: int, l3: int) -> str:
    """An address from its two halves."""
    return str(IPv4Address(low & 0xFFFFFFFF)) if l3 == 4 else str(IPv6Address(high << 64 | low))


def endpoint_text(address: str, port: int) -> str:
    """Address and port; the port is left out when it is 0."""
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
