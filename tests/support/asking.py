"""Packets that ask a ruleset about itself: made of the addresses, ports, protocols and types that its own rules name.

What a ruleset does not name is drawn from a few values of the documentation's, so that both sides of most matches are met. Conversations
are taken up at any point: first packets, answers, ends, and packets that fit no connection.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

from scenes import icmp, ip, sctp, tcp, udp

from pcapaudit.rules.model import Match, SetLiteral, SetRef, SetUpdate, VerdictMap

__all__ = ["asking", "capture_of"]

START_MS = 1_700_000_000_000
_V4 = [0x0A000005, 0x0A0000C8, 0xC0000201, 0xCB007107]
_V6 = [0xFD000000000000000000000000000005, 0x20010DB8000000000000000000000077]
_PORTS = [22, 53, 80, 443, 1024, 40000]
_FLAGS = ["S", "S", "S", "S.", ".", "P.", "F.", "R", "FPU", "SF", "R."]


def asking(ruleset, r, count):
    """``count`` packets for a ruleset; ``r``: random numbers."""
    known = _Values(ruleset)
    talks = []
    while count:
        if talks and r.random() < 0.6:
            talk = r.choice(talks[-12:])
        else:
            talk = known.talk(r)
            talks.append(talk)
        yield _summed(_packet(talk, r))
        count -= 1


class _Values:
    """What the rules name."""

    def __init__(self, ruleset):
        self.addresses = {4: list(_V4), 6: list(_V6)}
        self.ports, self.protocols = list(_PORTS), [6, 6, 6, 17, 17, 1, 58]
        self.types = {1: [0, 3, 8, 11, 13], 58: [1, 128, 129, 133, 135, 136]}
        for table in ruleset.tables:
            sets = {each.name: each for each in table.sets}
            for chain in table.chains:
                for rule in chain.rules:
                    for statement in rule.statements:
                        self._take(statement, sets)

    def _take(self, statement, sets):
        if not isinstance(statement, (Match, VerdictMap, SetUpdate)):
            return
        right = getattr(statement, "right", None)
        elements = right.elements if isinstance(right, SetLiteral) else sets[right.name].elements if isinstance(right, SetRef) else ()
        for element in elements[:50]:
            for key, (first, last) in zip(statement.keys, element.parts, strict=False):
                self._note(key.selector, first, last)

    def _note(self, selector, first, last):
        """One interval of a field: its ends, the middle, and what lies just outside."""
        values = {first, last, (first + last) // 2, first - 1, last + 1}
        text = selector.text
        if selector.type_name in ("ipv4_addr", "ipv6_addr") and selector.base in ("network", "ct"):
            version = 4 if selector.type_name == "ipv4_addr" else 6
            self.addresses[version] += [each for each in values if _is_usual(each, version)]
        elif selector.type_name == "inet_service":
            self.ports += [each for each in values if 0 < each < 65536]
        elif selector.type_name == "inet_proto":
            self.protocols += values & {1, 2, 6, 17, 33, 47, 50, 58, 132, 136}
        elif text in ("icmp type", "icmpv6 type"):
            self.types[1 if text == "icmp type" else 58] += [each for each in values if 0 <= each < 256]

    def talk(self, r):
        """Two ends and a protocol."""
        version = 6 if r.random() < 0.3 else 4
        ends = r.sample(sorted(set(self.addresses[version])), 2)
        kind = r.choice(self.protocols)
        kind = {1: 58, 58: 58}.get(kind, kind) if version == 6 else {58: 1}.get(kind, kind)
        text = [str((IPv4Address if version == 4 else IPv6Address)(each)) for each in ends]
        return text, [r.choice(_PORTS[-2:]), r.choice(self.ports)], kind, r.choice(self.types.get(kind, [0]))


def _is_usual(address, version):
    """An address that routing lets through as source and as destination."""
    if version == 4:
        first = address >> 24
        return 0 < first < 224 and first != 127 and 0 < address & 0xFF < 255
    top = address >> 112
    return address > 0 and top and top >> 8 != 0xFF and top & 0xFFC0 != 0xFE80 and address < 1 << 128


def _packet(talk, r):
    """A packet of a talk, in either direction."""
    (one, other), (sport, dport), kind, icmp_type = talk
    if r.random() < 0.35:
        one, other, sport, dport = other, one, dport, sport
    if kind == 6:
        return tcp(
            f"{_end(one)}:{sport}",
            f"{_end(other)}:{dport}",
            r.choice(_FLAGS),
            r.choice([1, 2, r.getrandbits(32)]),
            1,
            data=r.choice([0, 0, 20]),
        )
    if kind == 17:
        return udp(f"{_end(one)}:{sport}", f"{_end(other)}:{dport}", bytes(r.choice([1, 20, 200])))
    if kind in (1, 58):
        return icmp(one, other, icmp_type, r.choice([0, 0, 0, 3, 4]), ident=sport & 7, data=bytes(8))
    if kind == 132:
        return sctp(f"{_end(one)}:{sport}", f"{_end(other)}:{dport}", 0, (1, bytes(16), 0))
    return ip(one, other, kind, bytes(24))


def _end(address):
    return f"[{address}]" if ":" in address else address


def _summed(packet):
    """The packet with a right TCP checksum: the kernel answers no other with a reset."""
    six = packet[0] >> 4 == 6
    at, proto = (40, packet[6]) if six else (20, packet[9])
    if proto != 6:
        return packet
    body = packet[at:]
    total = sum(struct.unpack(f"!{(at - (8 if six else 12)) // 2}H", packet[8 if six else 12 : at])) + proto + len(body)
    padded = body + bytes(len(body) % 2)
    total += sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return packet[: at + 16] + struct.pack("!H", ~total & 0xFFFF) + packet[at + 18 :]


def capture_of(packets, r):
    """A pcap file of IP packets, a few milliseconds to a few seconds apart."""
    now, records = START_MS, [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for packet in packets:
        now += r.choice([1, 3, 20, 200, 1500])
        # Not on whole milliseconds: the kernel's clock is a microsecond late.
        records.append(struct.pack("<IIII", now // 1000, now % 1000 * 1000 + r.randrange(100, 900), len(packet), len(packet)) + packet)
    return b"".join(records)
