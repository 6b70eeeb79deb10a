"""Writes the model as nftables text: one way of writing for each thing, which real nft reads, and our reader reads back unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pcapaudit.rules import tables
from pcapaudit.rules.datatypes import DATATYPES, Datatype, format_duration
from pcapaudit.rules.model import (
    Chain,
    Counter,
    Element,
    Key,
    Limit,
    Log,
    Match,
    NamedSet,
    Reject,
    Rule,
    Ruleset,
    SetLiteral,
    SetRef,
    Statement,
    Table,
    Verdict,
    VerdictMap,
)

__all__ = ["format_rule", "format_ruleset"]


def format_ruleset(ruleset: Ruleset) -> str:
    """A file that sets up the ruleset."""
    return "\n".join("\n".join(_table(table)) + "\n" for table in ruleset.tables)


def format_rule(rule: Rule) -> str:
    """A rule on one line."""
    words = [_STATEMENTS[type(each)](each) for each in rule.statements]
    if rule.comment:
        words.append(f'comment "{rule.comment}"')
    return " ".join(words)


def _table(table: Table) -> Iterator[str]:
    yield f"table {table.family} {table.name} {{"
    if table.dormant:
        yield "\tflags dormant"
    if table.comment:
        yield f'\tcomment "{table.comment}"'
    for known in table.sets:
        yield from _set(known)
    for chain in table.chains:
        yield from _chain(chain)
    yield "}"


def _set(known: NamedSet) -> Iterator[str]:
    yield f"\t{'map' if known.data_type else 'set'} {known.name} {{"
    key = "typeof " + " . ".join(each.text for each in known.typeof) if known.typeof else "type " + " . ".join(known.types)
    yield f"\t\t{key}" + (f" : {known.data_type}" if known.data_type else "")
    if known.policy:
        yield f"\t\tpolicy {known.policy}"
    if known.size is not None:
        yield f"\t\tsize {known.size}"
    if known.flags:
        yield f"\t\tflags {','.join(known.flags)}"
    if known.timeout_ns is not None:
        yield f"\t\ttimeout {format_duration(known.timeout_ns)}"
    if known.gc_interval_ns is not None:
        yield f"\t\tgc-interval {format_duration(known.gc_interval_ns)}"
    if known.auto_merge:
        yield "\t\tauto-merge"
    if known.counter:
        yield "\t\tcounter"
    if known.comment:
        yield f'\t\tcomment "{known.comment}"'
    if known.elements:
        types = [DATATYPES[name] for name in known.types]
        yield f"\t\telements = {{ {', '.join(_element(each, types) for each in known.elements)} }}"
    yield "\t}"


def _chain(chain: Chain) -> Iterator[str]:
    yield f"\tchain {chain.name} {{"
    if chain.comment:
        yield f'\t\tcomment "{chain.comment}"'
    if chain.base is not None:
        base = chain.base
        yield f"\t\ttype {base.type} hook {base.hook} priority {base.priority}; policy {base.policy};"
    for rule in chain.rules:
        yield f"\t\t{format_rule(rule)}"
    yield "\t}"


# Matches ---------------------------------------------------------------------------------------------------------------------------


def _match(match: Match) -> str:
    keys = " . ".join(_key(key) for key in match.keys)
    right = _right(match.right, match.keys)
    datatype = match.keys[0].selector.datatype
    explicit = match.keys[0].mask is not None or (datatype.is_mask and isinstance(match.right, SetLiteral) and not match.right.braces)
    operator = {"any": "", "==": "== " if explicit else ""}.get(match.op, match.op + " ")
    return f"{keys} {operator}{right}"


def _key(key: Key) -> str:
    text = key.selector.text
    if key.mask is not None:
        text += f" & 0x{key.mask:x}"
    if key.xor:
        text += f" ^ 0x{key.xor:x}"
    return text


def _right(right: SetLiteral | SetRef, keys: Sequence[Key]) -> str:
    if isinstance(right, SetRef):
        return f"@{right.name}"
    types = [key.selector.datatype for key in keys]
    if not right.braces:
        return _element(right.elements[0], types)
    return "{ " + ", ".join(_element(each, types) for each in right.elements) + " }"


def _element(element: Element, types: Sequence[Datatype]) -> str:
    text = " . ".join(_interval(first, last, datatype) for (first, last), datatype in zip(element.parts, types, strict=True))
    if element.timeout_ns is not None:
        text += f" timeout {format_duration(element.timeout_ns)}"
    if element.expires_ns is not None:
        text += f" expires {format_duration(element.expires_ns)}"
    if element.comment:
        text += f' comment "{element.comment}"'
    return text + (f" : {_verdict(element.verdict)}" if element.verdict is not None else "")


def _interval(first: int, last: int, datatype: Datatype) -> str:
    if first == last:
        return datatype.format(first)
    size = last - first + 1
    if datatype.form == "ifname":
        stem = first.to_bytes(16, "big").rstrip(b"\0").decode(errors="replace")
        return f'"{stem}*"'
    if datatype.form in ("ipv4", "ipv6") and not size & (size - 1) and not first % size:
        return f"{datatype.format(first)}/{datatype.bits - size.bit_length() + 1}"
    return f"{datatype.format(first)}-{datatype.format(last)}"


# Statements ------------------------------------------------------------------------------------------------------------------------


def _verdict(verdict: Verdict) -> str:
    return f"{verdict.kind} {verdict.target}".rstrip()


def _verdict_map(statement: VerdictMap) -> str:
    return " . ".join(_key(key) for key in statement.keys) + " vmap " + _right(statement.right, statement.keys)


def _reject(reject: Reject) -> str:
    if not reject.kind:
        return "reject"
    if reject.kind == "tcp":
        return "reject with tcp reset"
    return f"reject with {reject.kind} {DATATYPES[reject.kind + '_code'].format(reject.code)}"


def _log(log: Log) -> str:
    return " ".join(["log", *(f'{name} "{value}"' if name == "prefix" else f"{name} {value}" for name, value in log.options)])


def _counter(counter: Counter) -> str:
    if counter.packets is None:
        return "counter"
    return f"counter packets {counter.packets} bytes {counter.size or 0}"


def _limit(limit: Limit) -> str:
    period = next(name for name, seconds in tables.SECONDS_PER.items() if seconds == limit.per_s)
    over = "over " if limit.over else ""
    if limit.of_bytes:
        return f"limit rate {over}{limit.rate} bytes/{period}" + (f" burst {limit.burst} bytes" if limit.burst else "")
    return f"limit rate {over}{limit.rate}/{period} burst {limit.burst} packets"


_STATEMENTS: dict[type[Statement], Callable[[Any], str]] = {
    Match: _match,
    VerdictMap: _verdict_map,
    Verdict: _verdict,
    Reject: _reject,
    Log: _log,
    Counter: _counter,
    Limit: _limit,
}
