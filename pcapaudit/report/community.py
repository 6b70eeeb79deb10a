"""Community ID 1.0 of flows, seed 0: the text by which Zeek, Suricata, Wireshark and others name the same flow.

``1:`` and the base64 form of SHA-1 over seed, addresses, protocol, a zero byte and ports, the smaller endpoint first. ICMP has types in
place of ports: a request and its reply exchange theirs; a message without a counterpart has type and code, and is never turned round.
"""

from __future__ import annotations

from binascii import b2a_base64
from hashlib import sha1
from typing import Any

import numpy as np

from pcapaudit.core.consts import PROTO_ICMP, PROTO_ICMPV6, PROTO_SCTP, PROTO_TCP, PROTO_UDP

__all__ = ["community_ids"]

#: Requests and replies by protocol; each is the other's counterpart.
_PAIRS = {
    PROTO_ICMP: ((8, 0), (13, 14), (15, 16), (10, 9), (17, 18)),
    PROTO_ICMPV6: ((128, 129), (130, 131), (133, 134), (135, 136), (139, 140), (144, 145)),
}
_ONE_WAY = 0xFFFF


def _counterparts(pairs: tuple[tuple[int, int], ...]) -> Any:
    table = np.full(256, _ONE_WAY, np.uint16)
    for one, other in pairs:
        table[one], table[other] = other, one
    return table


_COUNTERPARTS = {proto: _counterparts(pairs) for proto, pairs in _PAIRS.items()}


def community_ids(flows: Any) -> Any:
    """The Community IDs of FLOW_DTYPE rows, as an array of 30 bytes each."""
    ids = np.zeros(len(flows), "S30")
    low, high, turned = _ports(flows)
    with_ports = np.isin(flows["proto"], [PROTO_TCP, PROTO_UDP, PROTO_SCTP, PROTO_ICMP, PROTO_ICMPV6])
    for family, size in ((4, 4), (6, 16)):
        for ports in (False, True):
            chosen = np.flatnonzero((flows["l3"] == family) & (with_ports == ports))
            keys = _keys(flows[chosen], size, turned[chosen], low[chosen], high[chosen])
            length = 4 + 2 * size + (4 if ports else 0)
            for at, key in zip(chosen.tolist(), keys, strict=True):
                ids[at] = b"1:" + b2a_base64(sha1(key[:length], usedforsecurity=False).digest(), newline=False)
    return ids


def _ports(flows: Any) -> tuple[Any, Any, Any]:
    """What goes first and second in place of ports, and whether the endpoints change places."""
    sport, dport = flows["sport"].copy(), flows["dport"].copy()
    one_way = np.zeros(len(flows), bool)
    for proto, table in _COUNTERPARTS.items():
        icmp = flows["proto"] == proto
        other = table[flows["icmp_type"]]
        one_way |= icmp & (other == _ONE_WAY)
        sport[icmp] = flows["icmp_type"][icmp]
        dport[icmp] = np.where(other == _ONE_WAY, flows["icmp_code"], other)[icmp]
    turned = np.zeros(len(flows), bool)
    equal = np.ones(len(flows), bool)
    for one, other in ((flows["src_hi"], flows["dst_hi"]), (flows["src_lo"], flows["dst_lo"]), (sport, dport)):
        turned |= equal & (one > other)
        equal &= one == other
    turned &= ~one_way
    return np.where(turned, dport, sport), np.where(turned, sport, dport), turned


def _keys(flows: Any, size: int, turned: Any, low: Any, high: Any) -> list[bytes]:
    """The bytes that are hashed, a text a flow: seed, two addresses of ``size`` bytes, protocol, zero, two ports."""
    keys = np.zeros((len(flows), 8 + 2 * size), np.uint8)
    src, dst = _address_bytes(flows, "src", size), _address_bytes(flows, "dst", size)
    keys[:, 2 : 2 + size] = np.where(turned[:, None], dst, src)
    keys[:, 2 + size : 2 + 2 * size] = np.where(turned[:, None], src, dst)
    keys[:, 2 + 2 * size] = flows["proto"]
    keys[:, 4 + 2 * size] = low >> 8
    keys[:, 5 + 2 * size] = low & 0xFF
    keys[:, 6 + 2 * size] = high >> 8
    keys[:, 7 + 2 * size] = high & 0xFF
    return [row.tobytes() for row in keys]


def _address_bytes(flows: Any, side: str, size: int) -> Any:
    """Addresses as rows of bytes in network order."""
    words = np.stack([flows[f"{side}_hi"], flows[f"{side}_lo"]], axis=1).astype(">u8")
    return words.view(np.uint8).reshape(len(flows), 16)[:, 16 - size :]
