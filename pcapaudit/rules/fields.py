"""How the evaluator gets at what a selector reads: a column where there is one, bits of the packet's headers otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from pcapaudit.rules import ops
from pcapaudit.rules.model import Key
from pcapaudit.rules.selectors import Selector

__all__ = ["Load", "is_supported", "load_of"]

_LOW = (1 << 64) - 1

_COLUMNS = {
    "ct state": ops.FIELD_CT_STATE,
    "ct direction": ops.FIELD_CT_DIRECTION,
    "ct status": ops.FIELD_CT_STATUS,
    "meta nfproto": ops.FIELD_NFPROTO,
    "meta l4proto": ops.FIELD_PROTO,
    "meta protocol": ops.FIELD_PROTOCOL,
    "meta length": ops.FIELD_LENGTH,
    "ip saddr": ops.FIELD_SOURCE,
    "ip daddr": ops.FIELD_DESTINATION,
    "ip6 saddr": ops.FIELD_SOURCE,
    "ip6 daddr": ops.FIELD_DESTINATION,
    "ip protocol": ops.FIELD_PROTO,
    "ip ttl": ops.FIELD_TTL,
    "ip6 hoplimit": ops.FIELD_TTL,
    "tcp flags": ops.FIELD_TCP_FLAGS,
    "icmp type": ops.FIELD_ICMP_TYPE,
    "icmp code": ops.FIELD_ICMP_CODE,
    "icmpv6 type": ops.FIELD_ICMP_TYPE,
    "icmpv6 code": ops.FIELD_ICMP_CODE,
    "meta iif": ops.FIELD_IIF,
    "meta iifname": ops.FIELD_IIF,
    "meta oif": ops.FIELD_OIF,
    "meta oifname": ops.FIELD_OIF,
    **{f"{name} sport": ops.FIELD_SPORT for name in ("tcp", "udp", "udplite", "sctp", "dccp")},
    **{f"{name} dport": ops.FIELD_DPORT for name in ("tcp", "udp", "udplite", "sctp", "dccp")},
}
_HEADERS = {"link": ops.FIELD_LINK, "network": ops.FIELD_NETWORK, "transport": ops.FIELD_TRANSPORT}

#: What no capture holds: every match on it is unknown.
_NOT_IN_CAPTURE = frozenset(
    {
        *(
            f"meta {name}"
            for name in ("skuid", "skgid", "cpu", "cgroup", "random", "rtclassid", "iifgroup", "oifgroup", "iiftype", "oiftype")
        ),
        *(f"meta {name}" for name in ("secpath", "priority", "sdif", "sdifname", "pkttype")),
        "ct id",
        "ct label",
    }
)


@dataclass(frozen=True, slots=True)
class Load:
    """One load: its words as LOAD_WORDS says but for mask and xor, which stand in the pool."""

    #: FIELD_ number.
    field: int
    #: IP version needed, 0 for any.
    l3: int = 0
    #: Protocol needed plus 1, 0 for any.
    proto: int = 0
    #: First bit of the header.
    offset: int = 0
    #: Bits read.
    bits: int = 0
    #: Bytes of the header that must be there.
    reach: int = 0
    #: mask hi, lo, xor hi, lo; or None.
    mask: tuple[int, int, int, int] | None = None


def is_supported(selector: Selector) -> bool:
    """The evaluator can read it, or knows that nobody can."""
    return selector.text in _COLUMNS or selector.text in _NOT_IN_CAPTURE or selector.base in _HEADERS


def load_of(key: Key) -> Load:
    """The load for a key."""
    selector = key.selector
    mask = None
    if key.mask is not None:
        mask = (key.mask >> 64, key.mask & _LOW, key.xor >> 64, key.xor & _LOW)
    if selector.text in _NOT_IN_CAPTURE:
        return Load(ops.FIELD_UNKNOWN)
    number = _COLUMNS.get(selector.text, _HEADERS.get(selector.base, ops.FIELD_UNKNOWN))
    proto = 0 if selector.proto is None else selector.proto + 1
    reach = (selector.offset + selector.bits + 7) // 8
    return Load(number, selector.l3, proto, selector.offset, selector.bits, reach, mask)
