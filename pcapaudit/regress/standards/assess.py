"""Each requirement met, violated, not exercised or not applicable: evidence of settings, trials and capture, weighed.

One piece of evidence against a requirement violates it; else one for it meets it; that it was exercised alone does neither. Nothing is met
without evidence, and every piece says what it rests on (``Basis``).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pcapaudit.conntrack.config import DEFAULT_TIMEOUTS, SYSCTL_OF
from pcapaudit.conntrack.helpers.registry import BY_NAME
from pcapaudit.core import consts
from pcapaudit.regress.standards.bench import Ends, NotAsked, NotTried, World, ends_of
from pcapaudit.regress.standards.border import BORDER_PROBES
from pcapaudit.regress.standards.catalogue import STANDARDS, Requirement, Standard, load_standard
from pcapaudit.regress.standards.facts import FACTS, Count
from pcapaudit.regress.standards.probes import PROBES
from pcapaudit.regress.standards.talks import PROTOCOLS
from pcapaudit.regress.standards.translating import NAT_PROBES
from pcapaudit.regress.standards.tried import Basis, Evidence
from pcapaudit.rules.model import ObjectRef

if TYPE_CHECKING:
    from pcapaudit.findings.violation import Violation
    from pcapaudit.regress.standards.facts import Facts
    from pcapaudit.replay.consumer import Context

__all__ = ["Assessment", "Seen", "Verdict", "assess"]

_NS = 1_000_000_000
#: Where a value comes from that nobody set.
_DEFAULT = "Linux's default"
_PROBES = {**PROBES, **BORDER_PROBES, **NAT_PROBES}
_ICMP = {"icmp4": consts.PROTO_ICMP, "icmp6": consts.PROTO_ICMPV6}


class Verdict(StrEnum):
    """What a requirement comes to."""

    VIOLATED = "violated"
    MET = "met"
    #: Neither settings nor trials nor capture say anything.
    NOT_EXERCISED = "not-exercised"
    #: It asks nothing of this ruleset: a permission, or a NAT's duty where nothing is translated.
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True, slots=True)
class Assessment:
    """One requirement and what it came to."""

    standard: Standard
    requirement: Requirement
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    #: Why there is no verdict, or none was needed; empty beside evidence for or against.
    reason: str
    #: What would change it; empty where nothing has to.
    change: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the assessment rests on besides the ruleset."""

    #: Counts of the capture.
    facts: Facts
    #: Findings of ``flow-cut-by-timeout``.
    cuts: Sequence[Violation]
    #: Timer or switch → where its value comes from.
    origins: Mapping[str, str]


def assess(context: Context, seen: Seen, numbers: Sequence[int] = STANDARDS) -> list[Assessment]:
    """Every requirement of the standards, in their order."""
    world = World(context, dict(_ends(context, seen.facts)), seen.facts.services)
    judge = _Judge(context, seen, world)
    return [judge.judge(standard, each) for standard in map(load_standard, numbers) for each in standard.requirements]


def _ends(context: Context, facts: Facts) -> Iterator[tuple[int, Ends]]:
    for version in (4, 6):
        try:
            yield version, ends_of(context.topology, version, facts.hosts[version, True], facts.hosts[version, False])
        except NotTried:
            continue


class _Judge:
    def __init__(self, context: Context, seen: Seen, world: World) -> None:
        self._context = context
        self._seen = seen
        self._world = world

    def judge(self, standard: Standard, requirement: Requirement) -> Assessment:
        """The verdict on one requirement."""
        excused = self._excuse(standard, requirement)
        if excused:
            return Assessment(standard, requirement, Verdict.NOT_APPLICABLE, (), excused, "")
        evidence, untried = [*self._of_settings(requirement), *self._of_capture(requirement)], ""
        try:
            evidence += self._of_probe(requirement)
        except NotAsked as why:
            return Assessment(standard, requirement, Verdict.NOT_APPLICABLE, (), str(why), "")
        except NotTried as why:
            untried = str(why)
        verdict = (
            Verdict.VIOLATED
            if any(each.holds is False for each in evidence)
            else Verdict.MET
            if any(each.holds for each in evidence)
            else Verdict.NOT_EXERCISED
        )
        order = {False: 0, True: 1, None: 2}
        evidence.sort(key=lambda each: (order[each.holds], tuple(Basis).index(each.basis)))
        reason = requirement.why or untried or "the capture holds nothing of it" if verdict is Verdict.NOT_EXERCISED else ""
        change = self._change(requirement) if verdict is Verdict.VIOLATED else _exercise(requirement) if reason else ""
        return Assessment(standard, requirement, verdict, tuple(evidence), reason, change)

    def _excuse(self, standard: Standard, requirement: Requirement) -> str:
        """Why a requirement does not apply; empty if it does."""
        if requirement.level == "MAY" and not requirement.probe:
            return "a permission: nothing can violate it"
        if requirement.eif:
            return "filtering is not endpoint-independent: conntrack filters by address and port"
        if requirement.probe in NAT_PROBES and 4 not in self._context.program.nat_l3:
            return "no rule translates IPv4 addresses"
        version = 6 if standard.number == 6092 else 4
        if requirement.probe and requirement.probe not in NAT_PROBES and not self._filters(version):
            return f"no chain of the ruleset sees forwarded or local IPv{version} packets: everything passes"
        return ""

    def _filters(self, version: int) -> bool:
        """Whether any filter chain sees packets of a version."""
        plans = self._context.program.plans
        return any(not base.is_nat for paths in plans for versions in paths for base in versions[version == 6])

    # Settings ---------------------------------------------------------------------------------------------------------------------

    def _of_settings(self, requirement: Requirement) -> Iterator[Evidence]:
        config = self._context.conntrack
        timers = [(name, config.timeouts.get(name, DEFAULT_TIMEOUTS[name] * _NS)) for name in requirement.timers]
        short = [(name, ns) for name, ns in timers if ns < requirement.at_least * _NS]
        for holds, found in ((False, short), (True, [each for each in timers if each not in short])):
            deciding = [each for each in found if not requirement.principal or each[0] == requirement.principal]
            if deciding:
                yield Evidence(Basis.SETTING, holds, f"{self._told(deciding)}; asked for: {_span(requirement.at_least * _NS)}")
            others = [each for each in found if each not in deciding]
            if others and not holds:
                yield Evidence(Basis.SETTING, None, f"shorter where data waits for its acknowledgement: {self._told(others)}")
        for name, least in requirement.switches.items():
            value = getattr(config, name)
            yield Evidence(Basis.SETTING, value >= least, f"{name} {value} ({self._seen.origins.get(name, _DEFAULT)})")
        if requirement.settings == "separate":
            names = ("tcp.syn_sent", "tcp.syn_recv", "tcp.fin_wait", "tcp.last_ack", "tcp.time_wait")
            told = self._told([(name, config.timeouts.get(name, DEFAULT_TIMEOUTS[name] * _NS)) for name in names])
            yield Evidence(Basis.SETTING, True, f"each has its own sysctl: {told}")
        if requirement.helpers:
            yield self._helpers(requirement.helpers)

    def _told(self, timers: Sequence[tuple[str, int]]) -> str:
        """Timers with where each comes from, if that is not the same for all."""
        origins = {self._seen.origins.get(name, _DEFAULT) for name, _ in timers}
        if len(origins) == 1:
            return f"{', '.join(f'{name} {_span(ns)}' for name, ns in timers)} ({origins.pop()})"
        return ", ".join(f"{name} {_span(ns)} ({self._seen.origins.get(name, _DEFAULT)})" for name, ns in timers)

    def _helpers(self, proto: str) -> Evidence:
        """Helpers of a protocol that connections get; FTP's is let be (RFC 5382 REQ-6)."""
        config = self._context.conntrack
        found = [f"{name} on port {port}" for name, port in config.helper_ports if name != "ftp" and _helps(name, proto)]
        if config.helper:
            found.append("all of them by port (--helpers auto)")
        found += [f"{name} by {at}" for name, at in _set_helpers(self._context, proto) if name != "ftp"]
        return Evidence(
            Basis.SETTING, not found, f"helpers: {', '.join(found)}" if found else f"no {proto} helper is given to any connection"
        )

    # Trials -----------------------------------------------------------------------------------------------------------------------

    def _of_probe(self, requirement: Requirement) -> Iterator[Evidence]:
        """Raises NotTried."""
        if requirement.probe:
            tried = _PROBES[requirement.probe](self._world, requirement.of)
            basis = Basis.SETTING if requirement.probe in NAT_PROBES else Basis.PROBE
            excused = requirement.kernel and not tried.holds
            if excused:
                yield Evidence(Basis.SETTING, True, requirement.kernel)
            yield Evidence(basis, None if excused else tried.holds, tried.said)

    # Capture ----------------------------------------------------------------------------------------------------------------------

    def _of_capture(self, requirement: Requirement) -> Iterator[Evidence]:
        facts = self._seen.facts
        for name in requirement.flows:
            found, first = facts.flows.get(_key(name), (0, 0))
            if found:
                yield Evidence(Basis.CAPTURE, None, f"{found} {name[:-1]} connection{'s' * (found != 1)} over IPv{name[-1]}", first)
        if requirement.timers:
            yield from self._cuts(requirement)
        for name in requirement.errors:
            count = facts.errors.get(_key(name))
            if count is not None:
                yield self._packets(f"ICMP errors about {name[:-1]} connections", count, requirement.want)
        for name in requirement.facts:
            if facts.counts[name].total:
                yield self._packets(FACTS[name][0], facts.counts[name], requirement.want)

    def _cuts(self, requirement: Requirement) -> Iterator[Evidence]:
        """Connections of the capture that were cut by a time-out shorter than asked for."""
        for cut in self._seen.cuts:
            family = cut.evidence["protocol"]
            if cut.evidence["timeout_seconds"] < requirement.at_least and any(name.startswith(f"{family}.") for name in requirement.timers):
                yield Evidence(Basis.CAPTURE, False, cut.message, cut.first_frame)

    def _packets(self, what: str, count: Count, want: str) -> Evidence:
        """Packets and what became of them, held against what is wanted."""
        parts = [f"{getattr(count, name)} {name}" for name in ("accepted", "dropped", "rejected") if getattr(count, name)]
        against = {"accept": ("dropped", "rejected"), "refuse": ("accepted",), "silence": ("rejected",), "answer": ("dropped",)}.get(
            want, ()
        )
        first = min((count.first[name] for name in against if name in count.first), default=0)
        holds: bool | None = None
        if want:
            judged = count.total - (count.accepted if want in ("silence", "answer") else 0)
            holds = False if first else True if judged else None
        said = f"{what}: {', '.join(parts)}"
        if want == "answer" and holds:
            others = [number for number in count.rejecting if "admin-prohibited" not in self._rule_text(number)]
            if others:
                holds, said = (
                    False,
                    f"{said}, with another code by {', '.join(self._context.program.location(each) for each in sorted(others)[:3])}",
                )
        return Evidence(Basis.CAPTURE, holds, said, first or min(count.first.values()))

    def _rule_text(self, number: int) -> str:
        rule = self._context.program.rules[number]
        return rule.text if rule is not None else ""

    def _change(self, requirement: Requirement) -> str:
        """What would change a violation."""
        config = self._context.conntrack
        short = [
            name
            for name in ([requirement.principal] if requirement.principal else requirement.timers)
            if config.timeouts.get(name, DEFAULT_TIMEOUTS[name] * _NS) < requirement.at_least * _NS
        ]
        return _longer(short, requirement.at_least) if short else requirement.fix


def _longer(timers: Sequence[str], seconds: int) -> str:
    """How timers are made so long, here and on the firewall."""
    sysctls = [SYSCTL_OF[name] for name in timers if SYSCTL_OF[name]]
    start = os.path.commonprefix(sysctls)  # noqa: RUF071 (character by character is meant)
    named = sysctls[0] if len(sysctls) == 1 else f"{start}{{{','.join(each.removeprefix(start) for each in sysctls)}}}"
    here = f"--timeout {timers[0]}={seconds}" if len(timers) == 1 else f"--timeout NAME={seconds} for each"
    return f"{here}; on the firewall net.netfilter.{named}={seconds}" if sysctls else here


def _helps(name: str, proto: str) -> bool:
    """Whether a helper reads connections of a protocol; sip and some others read both."""
    return PROTOCOLS[proto] in BY_NAME[name].protos


def _set_helpers(context: Context, proto: str) -> Iterator[tuple[str, str]]:
    """Type of the helpers for a protocol that rules give to connections, and the rule's ``file:line``."""
    objects = {
        (table.family, table.name, each.name): dict(
            pair for line in each.lines for pair in itertools.pairwise(line.replace(";", " ").split())
        )
        for table in context.ruleset.tables
        for each in table.objects
        if each.kind == "ct helper"
    }
    for rule in context.program.rules:
        for statement in rule.rule.statements if rule is not None else ():
            if rule is not None and isinstance(statement, ObjectRef) and statement.kind == "ct helper":
                words = objects.get((rule.family, rule.table, statement.name), {})
                if words.get("protocol", proto) == proto:
                    yield words.get("type", statement.name).strip('"'), f"{rule.path}:{rule.line}"


def _exercise(requirement: Requirement) -> str:
    """What would bring a verdict where there is none."""
    if requirement.why:
        return ""
    if requirement.probe == "own-service":
        return "--own ADDRESS"
    return "zones (--zone, --topology) or a capture that tell both sides" if requirement.probe else "a capture that holds such traffic"


def _key(name: str) -> tuple[int, int]:
    """``udp4`` → protocol and IP version."""
    return _ICMP.get(name) or PROTOCOLS[name[:-1]], int(name[-1])


def _span(ns: int) -> str:
    """A length of time as people set it: 30 s, 4 min, 2 h 4 min, 5 d."""
    seconds = ns // _NS
    for unit, smaller, length, part in (("d", "h", 86400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if seconds >= length:
            rest = seconds % length // part
            return f"{seconds // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"
