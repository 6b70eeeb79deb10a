"""Addresses for a capture that is to be shown to strangers: prefixes stay prefixes, and what a ruleset asks of an address stays true.

Two addresses that share their first n bits share the first n bits of their substitutes, no more and no fewer (the property of Crypto-PAn:
Xu, Fan, Ammar, Moon, "Prefix-preserving IP address anonymization", 2002). A keyed hash of the bits before a bit turns it over or not.
Bits on the way to a *fixed* prefix are never turned over: so an address lies within a fixed prefix, before it or behind it, as its
substitute does, and a rule that names the prefix, or a range that begins or ends with the address, judges both alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_network

__all__ = ["KEPT", "SPECIAL", "MacMap", "PrefixMap", "macs_in", "prefixes_in"]

Network = IPv4Network | IPv6Network

_SPECIAL = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/4 240.0.0.0/4
::/127 ::ffff:0:0/96 64:ff9b::/96 2000::/3 2002::/16 fc00::/7 fe80::/10 ff00::/8
"""
_KEPT = "0.0.0.0/32 127.0.0.0/8 224.0.0.0/4 255.255.255.255/32 ::/127 ff00::/8"
#: Ranges that mean something (RFC 6890): an address inside stays inside.
SPECIAL: tuple[Network, ...] = tuple(map(ip_network, _SPECIAL.split()))
#: Ranges whose addresses say nothing about anybody, and are kept as they are.
KEPT: tuple[Network, ...] = tuple(map(ip_network, _KEPT.split()))
#: Multicast groups that hold the end of somebody's address (RFC 4291, section 2.7.1).
_SOLICITED = ip_network("ff02::1:ff00:0/104")

_PREFIX = re.compile(
    r"(?<![\w.:])((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\d{1,3}\.){3}\d{1,3})?)(/\d{1,3})?(?![\w.:])"
)
_MAC = re.compile(r"(?<![\w:])[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}(?![\w:])")


class PrefixMap:
    """Substitutes of addresses, the same for the same key. ``fixed``: prefixes that a substitute must not leave or enter."""

    def __init__(self, key: bytes, fixed: Iterable[Network] = ()) -> None:
        self._key = key
        self._known: dict[tuple[int, int], int] = {}
        #: Nodes above a fixed prefix: (bits of an address, length, bits so far).
        self._above = {
            (each.max_prefixlen, length, int(each.network_address) >> (each.max_prefixlen - length))
            for each in (*SPECIAL, *fixed)
            for length in range(each.prefixlen)
        }

    def map(self, address: int, bits: int) -> int:
        """The substitute of an address of 32 or 128 ``bits``."""
        known = self._known.get((bits, address))
        if known is None:
            known = self._known[bits, address] = self._substitute(address, bits)
        return known

    def _substitute(self, address: int, bits: int) -> int:
        if bits == _SOLICITED.max_prefixlen and address >> 24 == int(_SOLICITED.network_address) >> 24:
            return address ^ self._turn(bits, bits, address) & 0xFFFFFF
        for each in KEPT:
            if each.max_prefixlen == bits and address >> (bits - each.prefixlen) == int(each.network_address) >> (bits - each.prefixlen):
                return address
        turned = 0
        for length in range(bits):
            head = address >> (bits - length)
            turned = turned << 1 | (0 if (bits, length, head) in self._above else self._turn(bits, length, head) & 1)
        return address ^ turned

    def _turn(self, bits: int, length: int, head: int) -> int:
        text = f"{bits} {length} {head:x}".encode()
        return int.from_bytes(blake2b(text, key=self._key, digest_size=8).digest(), "big")


class MacMap:
    """Substitutes of MAC addresses: locally administered ones. Group addresses are kept, and so are those in ``kept``."""

    def __init__(self, key: bytes, kept: Iterable[bytes] = ()) -> None:
        self._key = key
        self._kept = frozenset(kept)

    def map(self, mac: bytes) -> bytes:
        """The substitute of six bytes."""
        # The second prefix is a group of IPv6, which may end like somebody's address (RFC 2464, section 7).
        if mac in self._kept or mac == bytes(6) or (mac[0] & 1 and mac[:3] != b"\x33\x33\xff"):
            return mac
        digest = blake2b(mac, key=self._key, digest_size=6).digest()
        return mac[:3] + digest[3:] if mac[0] & 1 else bytes([digest[0] & 0xFC | 2]) + digest[1:]


def prefixes_in(text: str) -> list[Network]:
    """Every address and prefix that stands in a text, such as a printed ruleset, in the order of their first place."""
    found: dict[Network, None] = {}
    for address, length in _PREFIX.findall(text):
        try:
            found[ip_network(address + length, strict=False)] = None
        except ValueError:
            continue
    return list(found)


def macs_in(text: str) -> list[bytes]:
    """Every MAC address that stands in a text."""
    return [bytes.fromhex(each.replace(":", "")) for each in dict.fromkeys(_MAC.findall(text))]
