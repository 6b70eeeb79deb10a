"""Trials of a filter: what a requirement asks, put as packets to a ruleset. One function a trial; ``PROBES`` names them.

A trial answers with ``Tried``, or raises ``NotTried`` with the reason why there is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pcapaudit.core import consts
from pcapaudit.regress.standards.bench import Bench, NotTried, World
from pcapaudit.regress.standards.packets import ACK, FIN, RST, SYN, Header, fragments, icmp_error, packet, sctp, tcp, transport, udp
from pcapaudit.regress.standards.talks import PROTOCOLS, Talk, ends_for, open_talk, proto_name
from pcapaudit.regress.standards.tried import Tried

__all__ = ["PROBES", "Probe"]

Probe = Callable[[World, Mapping[str, Any]], Tried]
_NS = 1_000_000_000
#: Errors about a flow by IP version: destination unreachable (host, no route) and packet too big.
_ERRORS = {4: ((3, 1), (3, 4)), 6: ((1, 0), (2, 0))}
_ICMP_OF = {4: consts.PROTO_ICMP, 6: consts.PROTO_ICMPV6}


def _proto(given: Mapping[str, Any]) -> int:
    name = given.get("proto", "udp")
    return _ICMP_OF[_version(given)] if name == "icmp" else PROTOCOLS[name]


def _version(given: Mapping[str, Any]) -> int:
    return int(given.get("ip", 4))


def _open(world: World, given: Mapping[str, Any]) -> Talk:
    """A flow that is open. Raises NotTried."""
    talk = open_talk(world, _proto(given), _version(given))
    talk.establish()
    return talk


# Flows ----------------------------------------------------------------------------------------------------------------------------


def _flow(world: World, given: Mapping[str, Any]) -> Tried:
    """A flow from inside to outside is opened, answered, talks and, if it is TCP, closes."""
    talk = open_talk(world, _proto(given), _version(given))
    traces = talk.establish()
    if talk.proto == consts.PROTO_TCP:
        ports, turned = talk.ports, (talk.ports[1], talk.ports[0])
        for body, back in (
            (tcp(ports, FIN | ACK, (1005, 5005)), False),
            (tcp(turned, ACK, (5005, 1006), b"more"), True),
            (tcp(ports, ACK, (1006, 5009)), False),
            (tcp(turned, FIN | ACK, (5009, 1006)), True),
            (tcp(ports, ACK, (1006, 5010)), False),
        ):
            ends = (talk.outside, talk.inside) if back else (talk.inside, talk.outside)
            traces.append(talk.bench.send(packet(*ends, talk.proto, body)))
    for number, trace in enumerate(traces, 1):
        if not talk.bench.accepted(trace):
            return Tried(False, f"{talk}: packet {number} of {len(traces)}: {talk.bench.told(trace)}")
    return Tried(True, f"{talk}: all {len(traces)} packets of the flow accept, the answers{talk.bench.by(traces[1])}")


def _simultaneous_open(world: World, given: Mapping[str, Any]) -> Tried:
    """Both sides open at once, the inside a moment earlier."""
    talk = open_talk(world, _proto(given), _version(given))
    ports, turned = talk.ports, (talk.ports[1], talk.ports[0])
    if talk.proto == consts.PROTO_SCTP:
        steps = [
            (sctp(turned, "init", is_reply=True), True),
            (sctp(turned, "init-ack", is_reply=True), True),
            (sctp(ports, "cookie-echo", is_reply=False), False),
            (sctp(turned, "cookie-ack", is_reply=True), True),
        ]
    else:
        steps = [
            (tcp(turned, SYN, (5000, 0)), True),
            (tcp(ports, SYN | ACK, (1000, 5001)), False),
            (tcp(turned, SYN | ACK, (5000, 1001)), True),
            (tcp(ports, ACK, (1001, 5001), b"data"), False),
            (tcp(turned, ACK, (5001, 1005), b"data"), True),
        ]
    talk.open()
    for number, (body, back) in enumerate(steps, 2):
        ends = (talk.outside, talk.inside) if back else (talk.inside, talk.outside)
        trace = talk.bench.send(packet(*ends, talk.proto, body))
        if not talk.bench.accepted(trace):
            return Tried(False, f"{talk}, opened from both sides: packet {number}: {talk.bench.told(trace)}")
    return Tried(True, f"{talk}, opened from both sides: all {len(steps) + 1} packets accept")


def _crossed_open(world: World, given: Mapping[str, Any]) -> Tried:
    """A SYN from outside is refused; the inside then opens the same connection itself, which must be as if nothing had been."""
    talk = open_talk(world, consts.PROTO_TCP, _version(given))
    ports, turned = talk.ports, (talk.ports[1], talk.ports[0])
    bench = talk.bench
    first = bench.send(packet(talk.outside, talk.inside, talk.proto, tcp(turned, SYN, (5000, 0))))
    if bench.accepted(first):
        raise NotTried(f"the rules let others open this connection{bench.by(first)}")
    if first.verdict["verdict"] == consts.VERDICT_REJECT:
        return Tried(False, f"SYN from outside for {talk}: {bench.told(first)}, before the inside could have opened it")
    second = bench.send(talk.first, 2.0)
    third = bench.send(packet(talk.outside, talk.inside, talk.proto, tcp(turned, SYN | ACK, (5000, 1001))))
    fourth = bench.send(packet(talk.inside, talk.outside, talk.proto, tcp(ports, ACK, (1001, 5001))))
    if all(map(bench.accepted, (second, third, fourth))):
        return Tried(True, f"SYN from outside drop{bench.by(first)}, and 2 s later {talk} opens as ever")
    return Tried(False, f"{talk}, 2 s after a SYN from outside: {', '.join(map(bench.told, (second, third, fourth)))}")


def _unsolicited(world: World, given: Mapping[str, Any]) -> Tried:
    """What becomes of a stranger's opening packet: ``answer`` says whether it has to be answered after a while (6 s)."""
    version, proto = _version(given), _proto(given)
    ends = ends_for(world, version)
    bench, ports = Bench(world), (40077, 40078)
    trace = bench.send(packet(ends.outside, ends.inside, proto, transport(proto, ports)))
    told = f"unasked {proto_name(proto)} {ends.outside} > {ends.inside}:40078: {bench.told(trace)}"
    if bench.accepted(trace):
        raise NotTried(f"{told}: the rules let it in, it is not unsolicited")
    if trace.verdict["verdict"] == consts.VERDICT_REJECT:
        return Tried(False, f"{told}, answered at once")
    return Tried(not given.get("answer"), f"{told}, in silence{' and for good' if given.get('answer') else ''}")


def _inbound(world: World, given: Mapping[str, Any]) -> Tried:
    """Packets of a protocol pass in both directions, whoever sends first; ``inner``: behind this extension header."""
    version, proto = _version(given), _proto(given)
    ends, ports = ends_for(world, version), (given.get("port", 40077), given.get("port", 40078))
    headers: tuple[Header, ...] = ()
    if proto == consts.PROTO_AH:
        # Length in words beyond two, reserved, index, sequence number, 12 bytes of check value; transport mode.
        headers, proto = (Header(consts.PROTO_AH, bytes((4, 0, 0)) + bytes(3) + bytes((7,)) + bytes(16)),), consts.PROTO_UDP
    said, holds = [], True
    for source, target, way in ((ends.outside, ends.inside, "in"), (ends.inside, ends.outside, "out")):
        bench = Bench(world)
        trace = bench.send(packet(source, target, proto, transport(proto, ports), headers))
        holds = bench.accepted(trace) and holds
        said.append(f"{way}: {bench.told(trace)}")
    name = "ah" if headers else f"{proto_name(proto)}{f' port {ports[1]}' if 'port' in given else ''}"
    return Tried(holds, f"unasked {name} {', '.join(said)}")


def _filtering(world: World, given: Mapping[str, Any]) -> Tried:
    """Who else may answer: another port of the peer, another host. Endpoint-independent and address-dependent filters pass."""
    talk = _open(world, given)
    ends = ends_for(world, talk.version)
    stranger = ends.outside2 if talk.outside != ends.outside2 else ends.outside
    ported = talk.proto in (consts.PROTO_UDP, consts.PROTO_TCP, consts.PROTO_UDPLITE)
    traces = []
    for source, port in ((talk.outside, 41999), (stranger, 41999)):
        body = transport(talk.proto, (port, talk.ports[0]) if ported else (port, 1))
        traces.append(talk.bench.send(packet(source, talk.inside, talk.proto, body)))
    other_port, other_host = map(talk.bench.accepted, traces)
    if not ported:
        kind = "endpoint-independent" if other_host else "address-dependent"
        return Tried(True, f"{talk}: filtering is {kind}: another host: {talk.bench.told(traces[1])}")
    kind = "endpoint-independent" if other_host else "address-dependent" if other_port else "address-and-port-dependent"
    told = f"the peer's other port: {talk.bench.told(traces[0])}, another host: {talk.bench.told(traces[1])}"
    return Tried(other_host or other_port, f"{talk}: filtering is {kind}: {told}")


# ICMP errors ----------------------------------------------------------------------------------------------------------------------


def _error_passes(world: World, given: Mapping[str, Any]) -> Tried:
    """Errors about an open flow reach who sent the packet; ``unrelated``: from a router that nobody has heard of."""
    talk = _open(world, given)
    ends = ends_for(world, talk.version)
    said, holds = [], True
    for kind in given.get("types", _ERRORS[talk.version]):
        trace = talk.bench.send(packet(ends.router, talk.inside, _ICMP_OF[talk.version], icmp_error(tuple(kind), talk.first)))
        holds = talk.bench.accepted(trace) and holds
        said.append(f"{kind[0]}/{kind[1]}: {talk.bench.told(trace)}")
    return Tried(holds, f"{talk}: ICMP {', '.join(said)}")


def _error_from_inside(world: World, given: Mapping[str, Any]) -> Tried:
    """An error by an inner host about a packet that came in for it leaves."""
    talk = _open(world, given)
    trace = talk.bench.send(packet(talk.inside, talk.outside, _ICMP_OF[talk.version], icmp_error(_ERRORS[talk.version][0], talk.answer())))
    return Tried(talk.bench.accepted(trace), f"{talk}: ICMP error from inside about its answer: {talk.bench.told(trace)}")


def _error_keeps(world: World, given: Mapping[str, Any]) -> Tried:
    """An error ends no flow: answers still pass behind it, as part of the same flow."""
    talk = _open(world, given)
    ends = ends_for(world, talk.version)
    before = talk.bench.send(talk.last()).after
    for kind in _ERRORS[talk.version]:
        talk.bench.send(packet(ends.router, talk.inside, _ICMP_OF[talk.version], icmp_error(kind, talk.first)))
    trace = talk.bench.send(talk.last(), 1.0)
    same = before is not None and trace.after is not None and before.flow == trace.after.flow
    return Tried(
        talk.bench.accepted(trace) and same,
        f"{talk}: answer after two ICMP errors: {talk.bench.told(trace)}, the {'same' if same else 'no'} entry",
    )


def _error_refreshes_not(world: World, given: Mapping[str, Any]) -> Tried:
    """An error neither lengthens nor ends the life of the flow that it is about; ``inside``: one that the inside sends."""
    talk = _open(world, given)
    ends, icmp = ends_for(world, talk.version), _ICMP_OF[talk.version]
    kept = talk.bench.send(talk.last())
    if given.get("inside"):
        data = packet(talk.inside, talk.outside, icmp, icmp_error(_ERRORS[talk.version][0], talk.answer()))
    else:
        data = packet(ends.router, talk.inside, icmp, icmp_error(_ERRORS[talk.version][0], talk.first))
    if kept.after is None:
        raise NotTried(f"{talk}: no entry was made{talk.bench.by(kept)}")
    trace = talk.bench.send(data, 10.0)
    left = trace.after.left_ns / _NS if trace.after is not None and trace.after.flow == kept.after.flow else 0.0
    wanted = kept.after.left_ns / _NS - 10
    told = f"{talk}: {kept.after.left_ns / _NS:.0f} s left, ICMP error 10 s later ({talk.bench.told(trace)}): {left:.0f} s left"
    return Tried(abs(left - wanted) < 0.5, told)


def _error_unknown(world: World, given: Mapping[str, Any]) -> Tried:
    """An error about a flow that nobody knows is dropped without a word; ``inside``: one from there."""
    version = _version(given)
    ends, bench, proto = ends_for(world, version), Bench(world), _proto(given)
    if given.get("inside"):
        quoted = packet(ends.outside, ends.inside, proto, transport(proto, (40079, 40080)))
        source, target = ends.inside, ends.outside
    else:
        quoted = packet(ends.inside, ends.outside, proto, transport(proto, (40079, 40080)))
        source, target = ends.router, ends.inside
    said, holds = [], True
    for kind in _ERRORS[version]:
        trace = bench.send(packet(source, target, _ICMP_OF[version], icmp_error(kind, quoted)))
        holds = not bench.accepted(trace) and trace.verdict["verdict"] == consts.VERDICT_DROP and holds
        said.append(f"{kind[0]}/{kind[1]}: {bench.told(trace)}")
    return Tried(holds, f"ICMP {', '.join(said)} about a flow that there is not")


def _error_checksum(world: World, _given: Mapping[str, Any]) -> Tried:
    """An error whose own checksum is wrong is dropped."""
    talk = open_talk(world, consts.PROTO_UDP, 4, checksum="verify")
    talk.establish()
    ends = ends_for(world, 4)
    trace = talk.bench.send(packet(ends.router, talk.inside, consts.PROTO_ICMP, icmp_error((3, 1), talk.first, wrong_checksum=True)))
    return Tried(not talk.bench.accepted(trace), f"{talk}: ICMP 3/1 with a wrong checksum: {talk.bench.told(trace)}")


def _error_options(world: World, _given: Mapping[str, Any]) -> Tried:
    """An error about a packet with IP options finds its flow."""
    talk = _open(world, {"proto": "udp", "ip": 4})
    ends = ends_for(world, 4)
    # Router alert.
    quoted = packet(talk.inside, talk.outside, talk.proto, udp(talk.ports, b"data"), options=bytes((148, 4, 0, 0)))
    trace = talk.bench.send(packet(ends.router, talk.inside, consts.PROTO_ICMP, icmp_error((3, 1), quoted)))
    return Tried(talk.bench.accepted(trace), f"{talk}: ICMP 3/1 about a packet with IP options: {talk.bench.told(trace)}")


def _error_inner_checksum(world: World, _given: Mapping[str, Any]) -> Tried:
    """An error that quotes a packet whose IP checksum is wrong is dropped."""
    talk = _open(world, {"proto": "udp", "ip": 4})
    ends = ends_for(world, 4)
    quoted = talk.first[:10] + bytes((talk.first[10] ^ 0x55,)) + talk.first[11:]
    trace = talk.bench.send(packet(ends.router, talk.inside, consts.PROTO_ICMP, icmp_error((3, 1), quoted)))
    return Tried(not talk.bench.accepted(trace), f"{talk}: ICMP 3/1 that quotes a wrong IP checksum: {talk.bench.told(trace)}")


# Timers and TCP -------------------------------------------------------------------------------------------------------------------


def _refresh_out(world: World, given: Mapping[str, Any]) -> Tried:
    """A packet from inside starts the timer anew."""
    talk = _open(world, given)
    before = talk.bench.send(talk.first)
    trace = talk.bench.send(talk.first, 10.0)
    if before.after is None or trace.after is None:
        raise NotTried(f"{talk}: no entry was made{talk.bench.by(trace)}")
    told = f"{talk}: {trace.after.left_ns / _NS:.0f} of {trace.after.timer_ns / _NS:.0f} s left after a packet from inside 10 s later"
    return Tried(trace.after.left_ns >= before.after.left_ns, told)


def _reset(world: World, given: Mapping[str, Any]) -> Tried:
    """A RST passes, and the state is kept for ``keep`` seconds behind it; without that: whether it passes."""
    talk = _open(world, {"proto": "tcp", "ip": _version(given)})
    turned = (talk.ports[1], talk.ports[0])
    trace = talk.bench.send(packet(talk.outside, talk.inside, talk.proto, tcp(turned, RST | ACK, (5005, 1005))))
    left = trace.after.left_ns / _NS if trace.after else 0
    keep = given.get("keep", 0)
    return Tried(talk.bench.accepted(trace) and left >= keep, f"{talk}: RST {talk.bench.told(trace)}, state kept for {left:.0f} s")


def _reset_out_of_window(world: World, given: Mapping[str, Any]) -> Tried:
    """A RST with a sequence number far outside the window does not end the connection."""
    talk = _open(world, {"proto": "tcp", "ip": _version(given)})
    turned = (talk.ports[1], talk.ports[0])
    trace = talk.bench.send(packet(talk.outside, talk.inside, talk.proto, tcp(turned, RST, (900_000_000, 0))))
    later = talk.bench.send(talk.last(), 30.0)
    told = f"{talk}: RST far outside the window {talk.bench.told(trace)}, data 30 s later {talk.bench.told(later)}"
    return Tried(not talk.bench.accepted(trace) and talk.bench.accepted(later), told)


def _window_unknown(world: World, given: Mapping[str, Any]) -> Tried:
    """A connection whose handshake was not seen is not held to a window: data far beyond an unscaled window still passes."""
    talk = open_talk(world, consts.PROTO_TCP, _version(given))
    ports, turned, bench = talk.ports, (talk.ports[1], talk.ports[0]), talk.bench
    first = bench.send(packet(talk.inside, talk.outside, talk.proto, tcp(ports, ACK, (1001, 5001), b"data", 1000)))
    if not bench.accepted(first):
        raise NotTried(f"no connection is taken up in its middle: {bench.told(first)}")
    bench.send(packet(talk.outside, talk.inside, talk.proto, tcp(turned, ACK, (5001, 1005), b"data", 1000)))
    trace = bench.send(packet(talk.outside, talk.inside, talk.proto, tcp(turned, ACK, (305_001, 1005), b"data", 1000)))
    return Tried(bench.accepted(trace), f"{talk}, handshake not seen: data 300 000 bytes beyond the unscaled window: {bench.told(trace)}")


# Other protocols ------------------------------------------------------------------------------------------------------------------


def _fragmented(world: World, given: Mapping[str, Any]) -> Tried:
    """The parts of a datagram pass, the last part first."""
    talk = _open(world, given)
    whole = packet(talk.inside, talk.outside, talk.proto, udp(talk.ports, bytes(64)))
    first, second = fragments(whole, 40)
    talk.bench.send(second)
    trace = talk.bench.send(first)
    told = f"{talk}: a datagram whose second part comes first: {talk.bench.told(trace)}"
    return Tried(trace.reassembled and talk.bench.accepted(trace), told if trace.reassembled else f"{told}, not made whole")


def _udplite_apart(world: World, given: Mapping[str, Any]) -> Tried:
    """UDP-Lite flows are handled as UDP's, and neither is taken for the other."""
    talk = _open(world, {"proto": "udplite", "ip": _version(given)})
    body = udp((talk.ports[1], talk.ports[0]))
    own = talk.bench.send(talk.last())
    other = talk.bench.send(packet(talk.outside, talk.inside, consts.PROTO_UDP, body))
    apart = other.before is None
    told = f"{talk}: its answer {talk.bench.told(own)}, a UDP datagram with its ports {talk.bench.told(other)}"
    return Tried(talk.bench.accepted(own) and apart, told)


def _esp_one_flow(world: World, given: Mapping[str, Any]) -> Tried:
    """ESP is one flow between two hosts, whatever the SPI."""
    talk = _open(world, {"proto": "esp", "ip": _version(given)})
    trace = talk.bench.send(packet(talk.outside, talk.inside, consts.PROTO_ESP, transport(consts.PROTO_ESP, (7, 77))))
    same = trace.before is not None
    return Tried(
        talk.bench.accepted(trace) and same,
        f"{talk}: an answer with another SPI {talk.bench.told(trace)}, {'the same' if same else 'another'} entry",
    )


def _mobility_routing(world: World, _given: Mapping[str, Any]) -> Tried:
    """A flow that says its home address gets its answers with a type 2 routing header."""
    talk = open_talk(world, consts.PROTO_UDP, 6)
    home = ends_for(world, 6).inside2.packed
    # Destination options: two bytes of padding, option 201 with the home address. Routing header: type 2, one segment left.
    option = Header(consts.PROTO_DSTOPTS, bytes((2, 1, 2, 0, 0, 201, 16)) + home)
    routing = Header(consts.PROTO_ROUTING, bytes((2, 2, 1)) + bytes(4) + home)
    body, turned = udp(talk.ports, b"data"), udp((talk.ports[1], talk.ports[0]), b"data")
    first = talk.bench.send(packet(talk.inside, talk.outside, talk.proto, body, (option,)))
    if not talk.bench.accepted(first):
        raise NotTried(f"{talk} with a home address option: {talk.bench.told(first)}")
    trace = talk.bench.send(packet(talk.outside, talk.inside, talk.proto, turned, (routing,)))
    return Tried(talk.bench.accepted(trace), f"{talk}: answer with a type 2 routing header: {talk.bench.told(trace)}")


def _mobility_tunnel(world: World, _given: Mapping[str, Any]) -> Tried:
    """Tunnels that belong to a Mobility Header flow pass both ways."""
    talk = _open(world, {"proto": "mobility", "ip": 6})
    said, holds = [], True
    for proto in (consts.PROTO_IPV6, consts.PROTO_IPIP):
        for source, target, way in ((talk.outside, talk.inside, "in"), (talk.inside, talk.outside, "out")):
            version = 6 if proto == consts.PROTO_IPV6 else 4
            ends = ends_for(world, version)
            inner = packet(ends.outside, ends.inside, consts.PROTO_UDP, udp((5000, 5001)))
            trace = talk.bench.send(packet(source, target, proto, inner))
            holds = talk.bench.accepted(trace) and holds
            said.append(f"IPv{version} {way}: {talk.bench.told(trace)}")
    return Tried(holds, f"{talk}: tunnels {', '.join(said)}")


def _deterministic(world: World, given: Mapping[str, Any]) -> Tried:
    """The same packets meet the same fate, now and an hour later."""
    fates = []
    for start in (0.0, 3600.0):
        talk = open_talk(world, consts.PROTO_UDP, _version(given))
        ends = ends_for(world, talk.version)
        first = talk.bench.send(talk.first, start + 0.001)
        others = [talk.bench.send(data) for data in talk.rest()]
        stranger = talk.bench.send(packet(ends.outside2, talk.inside, talk.proto, udp((41999, talk.ports[0]))))
        fates.append([(each.verdict["verdict"], each.verdict["rule"], each.verdict["decided"]) for each in (first, *others, stranger)])
    return Tried(fates[0] == fates[1], f"{talk} and a stranger's packet: the same verdicts by the same rules, now and an hour later")


PROBES: dict[str, Probe] = {
    "flow": _flow,
    "simultaneous-open": _simultaneous_open,
    "crossed-open": _crossed_open,
    "unsolicited": _unsolicited,
    "inbound": _inbound,
    "filtering": _filtering,
    "error-passes": _error_passes,
    "error-from-inside": _error_from_inside,
    "error-keeps": _error_keeps,
    "error-refreshes-not": _error_refreshes_not,
    "error-unknown": _error_unknown,
    "error-checksum": _error_checksum,
    "error-options": _error_options,
    "error-inner-checksum": _error_inner_checksum,
    "refresh-out": _refresh_out,
    "reset": _reset,
    "reset-out-of-window": _reset_out_of_window,
    "window-unknown": _window_unknown,
    "fragmented": _fragmented,
    "udplite-apart": _udplite_apart,
    "esp-one-flow": _esp_one_flow,
    "mobility-routing": _mobility_routing,
    "mobility-tunnel": _mobility_tunnel,
    "deterministic": _deterministic,
}
