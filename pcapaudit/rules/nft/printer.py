"""Writes the model as nftables text: one way of writing for each thing, which real nft reads, and our reader reads back unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

from pcapaudit.rules import tables
from pcapaudit.rules.datatypes import DATATYPES, Datatype, format_duration
from pcapaudit.rules.model import (
    Assign,
    Chain,
    ConnCount,
    Counter,
    Element,
    Key,
    Limit,
    Log,
    MapLookup,
    Match,
    NamedObject,
    NamedSet,
    Nat,
    Notrack,
    Number,
    ObjectRef,
    Opaque,
    Queue,
    Quota,
    Recent,
    Reject,
    Rule,
    Ruleset,
    SetLiteral,
    SetRef,
    SetUpdate,
    Side,
    Statement,
    Synproxy,
    Table,
    Tproxy,
    Unsupported,
    Value,
    Verdict,
    VerdictMap,
)

__all__ = ["format_key", "format_rule", "format_ruleset", "format_statement"]


def format_ruleset(ruleset: Ruleset, *, numbered: bool = False) -> str:
    """A file that sets up the ruleset; ``numbered``: with each rule's id, as in reports, and its place, in a remark."""
    ids = count(1)
    return "\n".join("\n".join(_table(table, ids if numbered else None)) + "\n" for table in ruleset.tables)


def format_rule(rule: Rule) -> str:
    """A rule on one line."""
    words = [format_statement(each) for each in rule.statements]
    if rule.comment:
        words.append(f'comment "{rule.comment}"')
    return " ".join(words)


def format_statement(statement: Statement) -> str:
    """One statement of a rule."""
    return _STATEMENTS[type(statement)](statement)


def format_key(parts: Sequence[tuple[int, int]], keys: Sequence[Key]) -> str:
    """The key of a set's element: an interval for each part, in the words of what is compared with it."""
    return _parts(parts, [key.selector.datatype for key in keys])


def _table(table: Table, ids: Iterator[int] | None) -> Iterator[str]:
    yield f"table {table.family} {table.name} {{"
    if table.dormant:
        yield "\tflags dormant"
    if table.comment:
        yield f'\tcomment "{table.comment}"'
    for each in table.objects:
        yield from _object(each)
    for known in table.sets:
        yield from _set(known)
    for chain in table.chains:
        yield from _chain(chain, ids)
    yield "}"


def _object(known: NamedObject) -> Iterator[str]:
    yield f"\t{known.kind} {known.name} {{"
    if isinstance(known.value, Limit):
        yield "\t\t" + _limit(known.value).removeprefix("limit ")
    elif isinstance(known.value, Quota):
        yield "\t\t" + _quota(known.value).removeprefix("quota ")
    yield from (f"\t\t{line}{';' if known.kind == 'flowtable' else ''}" for line in known.lines)
    yield "\t}"


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
    for each in known.statements:
        yield f"\t\t{_STATEMENTS[type(each)](each)}"
    if known.comment:
        yield f'\t\tcomment "{known.comment}"'
    if known.elements:
        types = [DATATYPES[name] for name in known.types]
        data = [DATATYPES[name] for name in known.data_type.split(" . ") if name in DATATYPES]
        yield f"\t\telements = {{ {', '.join(_element(each, types, data) for each in known.elements)} }}"
    yield "\t}"


def _chain(chain: Chain, ids: Iterator[int] | None) -> Iterator[str]:
    yield f"\tchain {chain.name} {{"
    if chain.comment:
        yield f'\t\tcomment "{chain.comment}"'
    if chain.base is not None:
        base = chain.base
        devices = ""
        if base.devices:
            devices = f' device "{base.devices[0]}"' if len(base.devices) == 1 else " devices = { " + ", ".join(base.devices) + " }"
        yield f"\t\ttype {base.type} hook {base.hook}{devices} priority {base.priority}; policy {base.policy};"
    for rule in chain.rules:
        remark = f"  # {next(ids)} {rule.place.path}:{rule.place.line}" if ids is not None else ""
        yield f"\t\t{format_rule(rule)}{remark}"
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
    text, datatype = key.selector.text, key.selector.datatype
    if key.mask is not None:
        text += f" & {_bits(key.mask, datatype)}"
    if key.xor:
        text += f" ^ {_bits(key.xor, datatype)}"
    return text


def _bits(number: int, datatype: Datatype) -> str:
    """A mask: as an address where it belongs to one."""
    return datatype.format(number) if datatype.form in ("ipv4", "ipv6", "mac") else f"0x{number:x}"


def _right(right: SetLiteral | SetRef, keys: Sequence[Key]) -> str:
    if isinstance(right, SetRef):
        return f"@{right.name}"
    types = [key.selector.datatype for key in keys]
    if not right.braces:
        return _parts(right.elements[0].parts, types)
    return "{ " + ", ".join(_element(each, types) for each in right.elements) + " }"


def _parts(parts: Sequence[tuple[int, int]], types: Sequence[Datatype]) -> str:
    return " . ".join(_interval(first, last, datatype) for (first, last), datatype in zip(parts, types, strict=True))


def _element(element: Element, types: Sequence[Datatype], data: Sequence[Datatype] = ()) -> str:
    # In a set a comma begins the next element; bits of one value are joined by bars there.
    text = _parts(element.parts, types).replace(",", " | ")
    if element.timeout_ns is not None:
        text += f" timeout {format_duration(element.timeout_ns)}"
    if element.expires_ns is not None:
        text += f" expires {format_duration(element.expires_ns)}"
    if element.comment:
        text += f' comment "{element.comment}"'
    if element.verdict is not None:
        return f"{text} : {_verdict(element.verdict)}"
    if element.named:
        return f'{text} : "{element.named}"'
    return f"{text} : {_parts(element.data, data)}" if element.data is not None else text


def _interval(first: int, last: int, datatype: Datatype) -> str:
    if first == last:
        return datatype.format(first)
    size = last - first + 1
    if datatype.form == "ifname":
        stem = first.to_bytes(16, "big").rstrip(b"\0").decode(errors="replace")
        return f'"{stem}*"'
    if datatype.form in ("ipv4", "ipv6") and not size & (size - 1) and not first % size:
        return f"{datatype.format(first)}/{datatype.bits - size.bit_length() + 1}"
    if datatype.form == "integer" and datatype.symbols:  # names have dashes in them
        return f"{first}-{last}"
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


def _quota(quota: Quota) -> str:
    used = f" used {quota.used} bytes" if quota.used else ""
    return f"quota {'over ' if quota.over else ''}{quota.size} bytes{used}"


def _conn_count(count: ConnCount) -> str:
    """Counts by address as iptables writes them: nftables needs a set for them."""
    if not count.l3:
        return f"ct count {'over ' if count.over else ''}{count.count}"
    words = f"-m connlimit --connlimit-{'above' if count.over else 'upto'} {count.count} --connlimit-mask {count.mask.bit_count()}"
    return f"{words} --connlimit-{'saddr' if count.by_source else 'daddr'}"


# What statements set things to -----------------------------------------------------------------------------------------------------


def _value(value: Value) -> str:
    if isinstance(value, Number):
        return _interval(value.first, value.last, DATATYPES[value.type_name])
    if isinstance(value, Key):
        return _key(value)
    return _map(value)


def _map(lookup: MapLookup) -> str:
    keys = " . ".join(_key(key) for key in lookup.keys)
    if isinstance(lookup.right, SetRef):
        return f"{keys} map @{lookup.right.name}"
    types = [key.selector.datatype for key in lookup.keys]
    data = [DATATYPES[name] for name in lookup.data_types if name in DATATYPES]
    return f"{keys} map {{ {', '.join(_element(each, types, data) for each in lookup.right.elements)} }}"


def _assign(statement: Assign) -> str:
    value = statement.value
    if isinstance(value, Number) and value.type_name == "classid":
        return f"{statement.target.text} set {value.first >> 16:x}:{value.first & 0xFFFF:x}"
    return f"{statement.target.text} set {_value(value)}"


def _nat(statement: Nat) -> str:
    words = [statement.kind]
    if statement.family and statement.address is not None:
        words.append(statement.family)
    if isinstance(statement.address, MapLookup) and len(_data_parts(statement.address)) > 1:
        words.append("addr . port")
    if statement.of_prefix:
        words.append("prefix")
    if statement.address is not None or statement.port is not None:
        words += ["to", _target(statement.address, statement.port)]
    if statement.flags:
        words.append(",".join(statement.flags))
    return " ".join(words)


def _data_parts(lookup: MapLookup) -> Sequence[object]:
    if isinstance(lookup.right, SetRef) or not lookup.right.elements:
        return lookup.data_types
    return lookup.right.elements[0].data or ()


def _target(address: Value | None, port: Value | None) -> str:
    """``ADDRESS``, ``ADDRESS:PORT``, ``:PORT``."""
    text = "" if address is None else _value(address)
    if port is None:
        return text
    if isinstance(address, Number) and address.type_name == "ipv6_addr":
        text = "-".join(f"[{each}]" for each in text.split("-"))
    return f"{text}:{_value(port)}"


def _tproxy(statement: Tproxy) -> str:
    return " ".join(["tproxy", *([statement.family] if statement.family else []), "to", _target(statement.address, statement.port)])


def _queue(statement: Queue) -> str:
    flags = f" flags {','.join(statement.flags)}" if statement.flags else ""
    return f"queue{flags}" + (f" to {statement.number}" if statement.number else "")


def _object_ref(statement: ObjectRef) -> str:
    word = f"{statement.kind} set" if statement.kind.startswith("ct ") else f"{statement.kind} name"
    return f"{word} {_map(statement.chosen)}" if statement.chosen is not None else f'{word} "{statement.name}"'


def _recent(statement: Recent) -> str:
    """As iptables writes it: nftables has no words for it."""
    words = ["-m recent", f"{'! ' if statement.inverted else ''}--{statement.action}", f"--name {statement.name}"]
    words += [f"--seconds {statement.seconds}"] if statement.seconds else []
    words += [f"--hitcount {statement.hitcount}"] if statement.hitcount else []
    words += ["--rttl"] if statement.with_ttl else []
    words.append("--rsource" if statement.by_source else "--rdest")
    return " ".join(words)


def _update(statement: SetUpdate) -> str:
    words = [" . ".join(_key(key) for key in statement.keys)]
    if statement.timeout_ns is not None:
        words.append(f"timeout {format_duration(statement.timeout_ns)}")
    words += [_STATEMENTS[type(each)](each) for each in statement.statements]
    if statement.data is not None:
        words.append(f": {_value(statement.data)}")
    return f"{statement.op} @{statement.name} {{ {' '.join(words)} }}"


_STATEMENTS: dict[type[Statement], Callable[[Any], str]] = {
    Match: _match,
    VerdictMap: _verdict_map,
    Verdict: _verdict,
    Reject: _reject,
    Log: _log,
    Counter: _counter,
    Limit: _limit,
    Quota: _quota,
    ConnCount: _conn_count,
    Assign: _assign,
    Nat: _nat,
    Side: lambda each: each.text,
    Opaque: lambda each: each.text or each.name,
    Notrack: lambda _: "notrack",
    Queue: _queue,
    Tproxy: _tproxy,
    Synproxy: lambda each: f"synproxy {each.options}".rstrip(),
    ObjectRef: _object_ref,
    SetUpdate: _update,
    Recent: _recent,
    Unsupported: lambda each: each.text,
}
