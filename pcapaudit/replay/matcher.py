"""Finds the packets and flows that a selector means: a mask over the columns of a batch, or over ended flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pcapaudit.core import consts, vocab
from pcapaudit.core.errors import SelectorError
from pcapaudit.replay.openings import MIXED
from pcapaudit.replay.selector import Endpoint, Selector, Term

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.rules.compile import Program

__all__ = ["Columns", "Matcher", "packet_columns", "rules_named"]


class Columns(Protocol):
    """``columns["name"]`` is an array; of a packet the names of both batches and ``frame``, of a flow those of ``Flows``."""

    def __getitem__(self, name: str, /) -> Any: ...


_PORTS = np.isin(np.arange(256), [consts.PROTO_TCP, consts.PROTO_UDP, consts.PROTO_UDPLITE, consts.PROTO_SCTP, consts.PROTO_DCCP])
_ICMP = (consts.PROTO_ICMP, consts.PROTO_ICMPV6)
_CT = {name: number for number, name in vocab.CT_STATES.items()}
_DIRECTIONS = {name: number for number, name in vocab.DIRECTIONS.items()}
_VERDICTS = {name: number for number, name in vocab.VERDICTS.items()} | {"mixed": MIXED}
_REASONS = {name: number for number, name in vocab.REASONS.items()}
_ENDS = {name: number for number, name in vocab.END_REASONS.items()}
_STATES = (
    (consts.PROTO_TCP, {name: number for number, name in vocab.TCP_STATES.items()}),
    (consts.PROTO_SCTP, {name: number for number, name in vocab.SCTP_STATES.items()}),
    (consts.PROTO_DCCP, {name: number for number, name in vocab.DCCP_STATES.items()}),
)


class Matcher:
    """A selector of packets or flows, bound to a ruleset. Raises SelectorError where it names a rule that there is not."""

    def __init__(self, selector: Selector, program: Program) -> None:
        self.selector = selector
        self._rules = {term.column: rules_named(selector, term, program) for term in selector.terms if term.name == "rule"}

    def mask(self, columns: Columns, start_ns: int = 0) -> Any:
        """Which rows are meant; ``start_ns`` is the time of the first frame of the run."""
        selector = self.selector
        mask = np.ones(len(columns["l3"]), np.bool_)
        if selector.has_tuple:
            mask &= columns["l3"] != 0
            if selector.proto is not None:
                mask &= columns["proto"] == selector.proto
            there = _ends(columns, selector.source, selector.target)
            mask &= there | _ends(columns, selector.target, selector.source) if selector.both_ways else there
        for term in selector.terms:
            found = self._holds(columns, term, start_ns)
            mask &= ~found if term.negated else found
        return mask

    def _holds(self, columns: Columns, term: Term, start_ns: int) -> Any:
        if term.name == "rule":
            rules, chains = self._rules[term.column]
            return np.isin(columns["rule"], rules) | ((columns["rule"] == 0) & np.isin(columns["chain"], chains))
        if term.name == "time":
            times = [tuple(_absolute(bound, start_ns) for bound in value) for value in term.values]
            return _any(_spans(columns, "ns", value) for value in times)
        test = _TESTS[term.name]
        return _any(test(columns, value) for value in term.values)


def packet_columns(batch: PacketBatch, verdicts: VerdictBatch) -> dict[str, Any]:
    """All columns of a batch, cut to the packets there are, and ``frame``."""
    count = batch.count
    columns = {name: array[:count] for name, array in (*batch.arrays.items(), *verdicts.arrays.items())}
    columns["frame"] = np.arange(batch.first_frame, batch.first_frame + count, dtype=np.uint64)
    return columns


def rules_named(selector: Selector, term: Term, program: Program) -> tuple[list[int], list[int]]:
    """Ids of the rules, and of the chains whose policies, a term names: FILE:LINE, a comment, or ``policy``. Raises SelectorError."""
    rules = [rule for rule in program.rules if rule]
    chains = [chain for chain in program.chains if chain and chain.hook]
    found: tuple[list[int], list[int]] = [], []
    for name in term.values:
        if name == "policy":
            found[1].extend(chain.id for chain in chains)
            continue
        by_rule = [rule.id for rule in rules if name == rule.comment or _is_place(name, rule.path, rule.line)]
        by_chain = [chain.id for chain in chains if _is_place(name, chain.path, chain.policy_line)]
        if not by_rule and not by_chain:
            raise SelectorError(selector.text, term.column, term.width, f"no rule is {name!r}: {_near(name, program)}")
        found[0].extend(by_rule)
        found[1].extend(by_chain)
    return found


def _is_place(name: str, path: str, line: int) -> bool:
    file, _, number = name.rpartition(":")
    return number == str(line) and (path == file or path.endswith(f"/{file}"))


def _near(name: str, program: Program) -> str:
    """What a person may have meant."""
    places = [(rule.path.rpartition("/")[2], rule.line) for rule in program.rules if rule]
    file, _, line = name.rpartition(":")
    here = sorted({number for path, number in places if path == file.rpartition("/")[2]})
    if here and line.isdigit():
        near = sorted(here, key=lambda number: abs(number - int(line)))[:3]
        return f"{file} has rules at lines {', '.join(map(str, sorted(near)))} near there; expected FILE:LINE, a comment, or policy"
    comments = sorted({rule.comment for rule in program.rules if rule and rule.comment})
    shown = ", ".join(f'"{comment}"' for comment in comments[:5])
    return f"expected FILE:LINE of a rule{f', a comment ({shown})' if shown else ''}, or policy"


def _any(masks: Any) -> Any:
    return np.logical_or.reduce(list(masks))


def _ends(columns: Columns, source: Endpoint, target: Endpoint) -> Any:
    mask = np.ones(len(columns["l3"]), np.bool_)
    for end, name in ((source, "s"), (target, "d")):
        if end.network is not None:
            mask &= _in_network(columns, f"{name}{'rc' if name == 's' else 'st'}", end.network)
        if end.ports:
            mask &= _PORTS[columns["proto"]] & _any(_between(columns[f"{name}port"], each) for each in end.ports)
    return mask


def _in_network(columns: Columns, end: str, network: IPv4Network | IPv6Network) -> Any:
    first, mask = int(network.network_address), int(network.netmask)
    low = (columns[f"{end}_lo"] & np.uint64(mask & (1 << 64) - 1)) == np.uint64(first & (1 << 64) - 1)
    if network.version == 4:
        return low & (columns["l3"] == 4)
    return low & (columns["l3"] == 6) & ((columns[f"{end}_hi"] & np.uint64(mask >> 64)) == np.uint64(first >> 64))


def _between(array: Any, bounds: Sequence[int | None]) -> Any:
    low, high = bounds
    mask = np.ones(len(array), np.bool_)
    if low is not None:
        mask &= array >= low
    if high is not None:
        mask &= array <= high
    return mask


def _spans(columns: Columns, what: str, bounds: Sequence[int | None]) -> Any:
    """Packets in a range of frames (``frame``) or times (``ns``); of flows those with a first and last packet that reach into it."""
    alone = {"frame": "frame", "ns": "ts_ns"}[what]
    if f"first_{what}" not in _names(columns):
        return _between(columns[alone], bounds)
    low, high = bounds
    return _between(columns[f"last_{what}"], (low, None)) & _between(columns[f"first_{what}"], (None, high))


def _names(columns: Columns) -> Any:
    """The names that columns have; those of flows are the fields of their rows."""
    return columns if isinstance(columns, Mapping) else columns.rows.dtype.names  # type: ignore[attr-defined]  # it is Flows


def _absolute(bound: tuple[bool, int] | None, start_ns: int) -> int | None:
    return None if bound is None else bound[1] + (start_ns if bound[0] else 0)


def _host(columns: Columns, network: IPv4Network | IPv6Network) -> Any:
    return _in_network(columns, "src", network) | _in_network(columns, "dst", network)


def _port(columns: Columns, bounds: Sequence[int | None]) -> Any:
    return _PORTS[columns["proto"]] & (columns["l3"] != 0) & (_between(columns["sport"], bounds) | _between(columns["dport"], bounds))


def _icmp(columns: Columns, value: tuple[int, int | None]) -> Any:
    kind, code = value
    mask = np.isin(columns["proto"], _ICMP) & (columns["l3"] != 0) & (columns["icmp_type"] == kind)
    return mask if code is None else mask & (columns["icmp_code"] == code)


def _state(columns: Columns, name: str) -> Any:
    state, proto = columns["tcp_state"], columns["proto"]
    return _any((proto == number) & (state == names[name]) for number, names in _STATES if name in names)


def _decided(columns: Columns, yes: bool) -> Any:
    sure = columns["undecided"] == 0 if "undecided" in _names(columns) else columns["decided"] != 0
    return sure if yes else ~sure


_TESTS: dict[str, Callable[[Columns, Any], Any]] = {
    "proto": lambda columns, value: (columns["proto"] == value) & (columns["l3"] != 0),
    "host": _host,
    "port": _port,
    "icmp": _icmp,
    "ct": lambda columns, value: columns["ct_state"] == _CT[value],
    "direction": lambda columns, value: columns["direction"] == _DIRECTIONS[value],
    "state": _state,
    "verdict": lambda columns, value: columns["verdict"] == _VERDICTS[value],
    "decided": _decided,
    "reason": lambda columns, value: columns["reason"] == _REASONS[value],
    "flow": lambda columns, value: _between(columns["flow"], value),
    "frame": lambda columns, value: _spans(columns, "frame", value),
    **{
        name: lambda columns, value, name=name: _between(columns[name], value)  # type: ignore[misc]
        for name in ("accepted", "dropped", "rejected", "undecided", "invalid")
    },
    "end": lambda columns, value: columns["end"] == _ENDS[value],
}
