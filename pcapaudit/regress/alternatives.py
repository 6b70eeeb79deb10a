"""What one change would do to one frame: a few single changes of rules or settings, each really tried by replaying up to the frame.

All of them are judged in one pass, each by an engine of its own. Candidates come from what decided the frame, so there are few; none of
them is an advice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pcapaudit.conntrack.helpers.registry import BY_NAME
from pcapaudit.core import consts, vocab
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.run import Engine, Source
from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.nft.printer import format_rule

if TYPE_CHECKING:
    from pcapaudit.conntrack.config import ConntrackConfig
    from pcapaudit.replay.consumer import Context
    from pcapaudit.replay.hold import Judged
    from pcapaudit.replay.trace import FrameTrace
    from pcapaudit.rules.model import Chain, Rule, Ruleset

__all__ = ["MAX_CHANGES", "Change", "Ended", "Outcome", "candidates", "reordered", "try_changes"]

#: Changes that are tried at most: each is a run of the capture up to the frame.
MAX_CHANGES = 12
_NS = 1_000_000_000
#: File of rules that are put in.
_ADDED = "added"
_WINDOW_REASONS = frozenset(
    {consts.REASON_TCP_SEQ_OVER, consts.REASON_TCP_SEQ_UNDER, consts.REASON_TCP_ACK_OVER, consts.REASON_TCP_ACK_UNDER}
)
_NEVER_WHOLE = frozenset({consts.REASON_FRAGMENT_DROPPED, consts.REASON_FRAGMENT_TIMEOUT})
_STATELESS = {
    consts.PROTO_UDP: ("udp.unreplied", "udp.stream"),
    consts.PROTO_UDPLITE: ("udp.unreplied", "udp.stream"),
    consts.PROTO_ICMP: ("icmp", "icmp"),
    consts.PROTO_ICMPV6: ("icmpv6", "icmpv6"),
    consts.PROTO_GRE: ("gre.unreplied", "gre.stream"),
}
#: Protocols whose data connections helpers announce.
_HELPED = frozenset({consts.PROTO_TCP, consts.PROTO_UDP})


@dataclass(frozen=True, slots=True)
class Change:
    """One change."""

    #: What is changed, in a line.
    text: str
    #: As options of the command line, or the rule that is added or taken away.
    how: str
    ruleset: Ruleset | None = None
    conntrack: ConntrackConfig | None = None
    mode: str = ""
    #: The rule that is taken away; None for other changes.
    lacks: Rule | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A connection of the same tuple whose entry had gone when the frame came."""

    #: Number of its flow, its TCPS_ state (or of another protocol) and STATUS_ bits at the end.
    flow: int
    state: int
    status: int
    #: Time from its last packet to the frame, ns, and from its end.
    pause_ns: int
    late_ns: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the frame under a change."""

    change: Change
    #: VERDICT_, REASON_ and CT_ numbers, the deciding rule's ``file:line``.
    verdict: int
    reason: int
    ct_state: int
    at: str


def candidates(trace: FrameTrace, context: Context, ended: Ended | None = None) -> list[Change]:
    """The changes worth trying for a frame; ``ended``: the connection that timed out before it, if one did."""
    if trace.verdict["verdict"] == consts.VERDICT_SKIP or trace.verdict["reason"] in _NEVER_WHOLE or not trace.packet["l3"]:
        return []
    found = [*_switches(trace, context.conntrack), *_timeouts(trace, context.conntrack, ended), *_rules(trace, context)]
    if trace.verdict["verdict"] != consts.VERDICT_ACCEPT and context.mode != "observed":
        found.append(Change("earlier packets did pass, whatever the rules say", "--mode observed", mode="observed"))
    return found[:MAX_CHANGES]


def _switches(trace: FrameTrace, config: ConntrackConfig) -> Iterator[Change]:
    reason, packet = trace.verdict["reason"], trace.packet
    if packet["proto"] == consts.PROTO_TCP:
        wanted = []
        if reason in _WINDOW_REASONS and not config.tcp_be_liberal:
            wanted.append(("tcp_be_liberal", 1, "the window is not judged"))
        if trace.verdict["ct_state"] == consts.CT_NEW or reason == consts.REASON_TCP_NO_PICKUP:
            loose = 1 - config.tcp_loose
            wanted.append(("tcp_loose", loose, "connections are picked up in the middle" if loose else "none is picked up in the middle"))
        if reason == consts.REASON_TCP_RST_SEQ:
            wanted.append(("tcp_ignore_invalid_rst", 1, "a RST outside the window is let through"))
        for name, value, text in wanted:
            changed = config.with_switch(name, value)
            yield Change(f"{name} = {value}: {text}", f"--sysctl nf_conntrack_{name}={value}", conntrack=changed)
    if reason == consts.REASON_BAD_CHECKSUM:
        yield Change("checksums are not judged", "--sysctl nf_conntrack_checksum=0", conntrack=config.with_switch("checksum", 0))
    if packet["proto"] in _HELPED and trace.verdict["ct_state"] == consts.CT_NEW and not config.helper:
        names = ", ".join(sorted(BY_NAME))
        yield Change(f"helpers are assigned by port ({names})", "--helpers auto", conntrack=config.with_switch("helper", 1))


def _timeouts(trace: FrameTrace, config: ConntrackConfig, ended: Ended | None) -> Iterator[Change]:
    """The timers that may have ended the connection before, long enough to bridge the pause."""
    if ended is None:
        return
    seconds = ended.pause_ns // _NS + 1
    for name in dict.fromkeys(_timers_of(trace.packet["proto"], ended)):
        yield Change(
            f"{name} of {seconds} s: longer than the pause before the frame",
            f"--timeout {name}={seconds}",
            conntrack=config.with_timeout(name, str(seconds)),
        )


def _timers_of(proto: int, ended: Ended) -> Iterator[str]:
    if proto == consts.PROTO_TCP:
        state = vocab.TCP_STATES.get(ended.state, "")
        if state:
            yield f"tcp.{state}"
        if state == "established":
            yield from ("tcp.unacknowledged", "tcp.max_retrans")
    elif proto in _STATELESS:
        unreplied, stream = _STATELESS[proto]
        yield stream if ended.status & consts.STATUS_ASSURED else unreplied
    else:
        yield "generic"


# Rules ----------------------------------------------------------------------------------------------------------------------------


def _rules(trace: FrameTrace, context: Context) -> Iterator[Change]:
    verdict, program = trace.verdict, context.program
    rule, chain = program.rules[verdict["rule"]], program.chains[verdict["chain"]]
    ruleset = context.ruleset
    if rule is not None:
        without = _changed(ruleset, (rule.family, rule.table, rule.chain), lambda each: _without(each, rule.rule))
        yield Change(
            f"the deciding rule is taken away ({rule.path}:{rule.line})", f"without: {format_rule(rule.rule)}", without, lacks=rule.rule
        )
    if chain is None:
        return
    key = (chain.family, chain.table, chain.name)
    if verdict["verdict"] == consts.VERDICT_ACCEPT:
        return
    if rule is None:
        accepting = _changed(ruleset, key, lambda each: replace(each, base=replace(each.base, policy="accept") if each.base else None))
        yield Change(f"the policy of {' '.join(key)} is accept", "policy accept", accepting)
    for text, why in _added(trace):
        added = _parsed(text)
        changed = _changed(ruleset, key, lambda each, added=added: replace(each, rules=(added, *each.rules)))  # type: ignore[misc]
        yield Change(f"{why}, first in {' '.join(key)}", text, changed)


def reordered(trace: FrameTrace, context: Context, outcomes: Sequence[Outcome]) -> list[Change]:
    """The rule that would decide otherwise if the deciding one were not there, moved in front of it; none if none would.

    ``outcomes``: those of ``candidates``, among which that is tried. What is moved is tried anew: it may not decide alone.
    """
    program, verdict = context.program, trace.verdict
    deciding = program.rules[verdict["rule"]]
    if deciding is None:
        return []
    for outcome in outcomes:
        if outcome.change.lacks is None or outcome.verdict == verdict["verdict"]:
            continue
        # Ids hold for the ruleset that was tried; the place is the same in both.
        behind = next((each for each in program.rules if each is not None and f"{each.path}:{each.line}" == outcome.at), None)
        key = (deciding.family, deciding.table, deciding.chain)
        if behind is None or (behind.family, behind.table, behind.chain) != key:
            continue
        moved = _changed(context.ruleset, key, lambda chain, rule=behind.rule: _moved(chain, rule, deciding.rule))  # type: ignore[misc]
        text = f"{behind.path}:{behind.line} moved in front of the deciding rule ({deciding.path}:{deciding.line})"
        return [Change(text, f"first: {format_rule(behind.rule)}", moved)]
    return []


def _moved(chain: Chain, rule: Rule, before: Rule) -> Chain:
    """The chain with one rule in front of another."""
    rules = [each for each in chain.rules if each is not rule]
    place = next(number for number, each in enumerate(rules) if each is before)
    return replace(chain, rules=(*rules[:place], rule, *rules[place:]))


def _added(trace: FrameTrace) -> Iterator[tuple[str, str]]:
    """Rules to put in front, and what they do."""
    packet = trace.packet
    yield "ct state established,related accept", "a rule accepts established and related"
    name = {consts.PROTO_TCP: "tcp", consts.PROTO_UDP: "udp", consts.PROTO_SCTP: "sctp", consts.PROTO_UDPLITE: "udplite"}.get(
        packet["proto"]
    )
    if name is not None and trace.verdict["ct_state"] == consts.CT_NEW:
        yield f"{name} dport {packet['dport']} accept", f"a rule accepts {name} port {packet['dport']}"
    if trace.verdict["ct_state"] == consts.CT_INVALID:
        yield "ct state invalid accept", "a rule accepts invalid"


def _parsed(text: str) -> Rule:
    return parse_ruleset(f"table inet t {{ chain c {{ {text}; }} }}", _ADDED).tables[0].chains[0].rules[0]


def _changed(ruleset: Ruleset, where: tuple[str, str, str], change: Callable[[Chain], Chain]) -> Ruleset:
    """The ruleset with one chain changed."""
    family, table, name = where
    tables = tuple(
        replace(each, chains=tuple(change(chain) if chain.name == name else chain for chain in each.chains))
        if (each.family, each.name) == (family, table)
        else each
        for each in ruleset.tables
    )
    return replace(ruleset, tables=tables)


def _without(chain: Chain, rule: Rule) -> Chain:
    return replace(chain, rules=tuple(each for each in chain.rules if each is not rule))


# Trying ---------------------------------------------------------------------------------------------------------------------------


def try_changes(changes: list[Change], context: Context, frame: int, seed: int) -> list[Outcome]:
    """Replay ``context``'s stream up to ``frame`` under each change. Raises CaptureError."""
    source = Source(context.stream, context.checksum)
    engines = [Engine(_context(change, context), source, seed) for change in changes]
    found: dict[int, Outcome] = {}
    while len(found) < len(changes) and source.read():
        for number, engine in enumerate(engines):
            _find(found, number, (changes[number], context, frame), engine.decide())
    for number, engine in enumerate(engines):
        _find(found, number, (changes[number], context, frame), engine.rest())
    return [found[number] for number in sorted(found)]


def _find(found: dict[int, Outcome], number: int, what: tuple[Change, Context, int], batches: Iterable[Judged]) -> None:
    """Note the outcome of a change if the frame is in one of the batches."""
    change, context, frame = what
    for judged in batches:
        row = frame - judged.batch.first_frame
        if 0 <= row < judged.batch.count:
            found[number] = _outcome(change, judged.verdicts[0].arrays, row, _context(change, context))


def _context(change: Change, context: Context) -> Context:
    ruleset = change.ruleset or context.ruleset
    program = context.program
    if change.ruleset is not None:
        program = program_for(ruleset, context.topology)
    return replace(
        context, ruleset=ruleset, program=program, conntrack=change.conntrack or context.conntrack, mode=change.mode or context.mode
    )


def _outcome(change: Change, verdicts: Mapping[str, Any], row: int, context: Context) -> Outcome:
    value = {name: int(verdicts[name][row]) for name in ("verdict", "reason", "ct_state", "rule", "chain")}
    chain = context.program.chains[value["chain"]]
    at = context.program.location(value["rule"]).replace(f"{_ADDED}:1", "the added rule") or (
        f"{chain.path}:{chain.policy_line}" if chain else ""
    )
    return Outcome(change, value["verdict"], value["reason"], value["ct_state"], at)
