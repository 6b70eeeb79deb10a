"""Lints about what a whole ruleset does to kinds of packets: ICMP errors, related packets, standing connections, IPv6."""

from __future__ import annotations

from collections.abc import Iterator

from pcapaudit.rules.check import jump_targets
from pcapaudit.rules.lints.regions import IPV4, IPV6, L4PROTO, NFPROTO, STATE, STATES, Known, known_of, region_of, values_of
from pcapaudit.rules.lints.registry import LINTS, Lint
from pcapaudit.rules.lints.walks import Facts, Walk
from pcapaudit.rules.model import Chain, Match, NamedObject, ObjectRef, Rule, Ruleset, SetLiteral, Side, Table, Verdict, VerdictMap
from pcapaudit.rules.nft.printer import format_rule

__all__ = ["policy_lints"]

#: Hooks at which packets come in from others.
_HOOKS = ("input", "forward")
_NAMES = {IPV4: "IPv4", IPV6: "IPv6"}
_LEADS = ("accept", "jump", "goto")
#: Rules in front of the one that accepts established, from which on it is late.
LATE = 16
_TCP, _UDP = 6, 17
#: A rule that allows so many ports besides allows the further connections by port.
_BY_PORT = 100
#: Control ports whose protocols open further connections: (protocol, port) → helper, and what it announces.
_CONTROLS = {
    (_TCP, 21): ("ftp", "FTP's data connections"),
    (_UDP, 69): ("tftp", "TFTP's answers"),
    (_TCP, 1723): ("pptp", "PPTP's GRE tunnel"),
    (_UDP, 5060): ("sip", "the media of SIP calls"),
    (_TCP, 6667): ("irc", "IRC's direct connections"),
}


def policy_lints(ruleset: Ruleset, *, one_family: bool = False) -> Iterator[Lint]:
    """Lints of base chains. ``one_family``: the other IP version has a file of its own that was not given (iptables-save)."""
    for table in ruleset.tables:
        if table.dormant or table.family not in ("ip", "ip6", "inet"):
            continue
        known = known_of(ruleset, table)
        chains = {each.name: each for each in table.chains}
        for chain in table.chains:
            if chain.base is not None and chain.base.type == "filter" and chain.base.hook in _HOOKS:
                yield from _of_base(chain, chains, known)
        yield from _helpers(ruleset, table, known)
    if not one_family:
        yield from _unfiltered(ruleset)


def _exactly(**facts: int) -> Facts:
    names = {"version": NFPROTO, "proto": L4PROTO, "state": STATE, "type4": "icmp type", "type6": "icmpv6 type", "code": "icmp code"}
    return {names[name]: [(value, value)] for name, value in facts.items()}


def _of_base(chain: Chain, chains: dict[str, Chain], known: Known) -> Iterator[Lint]:
    def ends(facts: Facts) -> set[str]:
        return Walk(chains, known, facts).ends(chain)

    place = chain.place
    found: dict[tuple[str, str], list[str]] = {}
    for version in (each for each in (IPV4, IPV6) if each in known.families):
        if "accept" not in ends(_exactly(version=version, state=STATES["established"], proto=_TCP)):
            continue
        if _forgets_related(version, chain, chains, known):
            what = "established packets, and no rule of it speaks of related ones or of ICMP errors"
            found.setdefault(("related-never-accepted", f"accepts {what}"), []).append(_NAMES[version])
        elif "accept" not in ends(_exactly(version=version, state=STATES["related"])):
            found.setdefault(("related-never-accepted", "accepts established packets, and never related ones"), []).append(_NAMES[version])
        elif "accept" not in ends(_pmtu(version)):
            what = "ICMP fragmentation-needed or ICMPv6 packet-too-big"
            found.setdefault(("path-mtu-killed", f"never accepts {what}"), []).append(_NAMES[version])
    for (code, message), names in found.items():
        yield Lint(LINTS[code], f"chain {chain.name} {message} ({' and '.join(names)})", place, None, f"{chain.name} {' '.join(names)}")
    looked = Walk(chains, known, _exactly(state=STATES["established"])).until_accept(chain)
    if looked >= LATE:
        message = f"packets of standing connections pass {looked} rules of chain {chain.name} before one accepts them"
        yield Lint(LINTS["established-late"], message, place, None, chain.name)


def _forgets_related(version: int, chain: Chain, chains: dict[str, Chain], known: Known) -> bool:
    """Established packets are accepted for certain; related ones only where a rule that speaks of neither state nor ICMP lets them by."""

    def certain(state: str) -> bool:
        return Walk(chains, known, _exactly(version=version, state=STATES[state])).until_accept(chain) >= 0

    if not certain("established") or certain("related") or (chain.base is not None and chain.base.policy == "accept"):
        return False
    return not any(_speaks_of_related(rule, version, known) for each in _below(chain, chains, known) for rule in each.rules)


def _below(chain: Chain, chains: dict[str, Chain], known: Known) -> list[Chain]:
    """A chain and all that it leads to."""
    found, todo = {chain.name: chain}, [chain]
    while todo:
        for rule in todo.pop().rules:
            for target in jump_targets(rule, known.sets):
                if target in chains and target not in found:
                    found[target] = chains[target]
                    todo.append(chains[target])
    return list(found.values())


def _speaks_of_related(rule: Rule, version: int, known: Known) -> bool:
    """Whether a rule that may accept asks for ct state related, or for ICMP of the version."""
    if not any(isinstance(each, VerdictMap) or (isinstance(each, Verdict) and each.kind in _LEADS) for each in rule.statements):
        return False
    icmp, bit = (1 if version == IPV4 else 58), STATES["related"]
    for each in rule.statements:
        if not isinstance(each, (Match, VerdictMap)):
            continue
        asked = Match(each.keys, "==", each.right) if isinstance(each, VerdictMap) else each
        for key in asked.keys:
            if key.selector.proto == icmp:
                return True
        found = values_of(asked, known)
        names = {STATE: bit, L4PROTO: icmp, "ip6 nexthdr": icmp}
        if found is None and any(key.selector.text in names for key in asked.keys):
            return True
        if found is not None and found[0] in names and any(first <= names[found[0]] <= last for first, last in found[1]):
            return True
    return False


def _pmtu(version: int) -> Facts:
    """The error that tells a sender to send smaller packets; conntrack calls it related."""
    if version == IPV4:
        return _exactly(version=version, state=STATES["related"], proto=1, type4=3, code=4)
    return _exactly(version=version, state=STATES["related"], proto=58, type6=2)


# IPv6 ---------------------------------------------------------------------------------------------------------------------------------


def _unfiltered(ruleset: Ruleset) -> Iterator[Lint]:
    bases = [
        (table, chain)
        for table in ruleset.tables
        for chain in table.chains
        if chain.base is not None and chain.base.type == "filter" and not table.dormant
    ]
    for hook in _HOOKS:
        here = [(table, chain) for table, chain in bases if chain.base is not None and chain.base.hook == hook]
        if any(table.family in ("ip6", "inet") for table, _ in here):
            continue
        for table, chain in here:
            if table.family == "ip" and chain.base is not None and chain.base.policy == "drop":
                message = (
                    f"hook {hook} drops IPv4 by the policy of chain {chain.name}, and accepts every IPv6 packet: no table sees it there"
                )
                yield Lint(LINTS["ipv6-unfiltered"], message, chain.place, None, f"{table.name} {chain.name}")


# Helpers ------------------------------------------------------------------------------------------------------------------------------


def _helpers(ruleset: Ruleset, table: Table, known: Known) -> Iterator[Lint]:
    assigned = {each for other in ruleset.tables for each in _assigned(other)}
    related = any(_accepts_related(rule, known) for chain in table.chains for rule in chain.rules)
    done: set[str] = set()
    for rule in (rule for chain in table.chains for rule in chain.rules):
        for name, what in _controls(rule, known) if related else ():
            if name not in assigned and name not in done:
                done.add(name)
                message = f"allows {name}, and no rule assigns its helper: {what} are new connections"
                yield Lint(LINTS["helper-not-assigned"], message, rule.place, None, format_rule(rule))


def _assigned(table: Table) -> Iterator[str]:
    """Types of the helpers that rules of a table give to connections."""
    types = {each.name: _helper_type(each) for each in table.objects if each.kind == "ct helper"}
    for statement in (statement for chain in table.chains for rule in chain.rules for statement in rule.statements):
        if isinstance(statement, ObjectRef) and statement.kind == "ct helper":
            yield from types.values() if statement.chosen is not None else (types.get(statement.name, statement.name),)
        elif isinstance(statement, Side) and "helper" in statement.kind:
            yield from (name for name, _ in _CONTROLS.values())


def _helper_type(known: NamedObject) -> str:
    words = " ".join(known.lines).replace('"', " ").replace(";", " ").split()
    return words[words.index("type") + 1] if "type" in words[:-1] else known.name


def _accepts_related(rule: Rule, known: Known) -> bool:
    asks = [each for each in rule.statements if isinstance(each, Match) and each.keys[0].selector.text == STATE and len(each.keys) == 1]
    bit = STATES["related"]
    named = any((found := values_of(each, known)) is not None and (bit, bit) in found[1] for each in asks)
    return named and any(isinstance(each, Verdict) and each.kind == "accept" for each in rule.statements)


def _controls(rule: Rule, known: Known) -> Iterator[tuple[str, str]]:
    """Helpers that a rule's connections want: it accepts new ones to a control port that it names."""
    if not any(isinstance(each, Verdict) and each.kind == "accept" for each in rule.statements):
        return
    region = region_of(rule.statements, known)
    states = region.values.get(STATE, [(STATES["new"], STATES["new"])])
    if (STATES["new"], STATES["new"]) not in states:
        return
    named = {
        (each.keys[0].selector.text, element.parts[0])
        for each in rule.statements
        if isinstance(each, Match) and each.op == "==" and len(each.keys) == 1 and isinstance(each.right, SetLiteral)
        for element in each.right.elements
    }
    if any(last - first >= _BY_PORT for _, (first, last) in named):
        return
    for (proto, port), found in _CONTROLS.items():
        if (f"{'tcp' if proto == _TCP else 'udp'} dport", (port, port)) in named:
            yield found
