"""How the evaluator gets at what a selector reads: a column where there is one, bits of the packet's headers otherwise."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from pcapaudit.rules import ops
from pcapaudit.rules.model import Key
from pcapaudit.rules.selectors import EXTENSION_NUMBERS, TCP_OPTION_NUMBERS, Selector, extension_place, option_place

__all__ = ["Load", "is_interface", "load_of"]

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
    "ip6 nexthdr": ops.FIELD_NEXT_HEADER,
    "tcp flags": ops.FIELD_TCP_FLAGS,
    "icmp type": ops.FIELD_ICMP_TYPE,
    "icmp code": ops.FIELD_ICMP_CODE,
    "icmpv6 type": ops.FIELD_ICMP_TYPE,
    "icmpv6 code": ops.FIELD_ICMP_CODE,
    "meta iif": ops.FIELD_IIF,
    "meta iifname": ops.FIELD_IIF,
    "meta oif": ops.FIELD_OIF,
    "meta oifname": ops.FIELD_OIF,
    "meta mark": ops.FIELD_MARK,
    "meta pkttype": ops.FIELD_PKTTYPE,
    "meta time": ops.FIELD_TIME,
    "meta day": ops.FIELD_DAY,
    "meta hour": ops.FIELD_HOUR,
    "ether type": ops.FIELD_ETHER_TYPE,
    "ct mark": ops.FIELD_CT_MARK,
    "ct helper": ops.FIELD_CT_HELPER,
    "ct zone": ops.FIELD_CT_ZONE,
    "ct expiration": ops.FIELD_CT_EXPIRATION,
    "th sport": ops.FIELD_TH_SPORT,
    "th dport": ops.FIELD_TH_DPORT,
    "ct l3proto": ops.FIELD_CT_L3PROTO,
    "ct protocol": ops.FIELD_CT_PROTOCOL,
    **{
        f"ct {side} {name}": first + number
        for side, first in (("original", ops.FIELD_CT_ORIGINAL), ("reply", ops.FIELD_CT_REPLY))
        for name, number in (
            ("ip saddr", 0),
            ("ip6 saddr", 0),
            ("ip daddr", 1),
            ("ip6 daddr", 1),
            ("proto-src", 2),
            ("proto-dst", 3),
        )
    },
    **{
        f"ct {side}{name}": first + number
        for number, side in enumerate(("", "original ", "reply "))
        for name, first in (("packets", ops.FIELD_CT_PACKETS), ("bytes", ops.FIELD_CT_BYTES), ("avgpkt", ops.FIELD_CT_AVGPKT))
    },
    "ct original l3proto": ops.FIELD_CT_L3PROTO,
    "ct reply l3proto": ops.FIELD_CT_L3PROTO,
    "ct original protocol": ops.FIELD_CT_PROTOCOL,
    "ct reply protocol": ops.FIELD_CT_PROTOCOL,
    **{f"{name} sport": ops.FIELD_SPORT for name in ("tcp", "udp", "udplite", "sctp", "dccp")},
    **{f"{name} dport": ops.FIELD_DPORT for name in ("tcp", "udp", "udplite", "sctp", "dccp")},
}
_HEADERS = {
    "link": ops.FIELD_LINK,
    "network": ops.FIELD_NETWORK,
    "transport": ops.FIELD_TRANSPORT,
    "inner": ops.FIELD_INNER,
    "tag": ops.FIELD_TAG,
}


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


def load_of(key: Key, *, changed: Container[str] = ()) -> Load:
    """The load for a key. What no capture holds, and what no column or header holds, is a load whose answer is always unknown.

    ``changed`` are fields that rules overwrite.
    """
    selector = key.selector
    mask = None
    if key.mask is not None:
        mask = (key.mask >> 64 & _LOW, key.mask & _LOW, key.xor >> 64 & _LOW, key.xor & _LOW)
    proto = 0 if selector.proto is None else selector.proto + 1
    number = _COLUMNS.get(selector.text, _HEADERS.get(selector.base, ops.FIELD_UNKNOWN))
    if selector.text in changed:
        return Load(ops.FIELD_UNKNOWN, selector.l3, proto)
    if selector.base in ("fib", "rpfilter"):
        return _load_of_fib(selector, mask)
    if number == ops.FIELD_UNKNOWN:
        return _load_of_part(selector, proto, mask)
    reach = (selector.offset + selector.bits + 7) // 8
    if selector.base == "meta" and mask is None:
        reach = 0
    return Load(number, selector.l3, proto, selector.offset, selector.bits, reach, mask)


def _load_of_fib(selector: Selector, mask: tuple[int, int, int, int] | None) -> Load:
    """``fib saddr . iif oif``: the first bit says what is asked for."""
    *flags, result = selector.text.removeprefix("fib ").replace(" . ", " ").split()
    wanted = ops.FIB_RESULT_TYPE
    if result != "type":
        wanted = ops.FIB_RESULT_CHECK if selector.type_name == "boolean" else ops.FIB_RESULT_DEVICE
    for flag, bit in (("iif", ops.FIB_BY_IIF), ("oif", ops.FIB_BY_OIF), ("mark", ops.FIB_BY_MARK)):
        wanted |= bit if flag in flags else 0
    wanted |= ops.FIB_XTABLES if selector.base == "rpfilter" else 0
    field = ops.FIELD_FIB_SOURCE if "saddr" in flags else ops.FIELD_FIB_DESTINATION
    return Load(field, selector.l3, 0, wanted, selector.bits, 0, mask)


def is_interface(load: Load) -> bool:
    """Whether the value that is read is an interface."""
    if load.field in (ops.FIELD_FIB_SOURCE, ops.FIELD_FIB_DESTINATION):
        return load.offset & ops.FIB_RESULTS == ops.FIB_RESULT_DEVICE
    return load.field in (ops.FIELD_IIF, ops.FIELD_OIF)


def _load_of_part(selector: Selector, proto: int, mask: tuple[int, int, int, int] | None) -> Load:
    """TCP options and extension headers; else unknown."""
    words = selector.text.split()
    place: tuple[int, int] | None = None
    field, number = ops.FIELD_UNKNOWN, 0
    if selector.base == "tcpopt":
        field = ops.FIELD_OPTION
        number = int(words[2]) if words[2].isdecimal() else TCP_OPTION_NUMBERS[words[2]]
        place = option_place(words[2], words[3]) if len(words) > 3 else (0, 0)
    elif selector.base == "exthdr":
        asks = words[0] == "exthdr"
        field, number = ops.FIELD_EXTENSION, EXTENSION_NUMBERS[words[1] if asks else words[0]]
        place = (0, 0) if asks else extension_place(words[0], words[1])
    if place is None or field == ops.FIELD_UNKNOWN:
        return Load(ops.FIELD_UNKNOWN, selector.l3, proto)
    offset, bits = place
    return Load(field, selector.l3, proto, number << 16 | offset, bits, (offset + bits + 7) // 8, mask)
