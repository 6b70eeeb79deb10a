"""Messages of H.323 for tests: calls in Q.931, channels in H.245, RAS, in their TPKT frames; written by the package's own syntax.

What tshark makes of them says whether that is H.323 (``tests/conntrack/helpers/test_h323_syntax.py``).
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import Any

from per_writer import encode

from pcapaudit.conntrack.helpers.h323_syntax import messages

__all__ = ["acknowledge", "call", "call_address", "call_body", "control", "frame", "open_channel", "ras", "ras_body", "t120_channel"]

H225 = bytes.fromhex("0008914a0004")
VENDOR = {"vendor": {"country": 9, "extension": 0, "manufacturer": 61}, "productId": b"lab\0", "versionId": b"1"}
END_POINT = {"vendor": VENDOR, "terminal": {}, "mc": False, "undefinedNode": False}
GUID = bytes(17)


def call_address(address: str, port: int) -> tuple[str, Any]:
    """A transport address of H.225.0."""
    packed = ip_address(address).packed
    return ("ipAddress" if len(packed) == 4 else "ip6Address"), {"ip": packed, "port": port}


def channel_address(address: str, port: int) -> tuple[str, Any]:
    """A transport address of H.245."""
    packed = ip_address(address).packed
    return "unicast", (("iPAddress" if len(packed) == 4 else "iP6Address"), {"network": packed, "port": port})


def open_channel(address: str, rtp: int | None, rtcp: int | None = None, *, number: int = 7, reverse: bool = False) -> dict[str, Any]:
    """OpenLogicalChannel for G.711: media there, control there; ``reverse``: as a channel of the other direction."""
    places = {"mediaChannel": rtp, "mediaControlChannel": rtcp}
    media = ("h2250", {"sessionID": 1, **{name: channel_address(address, port) for name, port in places.items() if port is not None}})
    audio = ("audioData", ("g711Alaw64k", 20))
    if reverse:
        return {
            "number": number,
            "forward": {"dataType": ("nullData", None), "multiplex": ("none", b"")},
            "reverse": {"dataType": audio, "multiplex": media},
        }
    return {"number": number, "forward": {"dataType": audio, "multiplex": media}}


def t120_channel(address: str, port: int, *, application: str = "t120", protocol: str = "separateLANStack") -> dict[str, Any]:
    """OpenLogicalChannel for T.120 data."""
    data = {"application": (application, (protocol, b"" if protocol == "separateLANStack" else None)), "maxBitRate": 640}
    stack = {"networkAddress": ("localAreaAddress", channel_address(address, port)), "associateConference": False}
    return {"number": 9, "forward": {"dataType": ("data", data), "multiplex": ("none", b"")}, "separateStack": stack}


def acknowledge(address: str, rtp: int | None = None, rtcp: int | None = None, *, t120: int | None = None) -> dict[str, Any]:
    """OpenLogicalChannelAck."""
    said: dict[str, Any] = {"number": 7}
    if t120 is not None:
        said["separateStack"] = {"networkAddress": ("localAreaAddress", channel_address(address, t120)), "associateConference": False}
    places = {"mediaChannel": rtp, "mediaControlChannel": rtcp}
    media = {name: channel_address(address, port) for name, port in places.items() if port is not None}
    if media:
        said["forwardAck"] = ("h2250", {"sessionID": 1, **media})
    return said


def control(name: str, value: Any) -> bytes:
    """A message of H.245: ``openLogicalChannel`` and its Ack, or one that is not read, as bytes."""
    return encode(messages().control, ("response" if name.endswith("Ack") else "request", (name, value)))


def call_body(name: str, **more: Any) -> dict[str, Any]:
    """A message of a call with what it must have, and more."""
    body: dict[str, Any] = {"protocolIdentifier": H225, "callIdentifier": GUID}
    if name == "setup":
        body |= {"sourceAddress": [("h323-ID", "alice"), ("dialedDigits", b"1234")], "sourceInfo": END_POINT, "activeMC": False}
        body |= {"conferenceID": bytes(16), "conferenceGoal": ("create", None), "callType": ("pointToPoint", None)}
        body |= {"mediaWaitForConnect": b"\0", "canOverlapSend": b"\0"}
    elif name == "facility":
        body["reason"] = ("undefinedReason", None)
    else:
        body["destinationInfo"] = END_POINT
    if name == "connect":
        body["conferenceID"] = bytes(16)
    if name == "progress":
        body["callIdentifier"] = {"guid": bytes(16)}
    return body | more


def call(name: str, *, tunnelled: tuple[bytes, ...] = (), elements: bytes = b"\4\3\x88\xc0\xa5", **more: Any) -> bytes:
    """A message of a call in Q.931, without its frame; ``tunnelled``: H.245 messages inside, ``elements`` in front."""
    pdu: dict[str, Any] = {"body": (name, call_body(name, **more)), "h245Tunneling": b"\x80" if tunnelled else b"\0"}
    if tunnelled:
        pdu["h245Control"] = list(tunnelled)
    part = encode(messages().call, {"pdu": pdu})
    kinds = {"setup": 5, "callProceeding": 2, "connect": 7, "alerting": 1, "facility": 0x62, "progress": 3}
    return bytes([8, 2, 0, 1, kinds[name]]) + elements + b"\x7e" + struct.pack("!H", len(part) + 1) + b"\5" + part


def frame(message: bytes) -> bytes:
    """A TPKT frame."""
    return struct.pack("!BBH", 3, 0, len(message) + 4) + message


def ras_body(name: str, address: str, port: int, **more: Any) -> dict[str, Any]:
    """A message of RAS about a place, with what it must have."""
    place = call_address(address, port)
    bodies: dict[str, dict[str, Any]] = {
        "gatekeeperRequest": {"protocolIdentifier": H225, "rasAddress": place, "endpointType": b""},
        "gatekeeperConfirm": {"protocolIdentifier": H225, "gatekeeperIdentifier": "gk", "rasAddress": place},
        "registrationRequest": {
            "protocolIdentifier": H225,
            "discoveryComplete": False,
            "callSignalAddress": [place],
            "rasAddress": [call_address(address, 4000)],
            "terminalType": END_POINT,
            "terminalAlias": [("h323-ID", "alice")],
            "endpointVendor": VENDOR,
        },
        "registrationConfirm": {"protocolIdentifier": H225, "callSignalAddress": [place], "endpointIdentifier": "ep"},
        "unregistrationRequest": {"callSignalAddress": [place], "endpointAlias": b""},
        "admissionConfirm": {"bandWidth": 640, "callModel": ("direct", None), "destCallSignalAddress": place},
        "locationConfirm": {"callSignalAddress": place, "rasAddress": place},
    }
    return {"number": 1} | bodies[name] | more


def ras(name: str, address: str, port: int, *, tail: bytes = bytes(12), **more: Any) -> bytes:
    """A message of RAS. ``tail`` stands for what follows what is read: Linux counts on it behind a lifetime."""
    return encode(messages().ras, (name, ras_body(name, address, port, **more))) + tail
