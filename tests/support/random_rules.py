"""Random rulesets of our model and random packets, drawn from small worlds so that they meet."""

from __future__ import annotations

from hypothesis import strategies as st
from reference_rules import Packet, number_of

from pcapaudit.core import consts
from pcapaudit.rules.model import (
    BaseChain,
    Chain,
    ConnCount,
    Counter,
    Element,
    Key,
    Limit,
    Log,
    Match,
    NamedSet,
    Quota,
    Reject,
    Rule,
    Ruleset,
    SetLiteral,
    SetRef,
    Table,
    Verdict,
    VerdictMap,
)
from pcapaudit.rules.selectors import SELECTORS

V4 = [0x0A000001, 0x0A000102, 0xC0000201, 0xC6336409, 0x7F000001]
V6 = [0x20010DB8 << 96 | 1, 0x20010DB8 << 96 | 2 << 64, 1, 0xFE80 << 112 | 9]
PORTS = [0, 22, 53, 80, 443, 1024, 40000, 65535]
INTERFACES = ("inside", "outside")
NAMES = ["inside", "outside", "lo", "eth0", "wg1"]


def interval(values, bits):
    """A value, a range, or a prefix around values of a small world."""
    value = st.sampled_from(values)
    single = value.map(lambda v: (v, v))
    spread = st.tuples(value, value).map(lambda pair: (min(pair), max(pair)))
    prefix = st.tuples(value, st.integers(0, bits)).map(
        lambda pair: ((pair[0] >> pair[1]) << pair[1], (pair[0] >> pair[1] << pair[1]) + (1 << pair[1]) - 1)
    )
    return st.one_of(single, single, spread, prefix)


def wildcard(stem):
    raw = stem.encode()
    return int.from_bytes(raw.ljust(16, b"\0"), "big"), int.from_bytes(raw.ljust(16, b"\xff"), "big")


NAME_INTERVALS = st.one_of(
    st.sampled_from(NAMES).map(lambda name: (number_of(name), number_of(name))), st.sampled_from(["in", "out", "e", "wg"]).map(wildcard)
)
#: selector → intervals of its values
FIELDS = {
    "ip saddr": interval(V4, 32),
    "ip daddr": interval(V4, 32),
    "ip6 saddr": interval(V6, 128),
    "ip6 daddr": interval(V6, 128),
    "tcp dport": interval(PORTS, 16),
    "tcp sport": interval(PORTS, 16),
    "udp dport": interval(PORTS, 16),
    "ip protocol": st.sampled_from([1, 6, 17, 47]).map(lambda v: (v, v)),
    "meta l4proto": st.sampled_from([1, 6, 17, 58]).map(lambda v: (v, v)),
    "meta nfproto": st.sampled_from([2, 10]).map(lambda v: (v, v)),
    "meta length": interval([40, 60, 1500], 11),
    "ip ttl": interval([1, 64, 255], 8),
    "ip6 hoplimit": interval([1, 64, 255], 8),
    "icmp type": st.sampled_from([0, 3, 8, 11]).map(lambda v: (v, v)),
    "icmpv6 type": st.sampled_from([1, 128, 135]).map(lambda v: (v, v)),
    "meta iifname": NAME_INTERVALS,
    "meta oifname": NAME_INTERVALS,
    "ct direction": st.sampled_from([0, 1]).map(lambda v: (v, v)),
}
L3 = {"ip": 4, "ip6": 6, "icmp": 4, "icmpv6": 6}
TRANSPORT = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}


def fits(family, names):
    """Whether nft takes these fields together in a rule of a family."""
    versions = {L3[name.split()[0]] for name in names if name.split()[0] in L3}
    transports = {TRANSPORT[name.split()[0]] for name in names if name.split()[0] in TRANSPORT}
    settled = any(name in ("ip protocol", "meta l4proto", "meta nfproto") for name in names)
    only = {"ip": 4, "ip6": 6}.get(family)
    if only and "meta nfproto" in names:
        return False
    return len(versions | ({only} if only else set())) <= 1 and len(transports) <= 1 and not (settled and (transports or len(names) > 1))


@st.composite
def matches(draw, family):
    """One to three matches that go together."""
    chosen = draw(st.lists(st.sampled_from([*FIELDS, "ct state", "tcp flags", "meta skuid"]), min_size=1, max_size=3, unique=True))
    plain = [name for name in chosen if name in FIELDS or name == "tcp flags"]
    if not fits(family, plain):
        chosen = ["ct state"]
    found = []
    for name in chosen:
        key = Key(SELECTORS[name])
        if name == "ct state":
            mask = draw(st.sampled_from([1, 2, 4, 8, 64, 6, 10, 7]))
            op = draw(st.sampled_from(["any", "any", "==", "!="]))
            found.append(Match((key,), op, SetLiteral((Element(((mask, mask),)),))))
        elif name == "tcp flags":
            mask = draw(st.sampled_from([0x17, 0x03, 0x3F]))
            value = draw(st.sampled_from([2, 0x12, 1])) & mask
            found.append(Match((Key(key.selector, mask),), draw(st.sampled_from(["==", "!="])), SetLiteral((Element(((value, value),)),))))
        elif name == "meta skuid":
            found.append(Match((key,), "==", SetLiteral((Element(((1000, 1000),)),))))
        else:
            found.append(draw(field_match(key, name)))
    return found


@st.composite
def field_match(draw, key, name):
    if draw(st.booleans()):
        elements = draw(st.lists(FIELDS[name], min_size=1, max_size=4))
        if "name" in name or key.selector.type_name not in ("ipv4_addr", "ipv6_addr", "inet_service"):
            elements = elements[:1]
        return Match(
            (key,), draw(st.sampled_from(["==", "!="])), SetLiteral(tuple(Element((each,)) for each in disjoint(elements)), braces=True)
        )
    first, last = draw(FIELDS[name])
    ordered = ["==", "!="] if "name" in name else ["==", "!=", "<", ">=", ">", "<="]
    op = draw(st.sampled_from(ordered))
    return Match((key,), op, SetLiteral((Element(((first, last if op in ("==", "!=") else first),)),)))


def disjoint(intervals):
    """nft refuses overlaps within a set."""
    kept = []
    for first, last in sorted(intervals):
        if not kept or first > kept[-1][1] + 1:
            kept.append((first, last))
    return kept


LIMITS = st.builds(
    Limit, rate=st.sampled_from([1, 3, 10]), per_s=st.sampled_from([1, 60]), over=st.booleans(), burst=st.sampled_from([1, 5])
)
#: Statements that remember beside limits: for comparisons with the kernel, which the slow reference has no part in.
COUNTED = st.one_of(
    LIMITS,
    st.builds(ConnCount, count=st.integers(0, 4), over=st.booleans()),
    st.builds(ConnCount, count=st.integers(0, 4), over=st.booleans()),
    st.builds(Quota, size=st.sampled_from([100, 1000, 5000]), over=st.booleans()),
    st.just(Match((Key(SELECTORS["th dport"]),), "==", SetRef("fading"))),
)
#: Of each table in such a ruleset. Lower intervals end first (see DIFFERENCES.md).
FADING = NamedSet(
    "fading",
    ("inet_service",),
    flags=("interval", "timeout"),
    elements=tuple(
        Element(((first, last),), timeout_ns=seconds * 10**9)
        for first, last, seconds in ((20, 60, 5), (80, 80, 20), (443, 1024, 60), (40000, 65535, 3600))
    ),
)
ENDS = st.sampled_from([Verdict("accept"), Verdict("drop"), Reject(), Verdict("return"), None])


@st.composite
def rules(draw, family, targets, with_limits):
    statements = list(draw(matches(family)))
    if draw(st.integers(0, 5)) == 0:
        statements.append(Counter())
    if with_limits and draw(st.integers(0, 4)) == 0:
        statements.insert(draw(st.integers(0, len(statements))), draw(COUNTED if with_limits == "counts" else LIMITS))
    choice = draw(st.integers(0, 7))
    jumps = [Verdict(kind, target) for target in targets for kind in ("jump", "goto")]
    if choice == 0 and not any(each.keys[0].selector.text.startswith(("tcp", "udp")) for each in statements if isinstance(each, Match)):
        ends = [Verdict("accept"), Verdict("drop"), *jumps]
        pairs = draw(st.lists(st.sampled_from([6, 17, 1, 58]), min_size=1, max_size=3, unique=True))
        elements = tuple(Element(((proto, proto),), draw(st.sampled_from(ends))) for proto in pairs)
        statements.append(VerdictMap((Key(SELECTORS["meta l4proto"]),), SetLiteral(elements, braces=True)))
    elif choice <= 3 and jumps:
        statements.append(draw(st.sampled_from(jumps)))
    else:
        end = draw(ENDS)
        statements += [Log((("prefix", "x "),))] if end is None else [end]
    return Rule(tuple(statements), draw(st.sampled_from(["", "", "why"])))


@st.composite
def tables(draw, number, with_limits):
    family = draw(st.sampled_from(["inet", "inet", "ip", "ip6"]))
    names = [f"c{index}" for index in range(draw(st.integers(0, 3)))]
    chains = []
    for index, name in enumerate(names):
        body = draw(st.lists(rules(family, names[index + 1 :], with_limits), max_size=3))
        chains.append(Chain(name, tuple(body)))
    for index in range(draw(st.integers(1, 2))):
        hook = draw(st.sampled_from(["forward", "forward", "prerouting", "postrouting", "input", "output"]))
        base = BaseChain("filter", hook, draw(st.sampled_from([-300, -150, 0, 0, 10])), draw(st.sampled_from(["accept", "drop"])))
        chains.append(Chain(f"base{index}", tuple(draw(st.lists(rules(family, names, with_limits), max_size=5))), base))
    return Table(family, f"t{number}", tuple(chains), (FADING,) if with_limits == "counts" else ())


@st.composite
def rulesets(draw, with_limits=False):
    """A ruleset of one or two tables; ``with_limits``: True, or ``"counts"`` for all that rules remember."""
    return Ruleset(tuple(draw(tables(number, with_limits)) for number in range(draw(st.integers(1, 2)))))


@st.composite
def packets(draw, unknown=True):
    """A packet that can occur."""
    l3 = draw(st.sampled_from([4, 4, 6]))
    world = V4 if l3 == 4 else V6
    names = [*INTERFACES, *([None] if unknown else [])]
    path = draw(st.sampled_from([consts.PATH_FORWARD, consts.PATH_FORWARD, consts.PATH_INPUT, consts.PATH_OUTPUT]))
    return Packet(
        l3=l3,
        proto=draw(st.sampled_from([6, 17, 1 if l3 == 4 else 58, 47])),
        src=draw(st.sampled_from(world)),
        dst=draw(st.sampled_from(world)),
        sport=draw(st.sampled_from(PORTS)),
        dport=draw(st.sampled_from(PORTS)),
        tcp_flags=draw(st.sampled_from([2, 0x12, 0x10, 0x11])),
        icmp_type=draw(st.sampled_from([0, 3, 8, 1, 128, 135])),
        iif="" if path == consts.PATH_OUTPUT else draw(st.sampled_from(names)),
        oif="" if path == consts.PATH_INPUT else draw(st.sampled_from(names)),
        ct_state=draw(
            st.sampled_from(
                [consts.CT_NEW, consts.CT_NEW, consts.CT_ESTABLISHED, consts.CT_RELATED, consts.CT_INVALID, consts.CT_UNTRACKED]
            )
        ),
        direction=draw(st.sampled_from([0, 1])),
        path=path,
        form=draw(st.sampled_from(["whole", "whole", "whole", "fragment", *(["cut"] if unknown else [])])),
        length=draw(st.sampled_from([40, 60, 1500])),
        ttl=draw(st.sampled_from([1, 64, 255])),
    )


__all__ = ["INTERFACES", "NamedSet", "SetRef", "packets", "rulesets"]
