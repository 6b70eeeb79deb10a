"""From a policy to the model: one table with a chain for each hook that the policy speaks of.

    forward   packets from zone to zone
    input     packets to the firewall itself, if a rule speaks of it
    output    packets of the firewall itself, if a rule speaks of it

Each chain first drops what is invalid and accepts what belongs to a connection, as the policy wishes; then come its rules in the order of
the file; what is left meets the default. Zones are told apart by their interfaces, as every Linux firewall does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_network

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules.datatypes import DATATYPES
from pcapaudit.rules.intervals import merge
from pcapaudit.rules.kinds import looks_like_policy
from pcapaudit.rules.model import (
    BaseChain,
    Chain,
    Element,
    Key,
    Log,
    Match,
    NamedObject,
    ObjectRef,
    Place,
    Reject,
    Rule,
    Ruleset,
    SetLiteral,
    Statement,
    Table,
    Verdict,
)
from pcapaudit.rules.policy.reader import ANY, FIREWALL, Policy, PolicyReader, PolicyRule
from pcapaudit.rules.policy.services import HELPERS, PORT_PROTOCOLS, PolicyWordError, Service, near, parse_services
from pcapaudit.rules.selectors import SELECTORS

__all__ = ["TABLE", "make_ruleset", "policy_zones"]

#: Name of the table.
TABLE = "firewall"
_SENTENCE = re.compile(
    r"(?P<action>\w+)(?:\s+(?P<services>.+?))??(?:\s+from\s+(?P<sources>.+?))?(?:\s+to\s+(?P<targets>.+?))?(?P<log>\s+and\s+log)?"
)
_ACTIONS = ("allow", "deny", "reject")
_OTHER_WORDS = {"accept": "allow", "permit": "allow", "pass": "allow", "drop": "deny", "block": "deny", "refuse": "reject"}
_ICMP = {1: (4, "icmp type"), 58: (6, "icmpv6 type")}
#: What IPv6 needs to find its neighbours and routers (RFC 4861), and listeners of multicast (RFC 2710, RFC 3810).
_NEIGHBOURS = (130, 131, 132, 133, 134, 135, 136, 143)
#: The kernel refuses longer comments (NFTNL_UDATA_COMMENT_MAXLEN) and longer prefixes of log lines (NF_LOG_PREFIXLEN).
_MAX_COMMENT, _MAX_PREFIX = 127, 127
Network = tuple[int, int]


def make_ruleset(reader: PolicyReader) -> Ruleset:
    """The ruleset of a policy file; complaints are in the reader's ``diagnostics``."""
    return _Maker(reader).make()


def policy_zones(text: str, path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What ``--zone`` and ``--own`` would say of a file, if it is a policy file; its complaints are for ``make_ruleset``."""
    if not looks_like_policy(text, path):
        return (), ()
    policy = PolicyReader(text, path).read()
    zones = (f"{zone.name}={zone.interface}:{','.join(zone.networks)}" for zone in policy.zones.values() if zone.networks)
    return tuple(zones), policy.own


class _Maker:
    def __init__(self, reader: PolicyReader) -> None:
        self.reader = reader
        self.policy: Policy = reader.read()
        self.rules: dict[str, list[Rule]] = {"forward": []}
        self.helpers: dict[str, int] = {}
        self.named: set[str] = set()

    def make(self) -> Ruleset:
        for rule in self.policy.rules:
            try:
                self._sentence(rule)
            except PolicyWordError as error:
                self.reader.complain_at(rule.place, error.message, error.advice, error.word)
        chains = tuple(self._chain(hook, self.rules[hook]) for hook in ("input", "forward", "output") if hook in self.rules)
        objects = tuple(
            NamedObject("ct helper", name, None, (f'type "{name}" protocol {DATATYPES["inet_proto"].format(proto)}',))
            for name, proto in self.helpers.items()
        )
        place = self.reader.place(("zones",))
        return Ruleset((Table("inet", TABLE, chains, (), objects, place=place),), tuple(self._warnings()))

    def _warnings(self) -> Iterator[Diagnostic]:
        for name in self.policy.zones:
            if name not in self.named and not any(ANY in rule.sources or ANY in rule.targets for rule in self.policy.rules):
                place = self.reader.place(("zones", name))
                yield Diagnostic(
                    place.path, place.line, place.column, f"no rule speaks of zone {name}", "nothing but the default holds for it"
                )

    # Chains ---------------------------------------------------------------------------------------------------------------------

    def _chain(self, hook: str, rules: list[Rule]) -> Chain:
        policy, place = self.policy, self.reader.place(("default",) if self.policy.default != "deny" else ("rules",))
        base = BaseChain("filter", hook, 0, "accept" if policy.default == "allow" else "drop", policy_place=place)
        return Chain(hook, (*self._first(hook), *rules, *self._last(hook, place)), base, place=place)

    def _first(self, hook: str) -> Iterator[Rule]:
        """What holds before the rules."""
        place = self.reader.place(("rules",))
        if hook != "forward":
            name = "meta iifname" if hook == "input" else "meta oifname"
            yield Rule((_interfaces(name, ("lo",)), Verdict("accept")), "the machine talks to itself", place=place)
        if self.policy.drop_invalid:
            at = self.reader.place(("drop-invalid",)) if ("drop-invalid",) in self.reader.keys else place
            yield Rule((_mask("ct state", 1), Verdict("drop")), "fits no connection", place=at)
        if self.policy.stateful:
            at = self.reader.place(("stateful",)) if ("stateful",) in self.reader.keys else place
            yield Rule((_mask("ct state", 2 | 4), Verdict("accept")), "belongs to a connection", place=at)
        if hook != "forward":
            types = _any_of("icmpv6 type", [(number, number) for number in _NEIGHBOURS])
            yield Rule((types, Verdict("accept")), "IPv6 does not work without", place=place)

    def _last(self, hook: str, place: Place) -> Iterator[Rule]:
        """What holds behind them."""
        if self.policy.log_denied and self.policy.default != "allow":
            yield Rule((Log((("prefix", f"{hook} denied: "),)),), "denied by default", place=place)
        if self.policy.default == "reject":
            yield Rule((Reject("icmpx", DATATYPES["icmpx_code"].symbols["admin-prohibited"]),), "rejected by default", place=place)

    # Rules ----------------------------------------------------------------------------------------------------------------------

    def _sentence(self, rule: PolicyRule) -> None:
        self.named.update(rule.sources, rule.targets)
        found = _SENTENCE.fullmatch(rule.sentence.strip())
        if found is None or found["action"] not in _ACTIONS:
            word = found["action"] if found else ""
            advice = f'write "{_OTHER_WORDS[word]}"' if word in _OTHER_WORDS else near(word, _ACTIONS)
            raise PolicyWordError(
                f'found "{word or rule.sentence}", expected allow, deny or reject',
                advice or 'for example: "allow dns, https from 192.0.2.0/24 to 198.51.100.7 and log"',
                word,
            )
        if found["services"] is None:
            raise PolicyWordError(
                f"{found['action']} what?", f"write for example: {found['action']} dns, https — or: {found['action']} all"
            )
        services = parse_services(found["services"], self.policy.services)
        sources, targets = (_networks(found[side]) for side in ("sources", "targets"))
        for hook, zones in self._hooks(rule):
            for matches in _header_matches(sources, targets):
                rules = list(self._of_services(services, matches[0]))
                self.rules.setdefault(hook, []).extend(self._rule(rule, found, (*zones, *matches[1], *protocol)) for protocol in rules)

    def _rule(self, rule: PolicyRule, found: re.Match[str], statements: Sequence[Match | ObjectRef]) -> Rule:
        where = f"{', '.join(rule.sources)} to {', '.join(rule.targets)}"
        end: Statement = Reject() if found["action"] == "reject" else Verdict("accept" if found["action"] == "allow" else "drop")
        if found["action"] != "allow":
            statements = [each for each in statements if not isinstance(each, ObjectRef)]
        log = (Log((("prefix", f"{where} {found['action']}: "[-_MAX_PREFIX:]),)),) if found["log"] else ()
        comment = f"{where}: {' '.join(rule.sentence.split())}".replace('"', "'")
        placed = (replace(each, place=rule.place) for each in statements)
        return Rule((*placed, *log, end), comment.encode()[:_MAX_COMMENT].decode(errors="ignore"), place=rule.place)

    def _hooks(self, rule: PolicyRule) -> Iterator[tuple[str, tuple[Match, ...]]]:
        """(hook, matches of its interfaces) for the parts of a rule: one side may name zones and the firewall."""
        if FIREWALL in rule.sources and FIREWALL in rule.targets:
            raise PolicyWordError("the firewall talks to itself without asking", "remove one of the two")
        sources = tuple(each for each in rule.sources if each != FIREWALL)
        targets = tuple(each for each in rule.targets if each != FIREWALL)
        incoming, outgoing = self._among_zones("meta iifname", sources), self._among_zones("meta oifname", targets)
        if sources and targets:
            yield "forward", (*incoming, *outgoing)
        if FIREWALL in rule.targets:
            yield "input", incoming
        if FIREWALL in rule.sources:
            yield "output", outgoing

    def _among_zones(self, name: str, zones: Sequence[str]) -> tuple[Match, ...]:
        if ANY in zones or not zones:
            return ()
        return (_interfaces(name, tuple(dict.fromkeys(self.policy.zones[each].interface for each in zones))),)

    def _of_services(self, services: Sequence[Service], l3: int) -> Iterator[tuple[Match | ObjectRef, ...]]:
        """The matches of each protocol, for packets of an IP version (0: any). Services of one protocol share a rule."""
        groups: dict[tuple[int | None, str], list[Service]] = {}
        for each in services:
            helper = HELPERS.get((each.proto or 0, each.first or 0), "") if each.first == each.last else ""
            groups.setdefault((each.proto, helper), []).append(each)
        if not any(_fits(proto, l3) for proto, _ in groups):
            raise PolicyWordError(f"these services do not exist in IPv{l3}, and the addresses are of that version", "leave the rule out")
        for (proto, helper), parts in groups.items():
            if not _fits(proto, l3):
                continue
            if helper:
                self.helpers[helper] = proto or 0
                yield (_of_protocol(proto, parts), ObjectRef("ct helper", helper))
            else:
                yield () if proto is None else (_of_protocol(proto, parts),)


def _fits(proto: int | None, l3: int) -> bool:
    return not l3 or proto not in _ICMP or _ICMP[proto][0] == l3


def _of_protocol(proto: int | None, parts: Sequence[Service]) -> Match:
    number = proto or 0
    bounds = [(each.first, each.last) for each in parts if each.first is not None and each.last is not None]
    if len(bounds) < len(parts):
        return _among("meta l4proto", [(number, number)])
    return _among(_ICMP[number][1] if number in _ICMP else PORT_PROTOCOLS[number], bounds)


def _networks(text: str | None) -> dict[int, list[Network]]:
    """IP version → networks of a list such as ``192.0.2.1, 2001:db8::/32``; empty for everywhere."""
    found: dict[int, list[Network]] = {}
    for word in (each.strip() for each in text.split(",")) if text else ():
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            raise PolicyWordError(
                f'"{word}" is no address', "behind from and to stand addresses: 192.0.2.1 or 2001:db8::/32", word
            ) from None
        found.setdefault(network.version, []).append((int(network.network_address), int(network.broadcast_address)))
    return found


def _header_matches(sources: dict[int, list[Network]], targets: dict[int, list[Network]]) -> Iterator[tuple[int, tuple[Match, ...]]]:
    """(IP version or 0 for both, matches of its addresses)."""
    if not sources and not targets:
        yield 0, ()
        return
    versions = [version for version in (4, 6) if (not sources or version in sources) and (not targets or version in targets)]
    if not versions:
        raise PolicyWordError("one side has IPv4 addresses and the other IPv6: no packet has both", "write two rules")
    for version in versions:
        name = "ip" if version == 4 else "ip6"
        sides = ((f"{name} saddr", sources.get(version)), (f"{name} daddr", targets.get(version)))
        yield version, tuple(_among(selector, bounds) for selector, bounds in sides if bounds)


def _interfaces(name: str, interfaces: Sequence[str]) -> Match:
    bounds = []
    for interface in interfaces:
        stem = interface.removesuffix("*").encode()
        bounds.append(
            (int.from_bytes(stem.ljust(16, b"\0")), int.from_bytes(stem.ljust(16, b"\xff" if interface.endswith("*") else b"\0")))
        )
    return _any_of(name, bounds)


def _among(name: str, bounds: Sequence[Network]) -> Match:
    """Overlaps are joined: nftables refuses them in one set."""
    return _any_of(name, merge(bounds))


def _any_of(name: str, bounds: Sequence[Network]) -> Match:
    return Match((Key(SELECTORS[name]),), "==", SetLiteral(tuple(Element((each,)) for each in bounds), braces=len(bounds) > 1))


def _mask(name: str, bits: int) -> Match:
    return Match((Key(SELECTORS[name]),), "any", SetLiteral((Element(((bits, bits),)),)))
