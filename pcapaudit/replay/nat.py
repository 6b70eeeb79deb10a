"""What a NAT statement makes of a connection's first packet, as Linux's nf_nat decides it.

The address is the one given; of a range, one that a hash of the packet's addresses picks (Jenkins' hash, so that it is known). The port
stays as it is where the statement allows it and no other connection's replies would come to it; else destination NAT takes the first free
one of the range, and source NAT one by chance, which nobody can know. ``random`` leaves every port to chance. A source that another
connection has translated already gets the same again, where the statement allows that (find_appropriate_src in nf_nat_core.c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pcapaudit.core.consts import PROTO_DCCP, PROTO_ICMP, PROTO_ICMPV6, PROTO_SCTP, PROTO_TCP, PROTO_UDP, PROTO_UDPLITE
from pcapaudit.rules.program import NatPlan

__all__ = ["CHANGEABLE", "Packet", "Translation", "translate"]

_WITH_PORTS = frozenset({PROTO_TCP, PROTO_UDP, PROTO_UDPLITE, PROTO_SCTP, PROTO_DCCP})
_ICMP = frozenset({PROTO_ICMP, PROTO_ICMPV6})
#: Protocols of which the kernel changes a port, or the identifier, where a tuple is in use.
CHANGEABLE = _WITH_PORTS | _ICMP
#: Ports that destination NAT tries, as the kernel does (NF_NAT_MAX_ATTEMPTS).
_MOST_TRIES = 128
_M32 = 0xFFFFFFFF
#: Bounds of an address of the firewall that nobody told us.
_NOT_KNOWN = (-1, -1)


class Packet(NamedTuple):
    """A tuple as numbers. (A named tuple is made in half the time of a dataclass, once for each connection.)"""

    #: 4 or 6.
    l3: int
    proto: int
    source: int
    target: int
    #: Ports; for ICMP the identifier and 0.
    sport: int
    dport: int


class Translation(NamedTuple):
    """A new source or destination; None where it is not known."""

    address: int | None
    port: int | None


Taken = Callable[[Packet], bool]


def translate(
    plan: NatPlan, kept: tuple[int, int], packet: Packet, own: int | None, taken: Taken, earlier: Iterable[Translation] = ()
) -> Translation:
    """The packet's new source (``snat``, ``masquerade``) or destination (``dnat``, ``redirect``).

    ``kept`` is what the evaluator kept of the statement's maps or expressions, for the address and for the port; ``own`` is the address of
    the firewall that masquerade and redirect take, if it is known; ``taken`` says whether another connection uses a leaving tuple;
    ``earlier`` are the sources that connections from the same address and port have got, the newest first.
    """
    is_source = plan.statement.kind in ("snat", "masquerade")
    old, old_port = (packet.source, packet.sport) if is_source else (packet.target, packet.dport)
    addresses, ports = _wanted(plan, kept, own)
    chance = not {"random", "fully-random"}.isdisjoint(plan.statement.flags)

    def made(address: int, port: int) -> Packet:
        l3, proto, source, target, sport, dport = packet
        return Packet(l3, proto, address, target, port, dport) if is_source else Packet(l3, proto, source, address, sport, port)

    if addresses == _NOT_KNOWN:
        return Translation(None, old_port if not chance and ports is None else _only(ports))
    if plan.statement.of_prefix and addresses is not None:
        hosts = addresses[0] ^ addresses[1]
        addresses = (addresses[0] & ~hosts | old & hosts,) * 2
    if is_source and not chance:
        again: Translation | None = Translation(old, old_port)
        if not (_within(old, addresses) and _within(old_port, ports)):
            again = next((each for each in earlier if _allowed(each, addresses, ports)), None)
        if again is not None and (again.address is None or again.port is None or not taken(made(again.address, again.port))):
            return again
    address = old if addresses is None else _pick(addresses, packet, "persistent" in plan.statement.flags)
    if packet.proto not in _WITH_PORTS and packet.proto not in _ICMP:
        return Translation(address, old_port)
    return Translation(address, _port(packet, old_port, ports, (is_source, chance), lambda port: taken(made(address, port))))


def _port(packet: Packet, old: int, ports: tuple[int, int] | None, how: tuple[bool, bool], used: Callable[[int], bool]) -> int | None:
    """The new port, None if chance picks it."""
    is_source, chance = how
    if packet.proto in _ICMP and not is_source:
        ports = None
    if not chance and ports is not None and _within(old, ports) and (ports[0] == ports[1] or not used(old)):
        return old
    if ports is None:
        # Destination NAT without ports never changes one.
        return old if not is_source or (not chance and not used(old)) else None
    if ports[0] == ports[1]:
        return ports[0]
    if is_source or chance:
        return None
    low, high = min(ports), max(ports)
    return next((port for port in range(low, min(high + 1, low + _MOST_TRIES)) if not used(port)), None)


def _wanted(plan: NatPlan, kept: tuple[int, int], own: int | None) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Bounds of the new address and of the new port; None where the statement says nothing, _NOT_KNOWN for a hidden address."""
    kind = plan.statement.kind
    ports = _bounds(plan.ports, kept[1], 0)
    if plan.reads_port:
        ports = (kept[1], kept[1])
    if kind in ("masquerade", "redirect"):
        return (own, own) if own is not None else _NOT_KNOWN, ports
    if plan.reads_address:
        return (kept[0], kept[0]), ports
    return _bounds(plan.addresses, kept[0], 0), ports or _bounds(plan.addresses, kept[0], 1)


def _bounds(choices: tuple[tuple[tuple[int, int], ...], ...], number: int, part: int) -> tuple[int, int] | None:
    if not choices:
        return None
    chosen = choices[number if number < len(choices) else 0]
    return chosen[part] if part < len(chosen) else None


def _allowed(found: Translation, addresses: tuple[int, int] | None, ports: tuple[int, int] | None) -> bool:
    """Whether a statement may give what another connection has got; what is not known of it may be allowed."""
    return (found.address is None or _within(found.address, addresses)) and (found.port is None or _within(found.port, ports))


def _within(value: int, bounds: tuple[int, int] | None) -> bool:
    return bounds is None or bounds[0] <= value <= bounds[1]


def _only(bounds: tuple[int, int] | None) -> int | None:
    return bounds[0] if bounds is not None and bounds[0] == bounds[1] else None


def _pick(bounds: tuple[int, int], packet: Packet, persistent: bool) -> int:
    """The address of a range that a packet gets: a hash of its source, and but for ``persistent`` of its destination."""
    if bounds[0] == bounds[1]:
        return bounds[0]
    target = _words(packet.target, packet.l3)
    number = _jenkins(_words(packet.source, packet.l3), 0 if persistent else target[len(target) - 1 if packet.l3 == 6 else 0])
    low, high = _plain(bounds[0], packet.l3), _plain(bounds[1], packet.l3)
    found, full = 0, False
    for place, (first, last) in enumerate(zip(low, high, strict=True)):
        least, span = (0, _M32) if full else (first, (last - first + 1) & _M32)
        word = least + (number * span >> 32) & _M32
        full = full or word != last
        found = found << 32 | word
        if not persistent:
            number ^= target[place]
    return found


def _plain(address: int, l3: int) -> list[int]:
    """An address in words of 32 bits."""
    return [address] if l3 == 4 else [address >> shift & _M32 for shift in (96, 64, 32, 0)]


def _words(address: int, l3: int) -> list[int]:
    """The same as a little-endian processor reads them; the kernel hashes four words, of which IPv4 fills the first."""
    words = [int.from_bytes(word.to_bytes(4, "big"), "little") for word in _plain(address, l3)]
    return words if l3 == 6 else [*words, 0, 0, 0]


def _jenkins(words: list[int], start: int) -> int:
    """Bob Jenkins' lookup3 over 32-bit words (public domain, 2006)."""
    a = b = c = (0xDEADBEEF + (len(words) << 2) + start) & _M32
    rest = list(words)
    while len(rest) > 3:
        a, b, c = (a + rest[0]) & _M32, (b + rest[1]) & _M32, (c + rest[2]) & _M32
        a, b, c = _mix(a, b, c)
        rest = rest[3:]
    for place, word in enumerate(rest):
        if place == 0:
            a = (a + word) & _M32
        elif place == 1:
            b = (b + word) & _M32
        else:
            c = (c + word) & _M32
    # Each step changes one word by the one before it: c by b, a by c, b by a, and so on.
    for turn in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _turn(b, turn)) & _M32
        a, b, c = b, c, a
    return b


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for turn in (4, 6, 8, 16, 19, 4):
        a = ((a - c) ^ _turn(c, turn)) & _M32
        c = (c + b) & _M32
        a, b, c = b, c, a
    return a, b, c


def _turn(word: int, by: int) -> int:
    return (word << by | word >> (32 - by)) & _M32
