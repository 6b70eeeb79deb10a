"""H.323 (Q.931 with H.225.0, H.245, RAS): the helpers that Linux has and that are not read here.

Their messages are ASN.1 in packed encoding. A connection that is given one of these helpers is a master that nobody listens to: every
packet with payload is *blind* (anomaly ``helper-blind``), and what then begins between the same hosts is undecidable, never wrong.
"""

from __future__ import annotations

from pcapaudit.conntrack.expectations import Master
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Policy
from pcapaudit.core.consts import HELPER_H245, HELPER_Q931, HELPER_RAS, PROTO_TCP, PROTO_UDP

__all__ = ["H245", "Q931", "RAS"]


def _read(packet: Control, _master: Master, _desk: Desk) -> Answer:
    """Whatever it announces is not known."""
    return Answer.BLIND if packet.size else Answer.ACCEPT


def _helper(number: int, name: str, proto: int, port: int) -> Helper:
    return Helper(
        number=number,
        name=name,
        protos=(proto,),
        port=port,
        versions=(4, 6),
        policies=(Policy(0, 240 * NS),),
        read=_read,
        announces=(PROTO_TCP, PROTO_UDP),
    )


Q931 = _helper(HELPER_Q931, "Q.931", PROTO_TCP, 1720)
RAS = _helper(HELPER_RAS, "RAS", PROTO_UDP, 1719)
#: Announced by Q.931 alone: no port is its own.
H245 = _helper(HELPER_H245, "H.245", PROTO_TCP, 0)
