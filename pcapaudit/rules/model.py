"""A ruleset as values: what the readers of nftables, iptables-save and policy files all make, and the compiler takes.

    Ruleset ─ Table ─ Chain ─ Rule ─ Statement: Match, VerdictMap, Verdict, Reject, Limit, Counter, Log
                    └ NamedSet ─ Element

Everything is frozen and compares by value; places in files (``place``) do not take part in comparisons, so a ruleset that was
printed and read again equals the first. Numbers are as ``datatypes`` describes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules.selectors import Selector

__all__ = [
    "BaseChain",
    "Chain",
    "Counter",
    "Element",
    "Key",
    "Limit",
    "Log",
    "Match",
    "NamedSet",
    "Place",
    "Reject",
    "Rule",
    "Ruleset",
    "SetLiteral",
    "SetRef",
    "Statement",
    "Table",
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


Statement = Match | VerdictMap | Verdict | Reject | Log | Counter | Limit


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
    #: Datatype name of what a map yields (``verdict``), empty for a set.
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
    #: ``performance`` or ``memory``, a hint for the kernel.
    policy: str = ""
    #: The person's remark.
    comment: str = ""
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
