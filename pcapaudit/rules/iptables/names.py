"""Names that iptables has for ICMP types (with codes), states and the like. Data only."""

from __future__ import annotations

__all__ = ["ADDRESS_TYPES", "CT_STATES", "CT_STATUS", "ICMP6_NAMES", "ICMP_NAMES", "REJECT_WITH"]


def _table(text: str) -> dict[str, tuple[int, int | None]]:
    """``name:type`` or ``name:type/code``."""
    found: dict[str, tuple[int, int | None]] = {}
    for pair in text.split():
        name, _, number = pair.partition(":")
        kind, slash, code = number.partition("/")
        found[name] = int(kind), int(code) if slash else None
    return found


ICMP_NAMES = _table("""
echo-reply:0 pong:0 destination-unreachable:3 network-unreachable:3/0 host-unreachable:3/1 protocol-unreachable:3/2
port-unreachable:3/3 fragmentation-needed:3/4 source-route-failed:3/5 network-unknown:3/6 host-unknown:3/7 network-prohibited:3/9
host-prohibited:3/10 TOS-network-unreachable:3/11 TOS-host-unreachable:3/12 communication-prohibited:3/13
host-precedence-violation:3/14 precedence-cutoff:3/15 source-quench:4 redirect:5 network-redirect:5/0 host-redirect:5/1
TOS-network-redirect:5/2 TOS-host-redirect:5/3 echo-request:8 ping:8 router-advertisement:9 router-solicitation:10 time-exceeded:11
ttl-exceeded:11 ttl-zero-during-transit:11/0 ttl-zero-during-reassembly:11/1 parameter-problem:12 ip-header-bad:12/0
required-option-missing:12/1 timestamp-request:13 timestamp-reply:14 address-mask-request:17 address-mask-reply:18
""")

ICMP6_NAMES = _table("""
destination-unreachable:1 no-route:1/0 communication-prohibited:1/1 beyond-scope:1/2 address-unreachable:1/3 port-unreachable:1/4
failed-policy:1/5 reject-route:1/6 packet-too-big:2 time-exceeded:3 ttl-exceeded:3 ttl-zero-during-transit:3/0
ttl-zero-during-reassembly:3/1 parameter-problem:4 bad-header:4/0 unknown-header-type:4/1 unknown-option:4/2 echo-request:128 ping:128
echo-reply:129 pong:129 mld-listener-query:130 mld-listener-report:131 mld-listener-done:132 mld-listener-reduction:132
router-solicitation:133 router-advertisement:134 neighbour-solicitation:135 neighbor-solicitation:135 neighbour-advertisement:136
neighbor-advertisement:136 redirect:137
""")

#: As nftables' ct state bits.
CT_STATES = {"INVALID": 1, "ESTABLISHED": 2, "RELATED": 4, "NEW": 8, "UNTRACKED": 64}
CT_STATUS = {"EXPECTED": 1, "SEEN_REPLY": 2, "ASSURED": 4, "CONFIRMED": 8, "SNAT": 16, "DNAT": 32}

ADDRESS_TYPES = {
    name: number
    for number, name in enumerate(
        (
            "UNSPEC",
            "UNICAST",
            "LOCAL",
            "BROADCAST",
            "ANYCAST",
            "MULTICAST",
            "BLACKHOLE",
            "UNREACHABLE",
            "PROHIBIT",
            "THROW",
            "NAT",
            "XRESOLVE",
        )
    )
}

#: ``--reject-with`` → kind and code of the model's Reject.
REJECT_WITH = {
    "icmp-net-unreachable": ("icmp", 0),
    "net-unreach": ("icmp", 0),
    "icmp-host-unreachable": ("icmp", 1),
    "host-unreach": ("icmp", 1),
    "icmp-proto-unreachable": ("icmp", 2),
    "proto-unreach": ("icmp", 2),
    "icmp-port-unreachable": ("icmp", 3),
    "port-unreach": ("icmp", 3),
    "icmp-net-prohibited": ("icmp", 9),
    "net-prohib": ("icmp", 9),
    "icmp-host-prohibited": ("icmp", 10),
    "host-prohib": ("icmp", 10),
    "icmp-admin-prohibited": ("icmp", 13),
    "admin-prohib": ("icmp", 13),
    "tcp-reset": ("tcp", 0),
    "tcp-rst": ("tcp", 0),
    "icmp6-no-route": ("icmpv6", 0),
    "no-route": ("icmpv6", 0),
    "icmp6-adm-prohibited": ("icmpv6", 1),
    "adm-prohibited": ("icmpv6", 1),
    "icmp6-addr-unreachable": ("icmpv6", 3),
    "addr-unreach": ("icmpv6", 3),
    "icmp6-port-unreachable": ("icmpv6", 4),
    "icmp6-policy-fail": ("icmpv6", 5),
    "policy-fail": ("icmpv6", 5),
    "icmp6-reject-route": ("icmpv6", 6),
    "reject-route": ("icmpv6", 6),
}
