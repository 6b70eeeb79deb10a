"""Watches what the kernel makes of each packet: where it came by, what conntrack called it, and the entry it left behind.

An nftables table of our own logs every packet to NFLOG at five points of its way; the texts of the log say which point, and at the
second one the ct state and direction:

    prerouting, first       P   the packet passed the checks of the IP layer
    prerouting, -190        C   conntrack has seen it (it does so at -200, after reassembly at -400)
    prerouting, last        R   the rules at prerouting let it through
    hook of the rules, first I  the packet was routed there
    hook of the rules, last A   the rules let it through

A packet written to a TUN device is through with all of it when ``write`` returns, so that the log waits on the socket then.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from pcapaudit.core import consts
from pcapaudit.kernel.netlink import NetfilterSocket, attribute, attributes, nested

__all__ = ["Entry", "Observation", "Observer", "Tuple", "observer_table"]

_GROUP = 5
#: linux/netfilter/nfnetlink.h, nfnetlink_log.h, nfnetlink_conntrack.h
_LOG_PACKET, _LOG_CONFIG = 4 << 8, 4 << 8 | 1
_CT_NEW, _CT_GET = 1 << 8, 1 << 8 | 1
_CFG_CMD, _CFG_MODE, _CFG_QTHRESH, _CMD_BIND, _COPY_META = 1, 2, 5, 1, 1
_LOG_PREFIX = 10
_CTA_TUPLE_ORIG, _CTA_STATUS, _CTA_PROTOINFO, _CTA_TIMEOUT = 1, 3, 4, 7
_TUPLE_IP, _TUPLE_PROTO, _PROTO_NUM, _PROTO_SPORT, _PROTO_DPORT = 1, 2, 1, 2, 3
_PROTOINFO_TCP, _PROTOINFO_DCCP, _PROTOINFO_SCTP, _PROTO_STATE = 1, 2, 3, 1

_STATES = {
    "i": consts.CT_INVALID,
    "u": consts.CT_UNTRACKED,
    "n": consts.CT_NEW,
    "e": consts.CT_ESTABLISHED,
    "r": consts.CT_RELATED,
}
_WAYS = {"o": consts.DIR_ORIGINAL, "r": consts.DIR_REPLY, "": consts.DIR_NONE}


@dataclass(frozen=True, slots=True)
class Tuple:
    """What conntrack finds the entry of a packet by."""

    #: 4 or 6.
    l3: int
    #: Transport protocol.
    proto: int
    #: Addresses, packed.
    source: bytes
    target: bytes
    #: Ports; of ICMP: the identifier, and 256 * type + code.
    sport: int
    dport: int

    def encode(self) -> bytes:
        """As a netlink attribute."""
        first = 1 if self.l3 == 4 else 3
        parts = [attribute(_PROTO_NUM, bytes([self.proto]))]
        if self.proto in {consts.PROTO_ICMP, consts.PROTO_ICMPV6}:
            number = 4 if self.proto == consts.PROTO_ICMP else 7
            kind, code = divmod(self.dport, 256)
            parts.append(attribute(number, struct.pack("!H", self.sport)))
            parts += [attribute(number + 1, bytes([kind])), attribute(number + 2, bytes([code]))]
        else:
            parts += [attribute(_PROTO_SPORT, struct.pack("!H", self.sport)), attribute(_PROTO_DPORT, struct.pack("!H", self.dport))]
        addresses = nested(_TUPLE_IP, attribute(first, self.source), attribute(first + 1, self.target))
        return nested(_CTA_TUPLE_ORIG, addresses, nested(_TUPLE_PROTO, *parts))


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the kernel's table."""

    #: IPS_ bits.
    status: int
    #: TCP, SCTP or DCCP state; 0 for other protocols.
    state: int
    #: Time left, whole seconds.
    seconds: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What the kernel made of one packet."""

    #: Letters of the points that it passed.
    points: str
    #: CT_ and DIR_ as the rules saw them.
    ct_state: int
    direction: int
    #: The entry of its tuple afterwards; None if there is none.
    entry: Entry | None
    #: Whether its tuple was known, and the entry asked for.
    asked: bool = True


def observer_table(hook: str) -> str:
    """The table that logs; ``hook`` is where the rules stand. What the kernel itself wants to send ends there before conntrack sees it."""
    states = "\n".join(
        f'    ct state {name} ct direction {way} log prefix "C{name[0]}{way[0]}" group {_GROUP} return'
        for name in ("new", "established", "related")
        for way in ("original", "reply")
    )
    points = "\n".join(
        f'  chain {name} {{ type filter hook {at} priority {priority}; policy accept; log prefix "{letter}" group {_GROUP}; }}'
        for name, at, priority, letter in (
            ("seen", "prerouting", -2000000000, "P"),
            ("passed", "prerouting", 2147483600, "R"),
            ("before", hook, -2000000000, "I"),
            ("after", hook, 2147483600, "A"),
        )
    )
    return f"""table inet pcapaudit_observer {{
{points}
  chain tracked {{
    type filter hook prerouting priority -190; policy accept;
{states}
    ct state invalid log prefix "Ci" group {_GROUP} return
    ct state untracked log prefix "Cu" group {_GROUP} return
  }}
  chain silence {{ type filter hook output priority -2000000000; policy drop; }}
}}
"""


class Observer:
    """Reads the log and asks for entries; made inside the sandbox, after its table."""

    def __init__(self) -> None:
        self._netlink = NetfilterSocket()
        settings = (
            attribute(_CFG_CMD, bytes([_CMD_BIND])),
            attribute(_CFG_MODE, struct.pack("!IBB", 0, _COPY_META, 0)),
            attribute(_CFG_QTHRESH, struct.pack("!I", 1)),
        )
        try:
            for setting in settings:
                self._netlink.command(_LOG_CONFIG, socket.AF_UNSPEC, setting, _GROUP)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Stop to listen."""
        self._netlink.close()

    def forget(self) -> None:
        """Throw away what waits."""
        for _ in self._netlink.drain():
            pass

    def observe(self, wanted: Tuple | None) -> Observation:
        """What the log holds since the last call, and the entry of a tuple as it is now. Raises OSError."""
        asked = 0
        if wanted is not None:
            asked = self._netlink.send(_CT_GET, 0, socket.AF_INET if wanted.l3 == 4 else socket.AF_INET6, wanted.encode())
        points, state, way, entry = "", consts.CT_NONE, consts.DIR_NONE, None
        for each in self._netlink.drain():
            if each.kind == _LOG_PACKET:
                text = each.values.get(_LOG_PREFIX, b"").rstrip(b"\0").decode("ascii", "replace")
                points += text[:1]
                if text[:1] == "C":
                    state, way = _STATES[text[1]], _WAYS[text[2:]]
            elif each.kind == _CT_NEW and each.sequence == asked:
                entry = _entry(each.values)
        return Observation(points, state, way, entry, wanted is not None)


def _entry(values: dict[int, bytes]) -> Entry:
    """The parts of an entry that are compared."""
    protocols = attributes(values.get(_CTA_PROTOINFO, b""))
    inner = attributes(next((protocols[each] for each in (_PROTOINFO_TCP, _PROTOINFO_SCTP, _PROTOINFO_DCCP) if each in protocols), b""))
    return Entry(_number(values.get(_CTA_STATUS)), _number(inner.get(_PROTO_STATE)), _number(values.get(_CTA_TIMEOUT)))


def _number(value: bytes | None) -> int:
    return int.from_bytes(value or b"", "big")
