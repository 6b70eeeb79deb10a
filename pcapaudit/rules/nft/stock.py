"""What stock nft refuses though it is understood here: words that cannot be names, rules that it or the kernel takes in other tables only.

The file is used all the same, and the person is told: it will not load where it is to be loaded. Held against nft 1.0.6 and Linux 6.18
(``tests/rules/nft/test_stock.py`` asks the installed ones).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pcapaudit.rules.model import (
    Assign,
    ConnCount,
    Key,
    MapLookup,
    Match,
    Nat,
    Notrack,
    Number,
    ObjectRef,
    Opaque,
    Place,
    Reject,
    Rule,
    Ruleset,
    SetLiteral,
    SetUpdate,
    Side,
    Statement,
    Synproxy,
    Table,
    Tproxy,
    VerdictMap,
)
from pcapaudit.rules.selectors import Selector

__all__ = ["NO_INTERFACE", "RESERVED", "refusals"]

#: Words that begin something in nft's grammar wherever they stand, so that nothing can be called so without quotes.
RESERVED = frozenset(
    re.findall(
        r"\S+",
        """
accept add ah all arp auto-merge bridge cgroup chain comment comp constant continue counter cpu create ct day dccp define delete describe
device devices dnat drop dst dup dynamic ecn element elements esp ether exists expires export exthdr fib flags flow flowtable flush frag fwd
gc-interval goto handle hbh hook hour icmp icmpv6 igmp iif iifname import include index inet insert interval ip ip6 ipsec jhash jump limit
list log map mark masquerade meta meter mh missing monitor netdev notrack numgen oif oifname osf pkttype policy priority queue quota random
redefine redirect reject rename replace reset return rt rtclassid rule ruleset sctp secmark set size skgid skuid snat socket symhash
synproxy table tcp th time timeout tproxy type typeof udp udplite undefine update vlan vmap xt
""",
    )
)
#: Words that are no name of an interface without quotes.
NO_INTERFACE = RESERVED - {"arp", "dnat", "ecn", "ether", "ip", "ip6", "reset", "snat", "vlan"} | {"length", "protocol"}
#: Families whose packets conntrack sees.
_TRACKED = ("ip", "ip6", "inet", "bridge")
_IP = ("ip", "ip6", "inet")
#: Protocols of ICMP and IGMP, which name the transport protocol whatever the IP version.
_L3_OF = {"ip": 4, "ip6": 6}
Complaint = tuple[Place, str, str]


def refusals(ruleset: Ruleset) -> Iterator[Complaint]:
    """(place, message, advice) for what stock tools would not load."""
    for table in ruleset.tables:
        for chain in table.chains:
            for rule in chain.rules:
                for place, message, advice in _of_rule(rule, table):
                    yield place if place.line else rule.place, f"stock nft refuses this: {message}", advice


def _of_rule(rule: Rule, table: Table) -> Iterator[Complaint]:
    seen: list[Selector] = []
    for statement in rule.statements:
        place: Place = getattr(statement, "place", rule.place)
        for selector in (key.selector for key in _keys(statement)):
            yield from ((place, message, advice) for message, advice in _of_selector(selector, table.family, seen))
        if isinstance(statement, Match):
            seen += (key.selector for key in statement.keys)
        yield from ((place, message, advice) for message, advice in _of_statement(statement, table.family, seen))


def _keys(statement: Statement) -> Iterator[Key]:
    """What a statement reads."""
    if isinstance(statement, (Match, VerdictMap, SetUpdate)):
        yield from statement.keys
    values: tuple[object, ...] = ()
    if isinstance(statement, Assign):
        values = (statement.value, Key(statement.target))
    elif isinstance(statement, (Nat, Tproxy)):
        values = (statement.address, statement.port)
    elif isinstance(statement, ObjectRef):
        values = (statement.chosen,)
    for value in values:
        if isinstance(value, Key):
            yield value
        elif isinstance(value, MapLookup):
            yield from value.keys


def _of_selector(selector: Selector, family: str, seen: list[Selector]) -> Iterator[tuple[str, str]]:
    text = selector.text
    if selector.base == "network" and selector.l3 and family in _L3_OF and selector.l3 != _L3_OF[family]:
        yield f"{text} in a table of the other IP version", ""
    if text == "meta nfproto" and family != "inet":
        yield "meta nfproto is for inet tables only", "remove it: every packet of the table is of one family" if family in _L3_OF else ""
    if selector.base == "arp" and family in _IP:
        yield f"{text} in a table of IP packets", "use a table of the family arp"
    if text in ("meta ibrname", "meta obrname", "meta ibrpvid", "meta ibrvproto") and family != "bridge":
        yield f"{text} is for bridge tables only", ""
    if selector.base == "ct" and family not in _TRACKED:
        yield f"{text} in a table of the family {family}, where nothing is tracked", "move the rule to an inet table"
    if selector.base == "ipsec" and family not in _IP:
        yield f"{text} is for the families ip, ip6 and inet", ""
    if selector.base == "socket" and family not in _IP:
        yield f"{text} is for the families ip, ip6 and inet", ""
    if family == "arp" and (selector.base in ("network", "transport", "exthdr", "tcpopt", "chunk", "fib") and not text.startswith("@")):
        yield f"{text} in a table of ARP packets", ""
    if text.startswith("ct ") and {"ip": " ip6 ", "ip6": " ip "}.get(family, "?") in text:
        yield f"{text} in a table of the other IP version", ""
    if text.startswith("ct ") and " proto-" in text and not any(_names_transport(each) for each in seen):
        yield f"{text} before the rule asks for a transport protocol", "write for example: meta l4proto tcp " + text


def _names_transport(selector: Selector) -> bool:
    return selector.proto is not None or selector.text in ("meta l4proto", "ip protocol", "ip6 nexthdr", "ct protocol")


def _of_statement(statement: Statement, family: str, seen: list[Selector]) -> Iterator[tuple[str, str]]:
    if isinstance(statement, Nat):
        yield from _of_nat(statement, family, seen)
    elif isinstance(statement, Tproxy):
        if family not in _IP:
            yield "tproxy is for the families ip, ip6 and inet", ""
        elif not any(map(_names_transport, seen)):
            yield "tproxy in a rule that asks for no transport protocol", "write for example: meta l4proto { tcp, udp } tproxy …"
    elif isinstance(statement, Reject):
        yield from _of_reject(statement, family)
    elif isinstance(statement, (Match, VerdictMap)) and isinstance(statement.right, SetLiteral) and not statement.right.elements:
        yield "an empty set", "remove the rule: it matches nothing"
    elif isinstance(statement, (Side, Opaque)) and statement.text.startswith("xt "):
        yield "xt stands for what only iptables-nft can read", "load the rules from iptables-save"
    elif isinstance(statement, Side) and statement.kind in ("fwd", "dup"):
        if statement.kind == "fwd" and family != "netdev":
            yield "fwd is for netdev tables only", ""
        if statement.kind == "dup" and family not in ("ip", "ip6", "netdev"):
            yield "dup is for the families ip, ip6 and netdev", ""
    elif isinstance(statement, (ConnCount, Synproxy, Notrack)) and family not in _TRACKED:
        yield f"{_WORDS[type(statement)]} in a table of the family {family}, where nothing is tracked", "move the rule to an inet table"


_WORDS: dict[type[Statement], str] = {ConnCount: "ct count", Synproxy: "synproxy", Notrack: "notrack"}


def _of_nat(statement: Nat, family: str, seen: list[Selector]) -> Iterator[tuple[str, str]]:
    if family not in _IP:
        yield f"{statement.kind} is for the families ip, ip6 and inet", ""
        return
    address = statement.address
    if isinstance(address, Number) and (address.type_name == "ipv6_addr") != (family == "ip6") and family != "inet":
        yield f"{statement.kind} to an address of the other IP version", ""
    if family == "inet" and isinstance(address, Number) and not statement.family and not any(each.l3 for each in seen):
        version = "ip6" if address.type_name == "ipv6_addr" else "ip"
        yield f"{statement.kind} to an address in an inet table does not say which family", f"write: {statement.kind} {version} to …"
    if statement.port is not None and not any(map(_names_transport, seen)):
        yield f"{statement.kind} to a port in a rule that asks for no transport protocol", "write for example: meta l4proto { tcp, udp } …"


def _of_reject(statement: Reject, family: str) -> Iterator[tuple[str, str]]:
    if family in ("arp",):
        yield "reject in a table of ARP packets", ""
    elif {"icmp": "ip6", "icmpv6": "ip"}.get(statement.kind) == family:
        yield f"reject with {statement.kind} in a table of the family {family}", "write reject alone: it answers as the family does"
    elif statement.kind == "icmpx" and family in _L3_OF:
        yield f"reject with icmpx in a table of the family {family}", "icmpx is for inet, bridge and netdev tables"
