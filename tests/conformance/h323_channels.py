"""Calls, channels and registrations of H.323 for make_channels.py: many right, many with a few bits or bytes changed."""

from __future__ import annotations

import random

from control_channels import Talk
from h323_messages import acknowledge, call, call_address, control, frame, open_channel, ras, t120_channel
from scenes import tcp, udp

__all__ = ["calls", "mutated", "registrations"]

C4, S4, C6, S6 = "10.0.0.1", "192.0.2.1", "fd00::1", "2001:db8::1"
MESSAGES = ("setup", "callProceeding", "connect", "alerting", "facility", "progress")
REASONS = ("undefinedReason", "routeCallToGatekeeper")
OTHER = "10.0.0.9"


def mutated(r: random.Random, data: bytes, most: int = 2) -> bytes:
    """The bytes with up to so many bits turned, bytes lost, doubled or put in, or the end cut off."""
    for _ in range(r.choice([0, *range(most + 1)])):
        at = r.randrange(len(data)) if data else 0
        how = r.randrange(8)
        if how < 3:
            data = data[:at] + bytes([data[at] ^ 1 << r.randrange(8)]) + data[at + 1 :] if data else data
        elif how == 3:
            data = data[:at] + data[at + 1 :]
        elif how == 4:
            data = data[:at] + data[at : at + 1] * 2 + data[at + 1 :]
        elif how == 5:
            data = data[:at] + bytes([r.randrange(256)]) + data[at:]
        elif how == 6:
            data = data[: at + 1]
        else:
            data = data[:at] + bytes([r.choice([0, 1, 0x7F, 0x80, 0xFF])]) + data[at + 1 :]
    return data


def calls(r: random.Random, count: int, *, six: bool = False) -> list[tuple[float, bytes]]:
    """Calls, some with an H.245 connection behind them; who comes to what is announced, and to its neighbours."""
    client, server = (C6, S6) if six else (C4, S4)
    packets = []
    for number in range(count):
        talk = Talk(f"[{client}]:{3000 + number}", f"[{server}]:1720", at=number).open()
        for _ in range(r.choice([1, 1, 2, 3])):
            _say(r, talk, r.randrange(2), _call_message, client, server)
        packets += talk.packets
        at = talk.at
        second = Talk(f"[{server}]:{9000 + number}", f"[{client}]:4000", at=at).open()
        for _ in range(r.choice([0, 1, 2])):
            _say(r, second, r.randrange(2), _control_message, server, client)
        packets += second.packets
        at = second.at
        for k, port in enumerate((5004, 5005, 6004, r.randrange(5000, 5008))):
            packets.append((at + k / 1000, udp(f"[{server}]:{8000 + number}", f"[{client}]:{port}", b"rtp")))
            packets.append((at + k / 1000, udp(f"[{client}]:{8000 + number}", f"[{server}]:{port + 2}", b"rtp")))
        for k, (port, target) in enumerate(((4000, client), (1503, client), (4100, server), (1720, server))):
            source = server if target == client else client
            packets.append((at + 0.01 + k / 1000, tcp(f"[{source}]:{20000 + number}", f"[{target}]:{port}", "S", number)))
    return packets


def _say(r: random.Random, talk: Talk, side: int, make, client: str, server: str) -> None:
    """A message of one side, in one packet, with its header apart, or cut in two."""
    own = (client, server)[side]
    data = b"".join(frame(mutated(r, make(r, own, side))) for _ in range(r.choice([1, 1, 1, 2])))
    how = r.randrange(9)
    if how == 0:
        talk.send(side, data[:4])
        if r.random() < 0.3:
            talk.send(side, flags=0x10)
        talk.send(side, data[4:])
    elif how == 1 and len(data) > 6:
        cut = r.randrange(1, len(data))
        talk.send(side, data[:cut]).send(side, data[cut:])
    elif how == 2:
        talk.send(side, mutated(r, data))
    else:
        talk.send(side, data)


def _channel(r: random.Random, own: str, side: int) -> dict:
    address = r.choice([own, own, own, OTHER if ":" not in own else "fd00::9"])
    base = r.choice([5004, 5004, 5005, 6004, 0]) + 2 * side
    if r.random() < 0.15:
        return t120_channel(own, r.choice([1503, 0]), protocol=r.choice(["separateLANStack", "separateLANStack", "v14buffered"]))
    return open_channel(address, r.choice([base, base, None]), r.choice([base + 1, None]), reverse=r.random() < 0.3)


def _control_message(r: random.Random, own: str, side: int) -> bytes:
    if r.random() < 0.2:
        return control("roundTripDelay", b"\1")
    if r.random() < 0.5:
        return control("openLogicalChannel", _channel(r, own, side))
    ports = 5004 + 2 * side, 5005 + 2 * side
    return control("openLogicalChannelAck", acknowledge(own, *ports, t120=r.choice([None, None, 1503])))


def _call_message(r: random.Random, own: str, side: int) -> bytes:
    name, more = r.choice(MESSAGES), {}
    if r.random() < 0.7:
        more["h245Address"] = call_address(r.choice([own, own, own, OTHER]), r.choice([4000, 4000, 4000, 0]) + 100 * side)
    if r.random() < 0.5:
        more["fastStart"] = [_channel(r, own, side) for _ in range(r.choice([1, 2, 2, 8, 33]))]
    if r.random() < 0.2:
        more["newer"] = b"ten bytes!"
    if name == "facility":
        more["reason"] = (r.choice(REASONS), None)
    if name == "setup" and r.random() < 0.4:
        more["sourceCallSignalAddress"] = call_address(own, 3000)
    inside = tuple(_control_message(r, own, side) for _ in range(r.choice([0, 0, 1, 2, 5])))
    return call(name, tunnelled=inside, elements=r.choice([b"\4\3\x88\xc0\xa5", b"", b"\xa1\1x", b"\xa1"]), **more)


def registrations(r: random.Random, count: int, *, six: bool = False) -> list[tuple[float, bytes]]:
    """Registrations, admissions and locations; calls that come of them, soon and late: never soon after a lifetime, when chance decides."""
    client, server = (C6, S6) if six else (C4, S4)
    packets = []
    for number in range(count):
        at, here, there = number * 700.0, f"[{client}]:{4000 + number}", f"[{server}]:1719"
        port = 1720 + number
        names = r.choice(
            [["registrationRequest", "registrationConfirm"], [], ["gatekeeperRequest", "gatekeeperConfirm"], ["admissionConfirm"]]
        )
        for turn in range(len(names) + r.choice([0, 1, 1, 2, 3])):
            side = r.choice([0, 0, 1])
            name, data = _ras_message(r, client, server, port, *names[turn : turn + 1])
            side = int(name.endswith("Confirm")) if r.random() < 0.8 else side
            ends = (here, there) if side == 0 else (there, here)
            packets.append((at + turn / 10, udp(*ends, mutated(r, data))))
        strangers = "192.0.2.9" if not six else "2001:db8::9"
        late = r.choice([1, 1, 1, 2, 20, 29, 100, 239, 250, 400])
        for k, (source, target) in enumerate(((server, f"[{client}]:{port}"), (strangers, f"[{client}]:{port}"))):
            packets.append((at + late + k / 100, tcp(f"[{source}]:{6000 + number}", target, "S", number)))
        for k, where in enumerate((strangers, server)):
            packets.append((at + late + 0.1 + k / 100, tcp(f"[{client}]:{7000 + number}", f"[{where}]:{port}", "S", number)))
            packets.append((at + late + 0.2 + k / 100, udp(f"[{client}]:{7000 + number}", f"[{where}]:{port}", b"x")))
        packets.append((at + late + 0.5, udp(there, here, b"\x16\0\0")))
    return packets


def _ras_message(r: random.Random, client: str, server: str, port: int, wanted: str = "") -> tuple[str, bytes]:
    elsewhere = "192.0.2.9" if ":" not in client else "2001:db8::9"
    name = wanted or r.choice(
        ["gatekeeperConfirm", "registrationRequest", "registrationRequest", "registrationConfirm", "registrationConfirm",
         "unregistrationRequest", "admissionConfirm", "locationConfirm", "gatekeeperRequest"]
    )  # fmt: skip
    more = {"timeToLive": r.choice([150, 300, 3600])} if name.startswith("registration") and r.random() < 0.6 else {}
    address = client if name in ("registrationRequest", "unregistrationRequest") else r.choice([elsewhere, elsewhere, server, client])
    return name, ras(name, address, r.choice([port, port, port, 0, 1719]), tail=r.choice([bytes(12), bytes(12), b""]), **more)
