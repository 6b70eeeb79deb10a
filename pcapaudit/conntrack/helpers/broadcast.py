"""NetBIOS name service and SNMP: a question to everybody is answered by anybody of the network, as Linux's broadcast helpers expect it.

Only what the firewall itself asks counts (hook output), and only of a network's broadcast address: whoever of that network answers
from the service's port is expected, for as long as the question's own entry lives: 3 s (NetBIOS), 30 s (SNMP). What is forwarded, or
comes in, changes nothing.
"""

from __future__ import annotations

from functools import partial

from pcapaudit.conntrack.expectations import Expectation, Master, Tuple
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Params, Policy
from pcapaudit.core.consts import DIR_ORIGINAL, HELPER_NETBIOS_NS, HELPER_SNMP, PROTO_UDP

__all__ = ["NETBIOS_NS", "SNMP"]


def _read(setting: str, packet: Control, master: Master, desk: Desk) -> Answer:
    """One datagram; its payload does not matter."""
    one = master.original
    mask = desk.netmask(one.dst) if packet.local and packet.direction == DIR_ORIGINAL else 0
    if mask == 0:
        return Answer.ACCEPT
    wanted = Tuple(one.l3, PROTO_UDP, one.dst, master.helper.port, one.src, one.sport, one.zone)
    desk.expect(Expectation(master, wanted, src_mask=mask, sport_mask=0xFFFF, permanent=True), packet)
    desk.refresh(master, desk.params[setting] * NS)
    return Answer.ACCEPT


def _policies(setting: str, params: Params) -> tuple[Policy, ...]:
    return (Policy(1, params[setting] * NS),)


def _helper(number: int, name: str, port: int, setting: str, seconds: int) -> Helper:
    return Helper(
        number=number,
        name=name,
        protos=(PROTO_UDP,),
        port=port,
        versions=(4,),
        policies=(Policy(1, seconds * NS),),
        read=partial(_read, setting),
        params=((setting, seconds),),
        tune=partial(_policies, setting),
        announces=(PROTO_UDP,),
        follows_nat=False,
    )


NETBIOS_NS = _helper(HELPER_NETBIOS_NS, "netbios-ns", 137, "netbios_ns.timeout", 3)
SNMP = _helper(HELPER_SNMP, "snmp", 161, "snmp.timeout", 30)
