"""A ruleset as values: what the readers of nftables, iptables-save and policy files all make, and the compiler takes.

    Ruleset ─ Table ─ Chain ─ Rule ─ Statement: Match, VerdictMap, Verdict, Reject, Limit, Quota, Counter, Log, Assign, Nat …
                    ├ NamedSet ─ Element
                    └ NamedObject

Everything is frozen and compares by value; places in files (``place``) do not take part in comparisons, so a ruleset that was
printed and read again equals the first. Numbers are as ``datatypes`` describes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules.selectors import Selector

__all__ = [
    "Assign",
    "BaseChain",
    "Chain",
    "ConnCount",
    "Counter",
    "Element",
    "Key",
    "Limit",
    "Log",
    "MapLookup",
    "Match",
    "NamedObject",
    "NamedSet",
    "Nat",
    "Notrack",
    "Number",
    "ObjectRef",
    "Opaque",
    "Place",
    "Queue",
    "Quota",
    "Recent",
    "Reject",
    "Rule",
    "Ruleset",
    "SetLiteral",
    "SetRef",
    "SetUpdate",
    "Side",
    "Statement",
    "Synproxy",
    "Table",
    "Tproxy",
    "Unsupported",
    "Value",
    "Verdict",
    "VerdictMap",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file."""

    #: File name as the person gave it.
    path: str = ""
    #: 1-based line, 0 when it stands in no file.
    line: int = 0
    #: 1-based column.
    column: int = 0


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Key:
    """The left side of a match: a selector, and bits that are cut out of it or turned over."""

    #: What is read.
    selector: Selector
    #: Bits kept (``tcp flags & (fin | syn)``), or None for all.
    mask: int | None = None
    #: Bits turned over afterwards.
    xor: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """``accept``, ``drop``, ``continue``, ``return``, ``jump`` or ``goto``."""

    #: The word.
    kind: str
    #: Chain of ``jump`` and ``goto``.
    target: str = ""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a set or map: an interval for each part of its key, bounds included."""

    #: (first, last) for each part; equal for a single value.
    parts: tuple[tuple[int, int], ...]
    #: Verdict of a verdict map's element.
    verdict: Verdict | None = None
    #: What a map's element yields: (first, last) for each part; None for a set's element.
    data: tuple[tuple[int, int], ...] | None = None
    #: Name of the object that an object map's element yields.
    named: str = ""
    #: Lifetime in ns; None for ever.
    timeout_ns: int | None = None
    #: What is left of the lifetime, in ns, as saved output says it.
    expires_ns: int | None = None
    #: The person's remark.
    comment: str = ""


@dataclass(frozen=True, slots=True)
class SetLiteral:
    """Values written in the rule itself."""

    #: The values.
    elements: tuple[Element, ...]
    #: Written with braces: a set look-up and not a comparison.
    braces: bool = False


@dataclass(frozen=True, slots=True)
class SetRef:
    """``@name``: a set or map of the same table."""

    name: str


@dataclass(frozen=True, slots=True)
class Match:
    """Compares what is read of the packet with values.

    Operators: ``==`` (for sets: is in it), ``!=``, ``<``, ``>``, ``<=``, ``>=``, and ``any``: at least one bit of the mask is set,
    which is what nftables means by ``ct state established,related`` and ``tcp flags syn``.
    """

    #: One key, or several for a concatenation.
    keys: tuple[Key, ...]
    #: The operator.
    op: str
    #: What it is compared with.
    right: SetLiteral | SetRef
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class VerdictMap:
    """``KEY vmap { value : verdict }``: the verdict of the element that holds the key, if any."""

    #: One key, or several for a concatenation.
    keys: tuple[Key, ...]
    #: The map.
    right: SetLiteral | SetRef
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuses the packet and tells its sender."""

    #: ``icmp``, ``icmpv6``, ``icmpx`` or ``tcp``; empty for the default, port unreachable.
    kind: str = ""
    #: Code of the ICMP message.
    code: int = 0


@dataclass(frozen=True, slots=True)
class Log:
    """Writes a line to the kernel's log; here it changes nothing."""

    #: (option, value) as written: prefix, level, group, flags …
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts packets and bytes. Saved values are kept in print and do not enter our counts."""

    #: Packets that the file says were counted, or None.
    packets: int | None = None
    #: Bytes that the file says were counted, or None.
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A token bucket: matches while there are tokens, or with ``over`` when there are none."""

    #: Packets, or bytes, that flow in …
    rate: int
    #: … in so many seconds.
    per_s: int
    #: Matches the excess.
    over: bool = False
    #: Counts bytes.
    of_bytes: bool = False
    #: Size of the bucket beyond one unit, in packets or bytes.
    burst: int = 5
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Quota:
    """So many bytes: matches until they are used up, or with ``over`` from then on."""

    #: Bytes.
    size: int
    #: Matches the excess.
    over: bool = False
    #: Bytes that saved output says were used.
    used: int = 0
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ConnCount:
    """``ct count``: matches while no more connections than so many came by here and still stand, or with ``over`` when there are more.

    iptables' connlimit keeps a count for each address, which nftables says with a set.
    """

    #: Connections.
    count: int
    #: Matches the excess.
    over: bool = False
    #: IP version of the addresses with counts of their own; 0: one count for all.
    l3: int = 0
    #: Bits of the address that count.
    mask: int = 0
    #: By the source address, else by the destination.
    by_source: bool = True
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A value written down: an interval, because ``snat to`` takes ranges; a single value otherwise."""

    #: Its datatype's name.
    type_name: str
    #: First value.
    first: int
    #: Last value.
    last: int


@dataclass(frozen=True, slots=True)
class MapLookup:
    """``KEY map { key : value }``; a rule whose key the map does not hold ends there."""

    #: One key, or several for a concatenation.
    keys: tuple[Key, ...]
    #: The map.
    right: SetLiteral | SetRef
    #: Datatype names of what the map yields; several for ``dnat ip to … map``.
    data_types: tuple[str, ...]
    place: Place = field(default=NOWHERE, compare=False)


#: What a statement sets something to. A key is something read of the packet.
Value = Number | Key | MapLookup


@dataclass(frozen=True, slots=True)
class Assign:
    """``meta mark set 1``, ``ct mark set meta mark``, ``ip dscp set cs1``, ``tcp option maxseg size set rt mtu``."""

    #: What is set.
    target: Selector
    #: To what; a key may stand for the target's old value with some bits changed.
    value: Value
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Nat:
    """``snat``, ``dnat``, ``masquerade`` or ``redirect``: the connection is translated, and the packet accepted by this chain."""

    #: The word.
    kind: str
    #: ``ip`` or ``ip6`` where it is written, else empty.
    family: str = ""
    #: New address, or range of addresses; None for none.
    address: Value | None = None
    #: New port, or range of ports; None for none.
    port: Value | None = None
    #: ``random``, ``fully-random``, ``persistent``.
    flags: tuple[str, ...] = ()
    #: A prefix takes the place of the address's prefix.
    of_prefix: bool = False
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Side:
    """A statement that changes nothing of what is computed here: ``flow add``, ``dup``, ``last``, the setting of a helper or time-out.

    It is kept as it was written.
    """

    #: The first word or words, for notes: ``flow add``.
    kind: str
    #: The whole statement.
    text: str
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Opaque:
    """A match whose answer no capture holds and whose inside does not matter then: ``ct count over 20``, an xtables module."""

    #: As nftables writes it; empty when nftables has no words for it.
    text: str
    #: What it is called in notes.
    name: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A whole rule that was not understood: whether it matches, and what it does then, nobody knows (``--unsupported=undecidable``)."""

    #: As it was written.
    text: str
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Notrack:
    """Keeps the packet from conntrack."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Leaves the verdict to a program; nobody knows it."""

    #: Queue numbers, as written; empty for the default.
    number: str = ""
    #: ``bypass``, ``fanout``.
    flags: tuple[str, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Tproxy:
    """Hands the packet to a local socket. Whether there is one, no capture says: if not, the rule ends here."""

    #: ``ip`` or ``ip6`` where it is written.
    family: str = ""
    address: Value | None = None
    port: Value | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Synproxy:
    """Answers SYN packets in the server's place. What happens to the packet is not computed."""

    #: Options as written.
    options: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """``limit name "x"``, ``counter name "x"``, ``ct helper set "ftp"``: uses a named object."""

    #: ``counter``, ``limit``, ``quota``, ``synproxy``, ``ct helper``, ``ct timeout``, ``ct expectation``.
    kind: str
    #: Name of the object, or empty when a map chooses it.
    name: str = ""
    #: The map that chooses it.
    chosen: MapLookup | None = None
    place: Place = field(default=NOWHERE, compare=False)
    #: Of a helper: for the connections that begin behind a rule before conntrack (iptables' CT target).
    template: bool = False


@dataclass(frozen=True, slots=True)
class SetUpdate:
    """``add|update|delete @SET { KEY … }``: a packet that writes to a set. Meters are such sets too.

    The element's own statements are run too, and end the rule if they do not match.
    """

    #: ``add``, ``update`` or ``delete``.
    op: str
    #: Name of the set.
    name: str
    #: One key, or several for a concatenation.
    keys: tuple[Key, ...]
    #: Lifetime given here, in ns; None for the set's own.
    timeout_ns: int | None = None
    #: Statements that each element holds for itself.
    statements: tuple[Limit | Quota | ConnCount | Counter | Side, ...] = ()
    #: What a map's new element yields.
    data: Value | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Recent:
    """``-m recent`` of iptables: a list of addresses with the times at which they were seen. nftables has no words for it."""

    #: Name of the list.
    name: str
    #: ``set``, ``rcheck``, ``update`` or ``remove``.
    action: str
    #: 4 or 6.
    l3: int
    #: By the source address, else by the destination.
    by_source: bool = True
    #: Bits of the address that count.
    mask: int = (1 << 32) - 1
    #: Only times in the last so many seconds count; 0 for all.
    seconds: int = 0
    #: So many times must count; 0 for one.
    hitcount: int = 0
    #: The TTL must be the same.
    with_ttl: bool = False
    #: The answer is turned round.
    inverted: bool = False
    place: Place = field(default=NOWHERE, compare=False)


Statement = (
    Match
    | VerdictMap
    | Verdict
    | Reject
    | Log
    | Counter
    | Limit
    | Quota
    | ConnCount
    | Assign
    | Nat
    | Side
    | Opaque
    | Notrack
    | Queue
    | Tproxy
    | Synproxy
    | ObjectRef
    | SetUpdate
    | Recent
    | Unsupported
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Statements, worked off from left to right until one does not match."""

    #: The statements.
    statements: tuple[Statement, ...]
    #: The person's remark.
    comment: str = ""
    #: Handle in saved output, or 0.
    handle: int = field(default=0, compare=False)
    place: Place = field(default=NOWHERE, compare=False)
    #: The rule as iptables-save writes it, without its chain; None for a rule that was read from something else.
    saved: str | None = field(default=None, compare=False)
    #: The rule in front was made of the same line of iptables-save.
    continues: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class BaseChain:
    """What makes a chain a base chain: where the kernel calls it, and what happens at its end."""

    #: ``filter``, ``nat`` or ``route``.
    type: str
    #: Name of the hook.
    hook: str
    #: Chains of a hook run from the lowest priority to the highest.
    priority: int
    #: ``accept`` or ``drop``.
    policy: str = "accept"
    #: Devices of an ingress or egress hook.
    devices: tuple[str, ...] = ()
    #: Where the policy is written; the chain's place when it is not.
    policy_place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in order."""

    #: Its name.
    name: str
    #: Its rules.
    rules: tuple[Rule, ...] = ()
    #: Hook and policy, or None for a chain that is only jumped to.
    base: BaseChain | None = None
    #: The person's remark.
    comment: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A set or verdict map with a name."""

    #: Its name.
    name: str
    #: Datatype names of the parts of its key.
    types: tuple[str, ...]
    #: The selectors of ``typeof``, else empty.
    typeof: tuple[Selector, ...] = ()
    #: What a map yields: ``verdict``, a datatype's name or several joined by " . ", or an object's kind; empty for a set.
    data_type: str = ""
    #: ``constant``, ``interval``, ``timeout``, ``dynamic``.
    flags: tuple[str, ...] = ()
    #: Lifetime of elements that state none, in ns.
    timeout_ns: int | None = None
    #: How often the kernel sweeps it, in ns.
    gc_interval_ns: int | None = None
    #: Largest number of elements.
    size: int | None = None
    #: Adjacent and overlapping intervals become one.
    auto_merge: bool = False
    #: Its elements.
    elements: tuple[Element, ...] = ()
    #: Elements carry a counter.
    counter: bool = False
    #: Other statements that every element carries, as ``add`` would make them.
    statements: tuple[Limit | Quota | ConnCount | Counter | Side, ...] = ()
    #: ``performance`` or ``memory``, a hint for the kernel.
    policy: str = ""
    #: The person's remark.
    comment: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class NamedObject:
    """``limit``, ``quota``, ``counter``, ``ct helper`` and other things with a name that rules refer to."""

    #: ``limit``, ``quota``, ``counter``, ``ct helper``, ``ct timeout``, ``ct expectation``, ``synproxy``, ``secmark``, ``flowtable``.
    kind: str
    #: Its name.
    name: str
    #: What a limit or a quota is.
    value: Limit | Quota | None = None
    #: The lines of its block, for all others.
    lines: tuple[str, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A family's chains and sets."""

    #: ``ip``, ``ip6``, ``inet``, ``arp``, ``bridge`` or ``netdev``.
    family: str
    #: Its name.
    name: str
    #: Chains in order of creation, which decides among base chains of equal priority.
    chains: tuple[Chain, ...] = ()
    #: Named sets and maps.
    sets: tuple[NamedSet, ...] = ()
    #: Other things with names.
    objects: tuple[NamedObject, ...] = ()
    #: A dormant table sees no packet.
    dormant: bool = False
    #: The person's remark.
    comment: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Everything that one file (and what it includes) sets up."""

    #: Tables in order of creation.
    tables: tuple[Table, ...] = ()
    #: What the person should know, though the file can be used: what stock nft refuses, or what does not do what it seems to.
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False)
