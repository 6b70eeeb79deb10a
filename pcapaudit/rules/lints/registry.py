"""The kinds of lints: stable codes, what each means, and why it matters. Data; ``docs/lints.md`` is made from it.

A lint is about the rules alone, holds for every packet there can be, and is never a guess: where the analysis cannot be certain, it says
nothing. Codes never change their meaning and are never used again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pcapaudit.rules.model import Place

__all__ = ["LINTS", "Lint", "LintKind"]


@dataclass(frozen=True, slots=True)
class LintKind:
    """One kind of lint."""

    code: str
    #: ``high``, ``medium`` or ``low``, as findings have it.
    severity: str
    #: One line.
    title: str
    #: Why it matters.
    why: str
    #: What to do.
    advice: str
    #: A ruleset's lines that have it.
    example: str
    #: Documentation or kernel behaviour that it rests on.
    source: str


@dataclass(frozen=True, slots=True)
class Lint:
    """One lint found."""

    kind: LintKind
    #: What was found, without a full stop.
    message: str
    #: The rule, chain or policy concerned.
    place: Place
    #: Another place that has to do with it, such as the rule that covers this one.
    other: Place | None = None
    #: Words that stay the same while lines move: the rule's text.
    identity: str = ""
    #: Numbers of a capture, when one was given.
    evidence: dict[str, int] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """Its kind's code."""
        return self.kind.code


_ALL = (
    LintKind(
        "duplicate-rule",
        "low",
        "The same rule stands before it in its chain.",
        "Harmless, but whoever changes one of the two will wonder why nothing happens.",
        "remove one of the two",
        "tcp dport 22 accept\ntcp dport 22 accept",
        "rules of a chain are tried in order; the first verdict ends it",
    ),
    LintKind(
        "established-late",
        "low",
        "Packets of standing connections pass many rules before the one that accepts them.",
        "Nearly every packet belongs to a standing connection. Each one pays for every rule in front.",
        "move the rule that accepts established to the top of the chain",
        "tcp dport 1 drop\n… 15 more …\nct state established accept",
        "rules of a chain are tried in order",
    ),
    LintKind(
        "helper-not-assigned",
        "low",
        "A protocol that opens further connections is allowed, and no rule gives its connections a helper.",
        "Without a helper the data connections of FTP, the media of SIP and the like are new connections, not related ones: Linux assigns "
        "no helper by itself.",
        "add a ct helper object and a rule with ct helper set, or allow the further connections by port",
        "ct state established,related accept\ntcp dport 21 ct state new accept",
        "nf_conntrack_helper is off since Linux 4.7 and gone since 6.0",
    ),
    LintKind(
        "invalid-accepted",
        "medium",
        "A rule accepts packets that conntrack calls invalid.",
        "Invalid packets belong to no connection that the firewall knows: replies outside the window, stray resets, scans. Nothing behind "
        "this rule sees them, and replies to translated connections leave with their inner address.",
        "drop ct state invalid before any rule accepts it",
        "ct state invalid,established accept",
        "nf_conntrack: an invalid packet has no connection",
    ),
    LintKind(
        "ipv6-unfiltered",
        "high",
        "A hook is closed for IPv4 and has no chain at all for IPv6.",
        "A table ip does nothing for IPv6: every IPv6 packet is accepted at that hook.",
        "use a table inet, or add a table ip6 with the same chain",
        "table ip filter {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}",
        "nft(8), address families",
    ),
    LintKind(
        "nexthdr-misses-extensions",
        "low",
        "ip6 nexthdr names the header that follows the IPv6 header, not the transport protocol.",
        "Behind an extension header the rule does not match: multicast listener reports always have one (RFC 3810).",
        "write meta l4proto in place of ip6 nexthdr",
        "ip6 nexthdr icmpv6 accept",
        "nft(8), IPv6 header expression; RFC 8200, section 4",
    ),
    LintKind(
        "path-mtu-killed",
        "high",
        "The ICMP errors by which path MTU discovery works are never accepted.",
        "Connections over a link with a smaller MTU come up and then hang with the first large packet.",
        "accept ct state related, or icmp type destination-unreachable and icmpv6 type packet-too-big, before dropping ICMP",
        "meta l4proto { icmp, ipv6-icmp } drop\nct state established,related accept\n… policy drop",
        "RFC 1191, RFC 8201, RFC 4890 section 4.3.1",
    ),
    LintKind(
        "related-never-accepted",
        "medium",
        "Packets of standing connections are accepted, packets related to them never.",
        "ICMP errors about the firewall's own connections, path MTU discovery among them, and whatever helpers announce are lost.",
        "accept ct state established,related",
        "ct state established accept\ntcp dport 22 ct state new accept\n… policy drop",
        "RFC 4890 section 4.3.1; conntrack calls ICMP errors about a connection related",
    ),
    LintKind(
        "shadowed-rule",
        "medium",
        "An earlier rule of the chain ends the chain for every packet that this rule could match.",
        "The rule does nothing, which is hardly what it was written for.",
        "move it in front of the other rule, or remove it",
        "ip saddr 10.0.0.0/8 accept\nip saddr 10.1.0.0/16 tcp dport 22 drop",
        "rules of a chain are tried in order; the first verdict ends it",
    ),
    LintKind(
        "unreachable-rule",
        "medium",
        "The rule stands behind one that ends the chain for every packet.",
        "It is never looked at.",
        "move it in front of the other rule, or remove it",
        "drop\ntcp dport 22 accept",
        "rules of a chain are tried in order; the first verdict ends it",
    ),
)

#: code → kind
LINTS: dict[str, LintKind] = {each.code: each for each in _ALL}
