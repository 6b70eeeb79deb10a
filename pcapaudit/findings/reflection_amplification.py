"""Answers that nobody asked for, from services that answer with more than they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.crowds import Crowd, Crowds, hash_of
from pcapaudit.findings.scene import Scene, endpoint_text, flow_hosts
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["REFLECTORS", "ReflectionAmplification"]

#: UDP services that are used as reflectors: port → name.
SERVICES = {
    17: "qotd",
    19: "chargen",
    53: "dns",
    69: "tftp",
    111: "portmap",
    123: "ntp",
    137: "netbios",
    161: "snmp",
    177: "xdmcp",
    389: "cldap",
    427: "slp",
    500: "ike",
    520: "rip",
    623: "ipmi",
    1434: "mssql",
    1900: "ssdp",
    3283: "ard",
    3702: "ws-discovery",
    4500: "ike-nat",
    5093: "sentinel",
    5351: "nat-pmp",
    5353: "mdns",
    5683: "coap",
    10001: "ubiquiti",
    11211: "memcached",
    27015: "steam",
    37810: "dvr",
}
#: Mask by port.
REFLECTORS = np.zeros(0x10000, np.bool_)
REFLECTORS[list(SERVICES)] = True
_SYN_ACK = consts.TCP_SYN | consts.TCP_ACK


class ReflectionAmplification:
    """Traffic that servers send to a host which never asked, or that a server of yours sends to one.

    ## What it does
    Three kinds. *victim*: UDP from the ports of services that reflect (DNS, NTP, SSDP, CLDAP, memcached, …) to a host that sent no
    question, by host and service. *syn-ack*: SYN-ACKs from many servers to a host that opened nothing. *reflector*: requests from outside
    to such a service inside whose answers are many times as large.

    ## Why it matters
    Somebody sends questions with the victim's address, and the servers of the world answer to it with up to some thousand times
    the bytes. State holds the answers off behind the firewall; the line in front of it is full all the same. A reflector inside makes
    you part of it.

    ## Example
    Fragments and answers of 4 000 bytes from 300 DNS servers to a web server that never asks names.

    ## Source
    CISA alert TA14-017A (UDP-based amplification); RFC 5358 (BCP 140); RFC 2827.
    """

    code: ClassVar[str] = "reflection-amplification"
    severity: ClassVar[Severity] = Severity.HIGH
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._victims = Crowds()
        self._syn_acks = Crowds()
        self._reflectors = Crowds()

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count flows by victim, and by reflector."""
        flows = self._scene.flows(rows)
        udp = flows["proto"] == consts.PROTO_UDP
        weights = flows.sent.astype(np.float64)
        at = np.flatnonzero(udp & REFLECTORS[flows["sport"]] & ~REFLECTORS[flows["dport"]] & flows.to_one_host)
        if len(at):
            self._victims.add(flows, at, hash_of(flows, at, "dst_hi", "dst_lo", "sport"), ~flows.answered[at], weights[at])
        tcp = flows.tcp[(flows.opener_flags[flows.tcp] & _SYN_ACK) == _SYN_ACK]
        tcp = tcp[~flows.answered[tcp] & (flows.sent[tcp] <= 10)]
        tcp = tcp[(flows.opener_flags[tcp] & (consts.TCP_FIN | consts.TCP_PSH)) == 0]
        if len(tcp):
            self._syn_acks.add(flows, tcp, hash_of(flows, tcp, "dst_hi", "dst_lo"), np.ones(len(tcp), np.bool_), weights[tcp])
        asked = np.flatnonzero(udp & REFLECTORS[flows["dport"]] & flows.answered & self._scene.outside[flows["iif"]])
        asked = asked[self._scene.inside[flows["oif"][asked]] | (flows["oif"][asked] == consts.IFACE_NONE)]
        if len(asked):
            sizes = flows["bytes"][asked]
            ratio = self._scene.threshold(self.code, "ratio")
            self._reflectors.add(
                flows, asked, hash_of(flows, asked, "src_hi", "src_lo", "dport"), sizes[:, 1] >= ratio * sizes[:, 0], weights[asked]
            )

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a victim and service, and one a victim and reflector inside."""
        limit = self._scene.threshold
        least, sources, share = (limit(self.code, name) for name in ("packets", "sources", "share"))
        found = []
        for target in self._victims.values():
            if target.packets >= least and (len(target.sources) >= sources or target.packet_rate >= least):
                self._scene.reflected.add(flow_hosts(target.first)[1])
                found.append(self._victim(target, SERVICES[int(target.first["sport"])]))
        for target in self._syn_acks.values():
            if target.packets >= least and len(target.sources) >= sources:
                self._scene.reflected.add(flow_hosts(target.first)[1])
                found.append(self._victim(target, "syn-ack"))
        reflectors = [each for each in self._reflectors.values() if each.packets >= least and each.hits >= share * each.all]
        return found + [self._reflector(each) for each in reflectors]

    def _victim(self, target: Crowd, service: str) -> Violation:
        host = flow_hosts(target.first)[1]
        what = "SYN-ACKs" if service == "syn-ack" else f"frames of {service} answers"
        refused = "all refused" if target.refused == target.hits else f"{target.refused} of {target.hits} flows refused"
        size = target.bytes // max(1, target.packets)
        return self._violation(
            target,
            Severity.MEDIUM if target.refused == target.hits else Severity.HIGH,
            f"{target.packets} {what} that {host} had not asked for, of {size} bytes on average, came from {target.sources.text} servers "
            f"in {target.lasted}; {refused}.",
            {"kind": "syn-ack" if service == "syn-ack" else "victim", "victim": host, "service": service, "bytes_a_packet": size},
            "State holds them off, the line stays full: ask the provider to filter UDP from this port, or to announce less. Do not log "
            "each of them. Servers that answer to you alone belong into a set that is accepted before.",
        )

    def _reflector(self, target: Crowd) -> Violation:
        victim, server = flow_hosts(target.first)
        port = int(target.first["dport"])
        ratio = target.reply_bytes / max(1, target.bytes)
        return self._violation(
            target,
            Severity.HIGH,
            f"{endpoint_text(server, port)} ({SERVICES[port]}) answered {target.packets} questions in the name of {victim} with "
            f"{ratio:,.0f} times their bytes in {target.lasted}.",
            {"kind": "reflector", "victim": victim, "reflector": server, "service": SERVICES[port], "ratio": round(ratio, 2)},
            "Let only your own networks ask this service: a resolver, NTP monitor, memcached or SSDP has nothing to say to the Internet; "
            "response rate limiting for an authoritative name server.",
        )

    def _violation(self, target: Crowd, severity: Severity, message: str, evidence: dict[str, Any], advice: str) -> Violation:
        return Violation(
            code=self.code,
            severity=severity,
            flow=int(target.first["flow"]),
            first_frame=int(target.first["first_frame"]),
            last_frame=target.last_frame,
            count=target.packets,
            message=message,
            evidence={
                **evidence,
                "packets": target.packets,
                "bytes": target.bytes,
                "replies": target.replies,
                "reply_bytes": target.reply_bytes,
                "servers": len(target.sources),
                "more_servers": target.sources.full,
                "refused_flows": target.refused,
                "seconds": round(target.seconds, 6),
                "packet_rates": target.course.evidence(),
                "rates": target.rates.evidence(),
            },
            rule=target.rule,
            source="CISA TA14-017A; RFC 5358; RFC 2827",
            advice=advice,
        )
