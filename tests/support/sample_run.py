"""A run made by hand: batches, verdicts, flows and a context, for tests of what becomes of results."""

from __future__ import annotations

from ipaddress import ip_address
from types import SimpleNamespace

import numpy as np

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import consts
from pcapaudit.core.columns import FLOW_DTYPE, PacketBatch, VerdictBatch
from pcapaudit.report.sinks.names import Names

START_NS = 1_700_000_000_123_456_789


class Program:
    """A compiled ruleset of two rules and one base chain, in a file whose name wants quoting in CSV."""

    rules = (
        None,
        SimpleNamespace(id=1, family="inet", table="filter", chain="forward", text="ct state established accept"),
        SimpleNamespace(id=2, family="inet", table="filter", chain="forward", text='iifname "wan" log prefix "a, b" drop'),
    )
    chains = (None, SimpleNamespace(family="inet", table="filter", name="forward", hook="forward", path="of,fice.nft", policy_line=4))
    notes = ("hook ingress sees nothing here",)

    @staticmethod
    def location(rule):
        """file:line of a rule."""
        return f"of,fice.nft:{rule + 10}"


def context(**changes):
    """What a consumer may know about the run."""
    zone = lambda name, inside, *prefixes: SimpleNamespace(  # noqa: E731
        name=name, iface=f"{name}0", inside=inside, prefixes=prefixes, vlans=(), recorded_as=(), macs=()
    )
    values = {
        "program": Program(),
        "ruleset": SimpleNamespace(warnings=(), tables=()),
        "topology": SimpleNamespace(
            zones=(zone("lan", True, "10.0.0.0/8"), zone("wan", False, "0.0.0.0/0", "::/0")),
            interfaces=("lan0", "wan0"),
            own=(),
            assumed=False,
            assumed_inside=True,
            place="",
            captured="",
        ),
        "stream": SimpleNamespace(
            files=[SimpleNamespace(path="office.pcap", format="pcap", compressed="", frames=4, bytes=460, anomalies={})],
            warnings=[],
        ),
        "conntrack": ConntrackConfig(),
        "checksum": "auto",
        "mode": "what-if",
    }
    return SimpleNamespace(**{**values, **changes})


def names():
    """The names of that run."""
    return Names.of_run(context())


def address(text):
    """Upper and lower half of an address, and its family."""
    parsed = ip_address(text)
    number = int(parsed)
    return number >> 64, number & 0xFFFFFFFFFFFFFFFF, parsed.version


def batch(count=4):
    """Frames: a TCP SYN accepted by rule 1, a UDP packet over IPv6 dropped by policy, an ICMP query out of the TCP window's way, no IP.

    Longer batches repeat them.
    """
    packets, verdicts = PacketBatch(), VerdictBatch()
    packets.count = count
    packets.first_frame = 1
    rows = (_tcp(), _udp6(), _icmp(), _no_ip())
    for i in range(count):
        packet, verdict = rows[i % 4]
        for name, value in {**packet, "ts_ns": START_NS + i * 1000, "file_frame": i + 1, "origlen": 60 + i % 4}.items():
            packets.arrays[name][i] = value
        for name, value in verdict.items():
            verdicts.arrays[name][i] = value
    return packets, verdicts


def _ends(src, dst):
    (src_hi, src_lo, l3), (dst_hi, dst_lo, _) = address(src), address(dst)
    return {"src_hi": src_hi, "src_lo": src_lo, "dst_hi": dst_hi, "dst_lo": dst_lo, "l3": l3}


def _tcp():
    packet = {**_ends("10.1.2.3", "192.0.2.255"), "proto": consts.PROTO_TCP, "sport": 40000, "dport": 443, "iif": 0, "oif": 1, "ip_len": 44}
    verdict = {
        "verdict": consts.VERDICT_ACCEPT,
        "decided": 1,
        "rule": 1,
        "chain": 1,
        "hook": consts.HOOK_FORWARD,
        "ct_state": consts.CT_NEW,
        "direction": consts.DIR_ORIGINAL,
        "tcp_state": consts.TCPS_SYN_SENT,
        "ct_status": consts.STATUS_CONFIRMED | consts.STATUS_ASSURED,
        "flow": 1,
        "timeout_ns": 120_000_000_000,
    }
    return packet, verdict


def _udp6():
    packet = {
        **_ends("2001:db8::1", "2001:db8:0:1::"),
        "proto": consts.PROTO_UDP,
        "sport": 53,
        "dport": 5353,
        "iif": 1,
        "oif": 0,
        "ip_len": 70,
    }
    packet["anomalies"] = 1 << consts.ANOM_L4_CHECKSUM | 1 << consts.ANOM_PORT_ZERO
    verdict = {
        "verdict": consts.VERDICT_DROP,
        "decided": 0,
        "cause": 2,
        "chain": 1,
        "hook": consts.HOOK_FORWARD,
        "reason": consts.REASON_POLICY,
        "ct_state": consts.CT_NEW,
        "direction": consts.DIR_ORIGINAL,
        "flow": 2,
    }
    return packet, verdict


def _icmp():
    packet = {
        **_ends("10.1.2.3", "8.8.8.8"),
        "proto": consts.PROTO_ICMP,
        "sport": 77,
        "icmp_type": 8,
        "iif": 0,
        "oif": 0xFFFF,
        "ip_len": 84,
    }
    verdict = {
        "verdict": consts.VERDICT_DROP,
        "decided": 1,
        "rule": 2,
        "chain": 1,
        "hook": consts.HOOK_INPUT,
        "reason": consts.REASON_TCP_SEQ_OVER,
        "ct_state": consts.CT_INVALID,
        "direction": consts.DIR_REPLY,
        "bound_low": 5,
        "bound_high": 4294967295,
        "seen": 0,
    }
    return packet, verdict


def _no_ip():
    packet = {"iif": consts.IFACE_NONE, "oif": consts.IFACE_NONE}
    return packet, {"hook": consts.HOOK_NONE, "reason": consts.REASON_NOT_IP, "direction": consts.DIR_NONE}


def flows():
    """A TCP flow that was closed, and a blocked UDP flow over IPv6."""
    made = np.zeros(2, FLOW_DTYPE)
    for row, packet in zip(made, (_tcp()[0], _udp6()[0]), strict=True):
        for name in ("src_hi", "src_lo", "dst_hi", "dst_lo", "l3", "proto", "sport", "dport", "iif", "oif"):
            row[name] = packet[name]
        row["first_ns"], row["vlan"] = START_NS, consts.VLAN_NONE
    made["flow"] = (1, 2)
    closed, blocked = made
    closed["last_ns"], closed["end_ns"] = START_NS + 5_000_000_000, START_NS + 5_000_000_000
    closed["first_frame"], closed["last_frame"] = 1, 9
    closed["packets"], closed["bytes"] = (5, 4), (700, 9000)
    closed["tcp_flags"] = (consts.TCP_SYN | consts.TCP_ACK | consts.TCP_FIN, consts.TCP_SYN | consts.TCP_ACK)
    closed["tcp_state"], closed["end"] = consts.TCPS_TIME_WAIT, consts.END_CLOSED
    closed["status"] = consts.STATUS_SEEN_REPLY | consts.STATUS_ASSURED | consts.STATUS_CONFIRMED
    closed["history"], closed["accepted"], closed["rule"], closed["vlan"] = b"ShADadFf", 9, 1, 42
    closed["first_reply_ns"] = START_NS + 1000
    blocked["last_ns"], blocked["end_ns"], blocked["end"] = START_NS, START_NS, consts.END_BLOCKED
    blocked["first_frame"], blocked["last_frame"], blocked["blocked"] = 2, 2, 1
    blocked["packets"], blocked["dropped"], blocked["reason"] = (1, 0), 1, consts.REASON_POLICY
    return made
